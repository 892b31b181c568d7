//! Datagrams in bulk, in memory that is allocated once.
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// Datagrams that one system call sends or receives.
pub const BATCH: usize = 32;
/// Bytes of an incoming datagram: the longest possible.
pub const MAX_INCOMING: usize = 65_536;
/// Bytes of outgoing datagrams that wait for one send: several of the longest.
const ARENA: usize = 256 * 1_024;

/// A datagram to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub to: SocketAddr,
    /// The local address that it's to leave from; None leaves the choice to the system.
    pub source: Option<IpAddr>,
    /// Where its bytes stand in the arena.
    pub bytes: Range<usize>,
}

/// Datagrams that wait to be sent, in order.
pub struct Outbox {
    arena: Box<[u8]>,
    used: usize,
    datagrams: Vec<Outgoing>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { arena: vec![0; ARENA].into_boxed_slice(), used: 0, datagrams: Vec::with_capacity(BATCH) }
    }
}

impl Outbox {
    pub fn has_room(&self, length: usize) -> bool {
        self.datagrams.len() < BATCH && self.used + length <= self.arena.len()
    }

    /// Appends a datagram of `length` bytes and gives the place to write it to; None if there's no room.
    pub fn add(&mut self, to: SocketAddr, source: Option<IpAddr>, length: usize) -> Option<&mut [u8]> {
        if !self.has_room(length) {
            return None;
        }
        let bytes = self.used..self.used + length;
        self.used = bytes.end;
        self.datagrams.push(Outgoing { to, source, bytes: bytes.clone() });
        self.arena.get_mut(bytes)
    }

    /// Takes back the datagram that was added last.
    pub fn undo(&mut self) {
        if let Some(last) = self.datagrams.pop() {
            self.used = last.bytes.start;
        }
    }

    pub fn arena(&self) -> &[u8] {
        &self.arena
    }

    pub fn datagrams(&self) -> &[Outgoing] {
        &self.datagrams
    }

    /// Lets a datagram leave from whichever address the system chooses.
    pub fn forget_source(&mut self, at: usize) {
        if let Some(datagram) = self.datagrams.get_mut(at) {
            datagram.source = None;
        }
    }

    pub fn clear(&mut self) {
        self.used = 0;
        self.datagrams.clear();
    }
}

/// What is known of a datagram that has arrived.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    pub from: SocketAddr,
    /// The local address that it came to; None if it came to a group or the system didn't say.
    pub local: Option<IpAddr>,
    pub length: usize,
}

/// Datagrams that have arrived.
pub struct Inbox {
    buffers: Box<[u8]>,
    pub(super) datagrams: Vec<Incoming>,
}

impl Default for Inbox {
    fn default() -> Self {
        // Zeroed memory of this size is only mapped where it's written to.
        Self { buffers: vec![0; BATCH * MAX_INCOMING].into_boxed_slice(), datagrams: Vec::with_capacity(BATCH) }
    }
}

impl Inbox {
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    pub fn get(&mut self, at: usize) -> Option<(Incoming, &mut [u8])> {
        let incoming = *self.datagrams.get(at)?;
        let start = at * MAX_INCOMING;
        Some((incoming, self.buffers.get_mut(start..start + incoming.length)?))
    }

    /// Each buffer, `MAX_INCOMING` bytes long.
    pub(super) fn buffers(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.buffers.chunks_exact_mut(MAX_INCOMING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outbox_has_two_bounds() {
        let to = "192.0.2.1:1".parse().expect("an address");
        let mut outbox = Outbox::default();
        assert!(outbox.add(to, None, ARENA + 1).is_none());
        for _ in 0..BATCH {
            assert_eq!(outbox.add(to, None, 10).map(|room| room.len()), Some(10));
        }
        assert!(outbox.add(to, None, 10).is_none());
        outbox.undo();
        assert_eq!(outbox.add(to, None, 10).map(|room| room.len()), Some(10));
        assert_eq!(outbox.datagrams().last().map(|last| last.bytes.clone()), Some(10 * (BATCH - 1)..10 * BATCH));
        outbox.clear();
        assert!(outbox.add(to, None, ARENA).is_some());
    }
}
