//! Datagrams in bulk, in memory that is allocated once.
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use crate::cut::MAX_DATAGRAM;

/// Messages that one system call sends or receives. Each is one datagram or several that the kernel cuts or has joined.
pub const BATCH: usize = 32;
/// Messages that a system call receives where few are expected.
pub const FEW: usize = 4;
/// Datagrams of one message: what every Linux that can cut messages takes.
pub const MAX_SEGMENTS: usize = 63;
/// Bytes of an incoming message: the longest possible.
pub const MAX_INCOMING: usize = 65_536;
/// From one incoming message's place to the next: not a power of two, so that they don't share cache sets.
const STRIDE: usize = MAX_INCOMING + 576;
/// Bytes that are worth taking from a socket at once: about what the nearer caches hold.
const WORTHWHILE: usize = 96 * 1_024;
/// Bytes of outgoing datagrams that wait for one send: several of the longest.
const ARENA: usize = 256 * 1_024;

/// Where datagrams go and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub to: SocketAddr,
    /// The local address that they're to leave from; None leaves the choice to the system.
    pub source: Option<IpAddr>,
    /// DSCP and ECN of the outer header.
    pub mark: u8,
}

impl Route {
    pub fn to(to: SocketAddr) -> Self {
        Self { to, source: None, mark: 0 }
    }
}

/// Datagrams that leave with one message: all of one size, but for the last, which may be shorter.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub route: Route,
    /// Where their bytes stand in the arena, one after the other.
    pub bytes: Range<usize>,
    /// Bytes of each.
    pub segment: usize,
}

impl Outgoing {
    pub fn count(&self) -> usize {
        self.bytes.len().div_ceil(self.segment.max(1))
    }

    pub fn is_joined(&self) -> bool {
        self.bytes.len() > self.segment
    }

    /// Its datagrams, each as a message of its own.
    pub fn apart(&self) -> impl Iterator<Item = Outgoing> + use<> {
        let Self { route, bytes, segment } = self.clone();
        bytes.clone().step_by(segment.max(1)).map(move |start| {
            let bytes = start..(start + segment).min(bytes.end);
            Outgoing { route, segment: bytes.len(), bytes }
        })
    }

    fn takes(&self, route: &Route, length: usize) -> bool {
        self.route == *route
            && length > 0
            && length <= self.segment
            && self.bytes.len().is_multiple_of(self.segment)
            && self.count() < MAX_SEGMENTS
            && self.bytes.len() + length <= MAX_DATAGRAM
    }
}

/// Datagrams that wait to be sent, in order.
pub struct Outbox {
    arena: Box<[u8]>,
    used: usize,
    messages: Vec<Outgoing>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { arena: vec![0; ARENA].into_boxed_slice(), used: 0, messages: Vec::with_capacity(BATCH) }
    }
}

impl Outbox {
    pub fn has_room(&self, length: usize) -> bool {
        self.messages.len() < BATCH && self.used + length <= self.arena.len()
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.used
    }

    /// Appends a datagram of `length` bytes and gives the place to write it to; None if there's no room. It leaves with the
    /// message before it if it may be `joined` and fits it.
    pub fn add(&mut self, route: Route, length: usize, joined: bool) -> Option<&mut [u8]> {
        if !self.has_room(length) {
            return None;
        }
        let bytes = self.used..self.used + length;
        self.used = bytes.end;
        match self.messages.last_mut().filter(|last| joined && last.takes(&route, length)) {
            Some(last) => last.bytes.end = bytes.end,
            None => self.messages.push(Outgoing { route, bytes: bytes.clone(), segment: length }),
        }
        self.arena.get_mut(bytes)
    }

    /// Takes back the datagram of `length` bytes that was added last.
    pub fn undo(&mut self, length: usize) {
        let Some(last) = self.messages.last_mut() else { return };
        last.bytes.end -= length;
        self.used = last.bytes.end;
        if last.bytes.is_empty() {
            self.messages.pop();
        }
    }

    pub fn arena(&self) -> &[u8] {
        &self.arena
    }

    pub fn messages(&self) -> &[Outgoing] {
        &self.messages
    }

    /// Lets a message leave from whichever address the system chooses.
    pub fn forget_source(&mut self, at: usize) {
        if let Some(message) = self.messages.get_mut(at) {
            message.route.source = None;
        }
    }

    /// Makes the datagrams of a message leave one by one.
    pub fn split(&mut self, at: usize) {
        let Some(message) = self.messages.get(at).cloned() else { return };
        self.messages.splice(at..=at, message.apart());
    }

    pub fn clear(&mut self) {
        self.used = 0;
        self.messages.clear();
    }
}

/// What is known of a message that has arrived.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    pub from: SocketAddr,
    /// The local address that it came to; None if it came to a group or the system didn't say.
    pub local: Option<IpAddr>,
    /// DSCP and ECN of its outer header.
    pub mark: u8,
    pub length: usize,
    /// Bytes of each of its datagrams but the last, which may be shorter.
    pub segment: usize,
}

/// Messages that have arrived.
pub struct Inbox {
    buffers: Box<[u8]>,
    pub(super) messages: Vec<Incoming>,
    /// Messages to take at once.
    wanted: usize,
}

impl Default for Inbox {
    fn default() -> Self {
        // Zeroed memory of this size is only mapped where it's written to.
        let buffers = vec![0; BATCH * STRIDE].into_boxed_slice();
        Self { buffers, messages: Vec::with_capacity(BATCH), wanted: FEW }
    }
}

impl Inbox {
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Datagrams of all messages.
    pub fn datagrams(&self) -> usize {
        self.messages.iter().map(|message| message.length.div_ceil(message.segment).max(1)).sum()
    }

    /// Messages to take at once.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    /// Whether the last call took as many messages as it wanted: there may be more.
    pub fn is_full(&self) -> bool {
        self.messages.len() >= self.wanted
    }

    /// Plans the next call by what this one took: few messages if they're long, so that they're still near when they're read,
    /// and few if there were few, because each that's wanted costs something.
    pub fn plan(&mut self) {
        let bytes: usize = self.messages.iter().map(|message| message.length).sum();
        let average = bytes.checked_div(self.messages.len()).unwrap_or(0).max(1);
        let most = if self.is_full() || self.messages.len() > FEW { BATCH } else { FEW };
        self.wanted = (WORTHWHILE / average).clamp(1, most);
    }

    pub fn get(&mut self, at: usize) -> Option<(Incoming, &mut [u8])> {
        let incoming = *self.messages.get(at)?;
        let start = Self::start_of(at);
        Some((incoming, self.buffers.get_mut(start..start + incoming.length)?))
    }

    /// Where a message's bytes begin in `arena`.
    pub fn start_of(at: usize) -> usize {
        at * STRIDE
    }

    /// All messages' bytes, each from `start_of` on: what was received can be sent on from there.
    pub fn arena(&self) -> &[u8] {
        &self.buffers
    }

    /// Buffers for as many messages as are wanted, `MAX_INCOMING` bytes each.
    pub(super) fn buffers(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.buffers.chunks_exact_mut(STRIDE).take(self.wanted).map(|place| &mut place[..MAX_INCOMING])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(port: u16) -> Route {
        Route::to(SocketAddr::from(([192, 0, 2, 1], port)))
    }

    #[test]
    fn an_outbox_has_two_bounds() {
        let mut outbox = Outbox::default();
        assert!(outbox.add(route(1), ARENA + 1, true).is_none());
        for _ in 0..BATCH {
            assert_eq!(outbox.add(route(1), 10, false).map(|room| room.len()), Some(10));
        }
        assert!(outbox.add(route(1), 10, false).is_none());
        outbox.undo(10);
        assert_eq!(outbox.add(route(1), 10, false).map(|room| room.len()), Some(10));
        assert_eq!(outbox.messages().last().map(|last| last.bytes.clone()), Some(10 * (BATCH - 1)..10 * BATCH));
        outbox.clear();
        assert!(outbox.add(route(1), ARENA, true).is_some());
    }

    #[test]
    fn datagrams_that_are_alike_leave_together() {
        let mut outbox = Outbox::default();
        let marked = Route { mark: 2, ..route(1) };
        for (route, length) in [(route(1), 9), (route(1), 9), (route(1), 5), (route(1), 5), (route(2), 5), (marked, 5)]
        {
            outbox.add(route, length, true).expect("room");
        }
        let shapes: Vec<_> = outbox.messages().iter().map(|message| (message.bytes.len(), message.segment)).collect();
        assert_eq!(shapes, [(23, 9), (5, 5), (5, 5), (5, 5)]);
        assert_eq!(outbox.messages()[0].count(), 3);
        outbox.split(0);
        let shapes: Vec<_> = outbox.messages().iter().map(|message| (message.bytes.clone(), message.segment)).collect();
        assert_eq!(shapes[..3], [(0..9, 9), (9..18, 9), (18..23, 5)]);
        assert_eq!(shapes.len(), 6);
    }

    #[test]
    fn a_message_is_bounded_in_datagrams_and_bytes() {
        let mut outbox = Outbox::default();
        for _ in 0..MAX_SEGMENTS + 1 {
            outbox.add(route(1), 100, true).expect("room");
        }
        assert_eq!(outbox.messages().iter().map(Outgoing::count).collect::<Vec<_>>(), [MAX_SEGMENTS, 1]);
        outbox.clear();
        for _ in 0..3 {
            outbox.add(route(1), 30_000, true).expect("room");
        }
        assert_eq!(outbox.messages().iter().map(Outgoing::count).collect::<Vec<_>>(), [2, 1]);
    }
}
