//! What only the receiving thread knows of sessions and peers: replay windows, unfinished frames, budgets.
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::Shared;
use super::deliver::Delivery;
use super::events::Event;
use super::peer::{Peer, Session};
use super::tables::{Entry, Tables};
use crate::admission::bucket::{Bucket, Rate};
use crate::clock::{Nanos, SECOND};
use crate::counters::{Drop, Drops};
use crate::frame::assemble::Assembler;
use crate::open::Windows;
use crate::packet::Part;
use crate::rejoin::{FrameId, Rejoiner};
use crate::switch::Switch;
use crate::way::Way;

/// Control datagrams of one peer. A member that meets a network of a thousand sends as many records at once.
const CONTROL: Rate = Rate { burst: 1_024, per_second: 256 };

/// So many messages without a pause are a conversation; when it stops, that may be because its way has.
const CONVERSATION: u32 = 8;
/// A pause is shorter than the silence of one who gets no answer: TCP, whose sender can't know, backs off meanwhile.
const PAUSE: Nanos = SECOND;

pub struct Locals {
    /// The snapshot that the rest follows.
    tables: Arc<Tables>,
    sessions: ByNumber<SessionState>,
    peers: Peers,
    /// Peers that may have a super-frame that isn't finished; each once, so no more than there are.
    unfinished: Vec<u32>,
    /// Peers from which a conversation comes; each once.
    talking: Vec<u32>,
    /// When the first of them may have paused.
    pause_at: Option<Nanos>,
}

/// By numbers that we chose ourselves, so that nobody can make them collide.
type ByNumber<T> = HashMap<u32, T, BuildHasherDefault<OwnNumber>>;

#[derive(Default)]
struct OwnNumber(u64);

impl Hasher for OwnNumber {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(u32::from(byte)));
    }

    fn write_u32(&mut self, number: u32) {
        // Spreads handles, which count up, over all bits.
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
    }
}

struct SessionState {
    entry: Entry,
    windows: Windows,
}

#[derive(Default)]
struct Peers(ByNumber<PeerState>);

#[derive(Default)]
pub struct PeerState {
    rejoiner: Rejoiner,
    assembler: Assembler,
    control: Bucket,
    talk: Talk,
    strayed_at: Option<Nanos>,
}

/// Messages of a peer since its last pause.
#[derive(Default)]
struct Talk {
    messages: u32,
    last: Nanos,
}

impl Talk {
    /// True when it has become a conversation.
    fn note(&mut self, now: Nanos) -> bool {
        if now >= self.last + PAUSE {
            self.messages = 0;
        }
        self.last = now;
        self.messages = self.messages.saturating_add(1);
        self.messages == CONVERSATION
    }

    fn has_paused(&self, now: Nanos) -> bool {
        now >= self.last + PAUSE
    }
}

impl Locals {
    pub fn new(tables: &Arc<Tables>) -> Self {
        let mut locals = Self {
            tables: Arc::clone(tables),
            sessions: ByNumber::default(),
            peers: Peers::default(),
            unfinished: Vec::new(),
            talking: Vec::new(),
            pause_at: None,
        };
        locals.take_over(tables);
        locals
    }

    /// Takes over a snapshot if it's a new one: windows of sessions that go on stay, those of others go.
    pub fn follow(&mut self, tables: &Arc<Tables>) {
        if !Arc::ptr_eq(&self.tables, tables) {
            self.tables = Arc::clone(tables);
            self.take_over(tables);
        }
    }

    fn take_over(&mut self, tables: &Tables) {
        self.sessions.retain(|index, state| {
            tables.sessions.get(index).is_some_and(|entry| Arc::ptr_eq(&entry.session, &state.entry.session))
        });
        for (index, entry) in &tables.sessions {
            let fresh = || SessionState { entry: entry.clone(), windows: Windows::default() };
            self.sessions.entry(*index).or_insert_with(fresh);
        }
        self.peers.0.retain(|handle, _| tables.peers.contains_key(handle));
    }

    /// What belongs to a receiver index.
    pub fn find(&mut self, index: u32) -> Result<Found<'_>, Drop> {
        let SessionState { entry, windows } = self.sessions.get_mut(&index).ok_or(Drop::UnknownSession)?;
        let state = self.peers.0.entry(entry.peer.handle).or_default();
        let (session, peer, switch) = (&entry.session, &entry.peer, &self.tables.switch);
        let talks = Talks { talking: &mut self.talking, pause_at: &mut self.pause_at };
        Ok(Found { session, peer, windows, state, switch, unfinished: &mut self.unfinished, talks })
    }

    /// When `expire` has something to do.
    pub fn deadline(&self) -> Option<Nanos> {
        let states = self.unfinished.iter().filter_map(|handle| self.peers.0.get(handle));
        states.filter_map(|state| state.assembler.deadline()).chain(self.pause_at).min()
    }

    /// Hands on what is there of super-frames whose other parts stay away, and tells of conversations that have stopped.
    pub fn expire(&mut self, shared: &Shared, now: Nanos) {
        if self.pause_at.is_some_and(|at| at <= now) {
            self.find_pauses(now, |peer| shared.push(Event::Silent { at: now, peer }));
        }
        let Self { tables, peers, unfinished, .. } = self;
        unfinished.retain(|handle| {
            let (Some(state), Some(peer)) = (peers.0.get_mut(handle), tables.peers.get(handle)) else { return false };
            state.assembler.expire(now, &mut Delivery { shared, switch: &tables.switch, peer });
            state.assembler.deadline().is_some()
        });
    }

    /// Tells of each conversation that has stopped.
    fn find_pauses(&mut self, now: Nanos, mut tell: impl FnMut(u32)) {
        let Self { peers, talking, pause_at, .. } = self;
        talking.retain(|handle| {
            let Some(PeerState { talk, .. }) = peers.0.get_mut(handle) else { return false };
            if talk.has_paused(now) {
                talk.messages = 0;
                tell(*handle);
            }
            talk.messages > 0
        });
        *pause_at = talking.iter().filter_map(|handle| Some(peers.0.get(handle)?.talk.last + PAUSE)).min();
    }
}

/// The peers that talk, as one that's found may become one of them.
struct Talks<'a> {
    talking: &'a mut Vec<u32>,
    pause_at: &'a mut Option<Nanos>,
}

/// A session, its peer, and what the receiving thread knows of both.
pub struct Found<'a> {
    pub session: &'a Arc<Session>,
    pub peer: &'a Arc<Peer>,
    pub windows: &'a mut Windows,
    pub state: &'a mut PeerState,
    pub switch: &'a Switch<Arc<Peer>>,
    unfinished: &'a mut Vec<u32>,
    talks: Talks<'a>,
}

impl Found<'_> {
    /// A message of the peer has come.
    pub fn note_message(&mut self, now: Nanos) {
        if self.state.talk.note(now) && !self.talks.talking.contains(&self.peer.handle) {
            self.talks.talking.push(self.peer.handle);
            self.talks.pause_at.get_or_insert(now + PAUSE);
        }
    }

    /// A super-frame of this peer waits for more.
    pub fn note_unfinished(&mut self) {
        if !self.unfinished.contains(&self.peer.handle) {
            self.unfinished.push(self.peer.handle);
        }
    }
}

impl PeerState {
    /// Takes a part of a cut frame and the mark of its datagram; gives the frame with its `HEADROOM`, and the strongest mark,
    /// when it's whole.
    pub fn rejoin(
        &mut self,
        now: Nanos,
        (id, part, mark): (FrameId, Part, u8),
        bytes: &[u8],
        drops: &Drops,
    ) -> Result<Option<(&mut [u8], u8)>, Drop> {
        let losses = self.rejoiner.make_room(now, id);
        drops.add(Drop::RejoinEvicted, losses.evicted);
        drops.add(Drop::RejoinTimeout, losses.expired);
        self.rejoiner.add(now, id, part, bytes, mark)
    }

    pub fn assembler(&mut self) -> &mut Assembler {
        &mut self.assembler
    }

    /// Only if a super-frame waits for more.
    pub fn busy_assembler(&mut self) -> Option<&mut Assembler> {
        self.assembler.deadline().is_some().then_some(&mut self.assembler)
    }

    pub fn may_control(&mut self, now: Nanos) -> bool {
        self.control.take(now, CONTROL)
    }

    /// Whether a datagram came another way than the peer's, and that may be told again.
    pub fn may_stray(&mut self, now: Nanos, from: Way, peer: &Peer) -> bool {
        if peer.path.load().as_ref().is_some_and(|path| path.way == from) {
            return false;
        }
        if self.strayed_at.is_some_and(|last| now < last + SECOND) {
            return false;
        }
        self.strayed_at = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_some_messages_without_a_pause() {
        let mut talk = Talk::default();
        let mut begun = 0;
        for message in 1..=30 {
            begun += u32::from(talk.note(message * PAUSE));
        }
        assert_eq!(begun, 0, "a message now and then is none");
        for message in 0..30 {
            begun += u32::from(talk.note(100 * PAUSE + message));
        }
        assert_eq!(begun, 1);
        assert!(!talk.has_paused(100 * PAUSE + 29));
        assert!(talk.has_paused(101 * PAUSE + 29));
    }
}
