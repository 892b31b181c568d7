//! What only the receiving thread knows of sessions and peers: replay windows, unfinished frames, budgets.
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::peer::{Peer, Session};
use super::tables::{Entry, Tables};
use crate::admission::bucket::{Bucket, Rate};
use crate::clock::{Nanos, SECOND};
use crate::counters::{Drop, Drops};
use crate::open::Windows;
use crate::packet::Part;
use crate::rejoin::{FrameId, Rejoiner};
use crate::switch::Switch;

/// Control datagrams of one peer. A member that meets a network of a thousand sends as many records at once.
const CONTROL: Rate = Rate { burst: 1_024, per_second: 256 };

pub struct Locals {
    /// The snapshot that the rest follows.
    tables: Arc<Tables>,
    sessions: HashMap<u32, SessionState>,
    peers: Peers,
}

struct SessionState {
    entry: Entry,
    windows: Windows,
}

#[derive(Default)]
struct Peers(HashMap<u32, PeerState>);

#[derive(Default)]
pub struct PeerState {
    rejoiner: Rejoiner,
    control: Bucket,
    strayed_at: Option<Nanos>,
}

impl Locals {
    pub fn new(tables: &Arc<Tables>) -> Self {
        let mut locals = Self { tables: Arc::clone(tables), sessions: HashMap::new(), peers: Peers::default() };
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
        Ok(Found { session: &entry.session, peer: &entry.peer, windows, state, switch: &self.tables.switch })
    }
}

/// A session, its peer, and what the receiving thread knows of both.
pub struct Found<'a> {
    pub session: &'a Arc<Session>,
    pub peer: &'a Arc<Peer>,
    pub windows: &'a mut Windows,
    pub state: &'a mut PeerState,
    pub switch: &'a Switch<Arc<Peer>>,
}

impl PeerState {
    /// Takes a part of a cut frame; gives the frame when it's whole.
    pub fn rejoin(
        &mut self,
        now: Nanos,
        id: FrameId,
        part: Part,
        bytes: &[u8],
        drops: &Drops,
    ) -> Result<Option<&[u8]>, Drop> {
        let losses = self.rejoiner.make_room(now, id);
        drops.add(Drop::RejoinEvicted, losses.evicted);
        drops.add(Drop::RejoinTimeout, losses.expired);
        self.rejoiner.add(now, id, part, bytes)
    }

    pub fn may_control(&mut self, now: Nanos) -> bool {
        self.control.take(now, CONTROL)
    }

    /// Whether a datagram came from elsewhere than the peer's endpoint, and that may be told again.
    pub fn may_stray(&mut self, now: Nanos, from: SocketAddr, peer: &Peer) -> bool {
        if peer.path.load().as_ref().is_some_and(|path| path.endpoint == from) {
            return false;
        }
        if self.strayed_at.is_some_and(|last| now < last + SECOND) {
            return false;
        }
        self.strayed_at = Some(now);
        true
    }
}
