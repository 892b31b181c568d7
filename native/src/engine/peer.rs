//! A peer and its sessions, as the packet threads see them: shared, and changed only through atomics.
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;

use super::relay::{Hop, Relay};
use crate::admission::bucket::SharedBucket;
use crate::clock::{MILLISECOND, Nanos, SECOND};
use crate::counters::Drop;
use crate::open::Opener;
use crate::seal::{MAX_QUEUES, Sealer};
use crate::way::Way;

/// After how long without an answer a peer is silent.
pub const SILENCE: Nanos = 1_500 * MILLISECOND;

/// How often it's told that large datagrams leave for a peer.
const BULK: Nanos = 2 * SECOND;

/// Where datagrams for a peer go.
pub struct Path {
    pub way: Way,
    /// The relay that the way leads through, if it's open.
    pub relay: Option<Arc<Relay>>,
    pub max_datagram: usize,
    /// Our address that datagrams from the way's first stop come to: ours leave from there, so that a NAT or firewall
    /// between us sees one flow.
    pub source: ArcSwapOption<IpAddr>,
}

impl Path {
    /// Where a datagram with these DSCP and ECN goes first.
    pub fn hop(&self, mark: u8) -> Result<Hop<'_>, Drop> {
        Hop::on(&self.way, self.relay.as_ref(), self.source(), mark)
    }

    pub fn source(&self) -> Option<IpAddr> {
        self.source.load().as_deref().copied()
    }

    pub fn learn_source(&self, local: Option<IpAddr>) {
        if local.is_some() && self.source() != local {
            self.source.store(local.map(Arc::new));
        }
    }
}

/// Both directions of a session.
pub struct Session {
    pub local_index: u32,
    pub sealer: Sealer,
    pub opener: Opener,
    /// Grows with every session of the device: an older session never takes over from a newer one.
    pub generation: u64,
    pub ends_at: Nanos,
    /// Whether it may seal: at once for who began it, from its first datagram on for who answered.
    may_seal: AtomicBool,
}

pub struct SessionParts {
    pub local_index: u32,
    pub sealer: Sealer,
    pub opener: Opener,
    pub generation: u64,
    pub ends_at: Nanos,
}

impl Session {
    pub fn new(parts: SessionParts, may_seal: bool) -> Self {
        let SessionParts { local_index, sealer, opener, generation, ends_at } = parts;
        Self { local_index, sealer, opener, generation, ends_at, may_seal: AtomicBool::new(may_seal) }
    }

    pub fn may_seal(&self) -> bool {
        self.may_seal.load(Ordering::Relaxed)
    }

    /// True at its first datagram, if it waited for that.
    pub fn is_first_heard(&self) -> bool {
        !self.may_seal() && !self.may_seal.swap(true, Ordering::Relaxed)
    }
}

/// Frames and bytes of one direction.
#[derive(Default)]
pub struct Traffic([Count; MAX_QUEUES]);

/// On a cache line of its own: each has one writer at a time.
#[derive(Default)]
#[repr(align(64))]
struct Count {
    frames: AtomicU64,
    bytes: AtomicU64,
}

impl Traffic {
    /// Only who carries for the queue, or holds its inbound state, may call this: it reads and writes without a lock.
    pub fn add(&self, queue: usize, bytes: usize) {
        let Count { frames, bytes: total } = &self.0[queue % MAX_QUEUES];
        frames.store(frames.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        total.store(total.load(Ordering::Relaxed) + bytes as u64, Ordering::Relaxed);
    }

    pub fn get(&self) -> (u64, u64) {
        self.0.iter().fold((0, 0), |(frames, bytes), count| {
            (frames + count.frames.load(Ordering::Relaxed), bytes + count.bytes.load(Ordering::Relaxed))
        })
    }
}

/// One peer for as long as the control plane knows it.
pub struct Peer {
    pub handle: u32,
    pub path: ArcSwapOption<Path>,
    pub sealing: ArcSwapOption<Session>,
    pub sent: Traffic,
    pub received: Traffic,
    /// What it has left of broadcast, multicast and unknown destinations.
    pub floods: SharedBucket,
    /// Whether it finishes checksums and takes super-frames.
    offload: AtomicBool,
    /// When a datagram of it last opened; 0 for never.
    heard_at: AtomicU64,
    /// When the first datagram went to it that it hasn't reacted to; 0 for none.
    waiting_since: AtomicU64,
    silence_told: AtomicBool,
    /// When it was last told that large datagrams leave for it; 0 for never.
    bulk_told_at: AtomicU64,
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        self.handle == other.handle
    }
}

impl Peer {
    pub fn new(handle: u32) -> Self {
        Self {
            handle,
            path: ArcSwapOption::empty(),
            sealing: ArcSwapOption::empty(),
            sent: Traffic::default(),
            received: Traffic::default(),
            floods: SharedBucket::default(),
            offload: AtomicBool::new(false),
            heard_at: AtomicU64::new(0),
            waiting_since: AtomicU64::new(0),
            silence_told: AtomicBool::new(false),
            bulk_told_at: AtomicU64::new(0),
        }
    }

    /// Seals with `session` from here on, unless a newer one already does.
    pub fn seal_with(&self, session: &Arc<Session>) {
        self.sealing.rcu(|current| match current {
            Some(newer) if newer.generation > session.generation => Some(Arc::clone(newer)),
            _ => Some(Arc::clone(session)),
        });
    }

    pub fn understands_offload(&self) -> bool {
        self.offload.load(Ordering::Relaxed)
    }

    pub fn set_understands_offload(&self, understands: bool) {
        self.offload.store(understands, Ordering::Relaxed);
    }

    pub fn heard_at(&self) -> Option<Nanos> {
        Some(self.heard_at.load(Ordering::Relaxed)).filter(|&at| at > 0)
    }

    pub fn note_heard(&self, now: Nanos) {
        self.heard_at.store(now, Ordering::Relaxed);
        if self.waiting_since.load(Ordering::Relaxed) > 0 {
            self.waiting_since.store(0, Ordering::Relaxed);
            self.silence_told.store(false, Ordering::Relaxed);
        }
    }

    pub fn note_sent(&self, now: Nanos) {
        if self.waiting_since.load(Ordering::Relaxed) == 0 {
            self.waiting_since.store(now, Ordering::Relaxed);
        }
    }

    /// A large datagram leaves for it: whether that's to be told.
    pub fn is_bulk_due(&self, now: Nanos) -> bool {
        let told = self.bulk_told_at.load(Ordering::Relaxed);
        let due = told == 0 || now >= told + BULK;
        // Several threads may send; one of them tells.
        due && self.bulk_told_at.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub fn silence(&self, now: Nanos) -> Silence {
        let since = self.waiting_since.load(Ordering::Relaxed);
        if since == 0 || self.silence_told.load(Ordering::Relaxed) {
            return Silence::None;
        }
        if now < since + SILENCE {
            return Silence::Maybe { at: since + SILENCE };
        }
        if self.silence_told.swap(true, Ordering::Relaxed) { Silence::None } else { Silence::Begun }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nothing is awaited, or the silence has been told.
    None,
    /// If nothing is heard until then.
    Maybe { at: Nanos },
    /// Told once per silence.
    Begun,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(generation: u64) -> Arc<Session> {
        let sealer = Sealer::new(&[1; 32], 1).expect("a key");
        let opener = Opener::new(&[1; 32]).expect("a key");
        let parts = SessionParts { local_index: generation as u32, sealer, opener, generation, ends_at: 0 };
        Arc::new(Session::new(parts, false))
    }

    #[test]
    fn an_older_session_never_takes_over() {
        let peer = Peer::new(1);
        peer.seal_with(&session(2));
        peer.seal_with(&session(1));
        assert_eq!(peer.sealing.load().as_ref().map(|session| session.generation), Some(2));
        peer.seal_with(&session(3));
        assert_eq!(peer.sealing.load().as_ref().map(|session| session.generation), Some(3));
    }

    #[test]
    fn a_session_is_first_heard_once() {
        let session = session(1);
        assert!(session.is_first_heard());
        assert!(!session.is_first_heard());
    }

    #[test]
    fn bulk_is_told_at_intervals() {
        let peer = Peer::new(1);
        assert!(peer.is_bulk_due(100));
        assert!(!peer.is_bulk_due(101) && !peer.is_bulk_due(99 + BULK));
        assert!(peer.is_bulk_due(100 + BULK) && !peer.is_bulk_due(101 + BULK));
    }

    #[test]
    fn silence_is_told_once_until_the_peer_is_heard() {
        let peer = Peer::new(1);
        assert_eq!(peer.silence(100), Silence::None);
        peer.note_sent(100);
        peer.note_sent(200);
        assert_eq!(peer.silence(300), Silence::Maybe { at: 100 + SILENCE });
        assert_eq!(peer.silence(100 + SILENCE), Silence::Begun);
        assert_eq!(peer.silence(101 + SILENCE), Silence::None);
        peer.note_heard(102 + SILENCE);
        assert_eq!(peer.silence(2 * SILENCE), Silence::None);
        peer.note_sent(2 * SILENCE);
        assert_eq!(peer.silence(3 * SILENCE), Silence::Begun);
    }
}
