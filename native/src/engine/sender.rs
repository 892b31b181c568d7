//! Sending in batches. Each thread that sends has one of these.
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use super::Shared;
use super::events::Event;
use crate::clock::{Nanos, SECOND, now};
use crate::counters::Drop;
use crate::cut::MIN_DATAGRAM;
use crate::udp::batch::{Outbox, Outgoing, Route};
use crate::udp::{CutFailure, Socket, UdpSocket};

/// Addresses whose last failure is remembered, so that each is told of once a second.
const FAILURES: usize = 64;
/// For how long datagrams to an address that turned out too large to be cut out of one message leave one by one.
const UNCUT: Nanos = 30 * SECOND;

/// What a sender does when a socket's buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Waits for room, this many ms at most. The frames behind wait in the interface's queue.
    Wait(i32),
    /// Drops the rest.
    None,
}

pub struct Sender {
    outbox: Outbox,
    patience: Patience,
    failures: HashMap<SocketAddr, Nanos>,
    /// Size from which on the kernel refuses to cut, and until when that's believed.
    uncut: HashMap<SocketAddr, (usize, Nanos)>,
}

impl Sender {
    pub fn new(patience: Patience) -> Self {
        Self { outbox: Outbox::default(), patience, failures: HashMap::new(), uncut: HashMap::new() }
    }

    /// The place for a datagram of `length` bytes, after sending what's in its way.
    pub fn add(&mut self, shared: &Shared, route: Route, length: usize) -> Option<&mut [u8]> {
        if !self.outbox.has_room(length) {
            self.flush(shared);
        }
        let joined = shared.switches.udp_gso() && (self.uncut.is_empty() || self.may_cut(&route.to, length));
        self.outbox.add(route, length, joined)
    }

    /// Bytes that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.outbox.waiting()
    }

    /// Takes back the datagram of `length` bytes that was added last.
    pub fn undo(&mut self, length: usize) {
        self.outbox.undo(length);
    }

    /// Sends one datagram that is ready, with all that was added before.
    pub fn send(&mut self, shared: &Shared, route: Route, datagram: &[u8]) {
        match self.add(shared, route, datagram.len()) {
            Some(place) => place.copy_from_slice(datagram),
            None => shared.drops.count(Drop::SendFailed),
        }
        self.flush(shared);
    }

    pub fn flush(&mut self, shared: &Shared) {
        let mut sent = 0;
        while sent < self.outbox.messages().len() {
            sent += self.send_some(shared, sent);
        }
        self.outbox.clear();
    }

    /// Sends the messages from `start` on that go through one socket. Gives how many are dealt with.
    fn send_some(&mut self, shared: &Shared, start: usize) -> usize {
        let waiting = &self.outbox.messages()[start..];
        let Some(first) = waiting.first() else { return 0 };
        let to = first.route.to;
        let alike = waiting.iter().take_while(|message| message.route.to.is_ipv4() == to.is_ipv4()).count();
        let Some(socket) = shared.queue.sockets.towards(to) else {
            shared.drops.add(Drop::SendFailed, first.count() as u64);
            self.tell(shared, to, &io::Error::from(io::ErrorKind::NetworkUnreachable));
            return 1;
        };
        match socket.send(self.outbox.arena(), &waiting[..alike]) {
            Ok(sent) => sent,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match self.patience {
                Patience::Wait(ms) if !shared.is_stopping() && socket.wait_writable(ms) => 0,
                _ => {
                    let datagrams: usize = waiting[..alike].iter().map(Outgoing::count).sum();
                    shared.drops.add(Drop::SendBlocked, datagrams as u64);
                    alike
                }
            },
            Err(error) => self.refused(shared, start, &error),
        }
    }

    /// A message was refused: tries it in another way, or gives it up. Gives how many are dealt with.
    fn refused(&mut self, shared: &Shared, at: usize, error: &io::Error) -> usize {
        let Some(message) = self.outbox.messages().get(at) else { return 0 };
        let (route, segment, count) = (message.route, message.segment, message.count());
        let failure = if message.is_joined() { Socket::cut_failure(error) } else { CutFailure::Other };
        match failure {
            CutFailure::Unable => {
                shared.gso_failed(error);
                self.outbox.split(at);
                0
            }
            // Most likely our address is no longer ours: leave from another.
            _ if route.source.is_some() && !Socket::is_too_large(error) => {
                self.outbox.forget_source(at);
                0
            }
            CutFailure::Size => {
                self.note_uncut(shared, route.to, segment, error);
                self.outbox.split(at);
                0
            }
            CutFailure::Other => {
                shared.drops.add(Drop::SendFailed, count as u64);
                if Socket::says_unreachable(error) {
                    self.tell(shared, route.to, error);
                }
                1
            }
        }
    }

    /// A path may have shrunk: what's as large as this leaves one by one for a while, in fragments if need be. If what any
    /// path takes is refused, it's not the path.
    fn note_uncut(&mut self, shared: &Shared, to: SocketAddr, segment: usize, error: &io::Error) {
        if segment <= MIN_DATAGRAM {
            shared.gso_failed(error);
            return;
        }
        let now = now();
        self.uncut.retain(|_, (_, until)| now < *until);
        if self.uncut.len() < FAILURES || self.uncut.contains_key(&to) {
            self.uncut.insert(to, (segment, now + UNCUT));
        }
    }

    fn may_cut(&mut self, to: &SocketAddr, length: usize) -> bool {
        let Some(&(size, until)) = self.uncut.get(to) else { return true };
        if now() < until {
            return length < size;
        }
        self.uncut.remove(to);
        true
    }

    /// Once a second and address.
    fn tell(&mut self, shared: &Shared, to: SocketAddr, error: &io::Error) {
        let at = now();
        if self.failures.get(&to).is_some_and(|last| at < last + SECOND) {
            return;
        }
        if self.failures.len() >= FAILURES {
            self.failures.retain(|_, last| at < *last + SECOND);
        }
        if self.failures.len() >= FAILURES {
            return;
        }
        self.failures.insert(to, at);
        shared.push(Event::Unreachable { at, to, error: error.to_string() });
    }
}
