//! Sending in batches. Each thread that sends has one of these.
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::Shared;
use super::events::Event;
use crate::clock::{Nanos, SECOND, now};
use crate::counters::Drop;
use crate::udp::batch::Outbox;
use crate::udp::{Socket, UdpSocket};

/// Addresses whose last failure is remembered, so that each is told of once a second.
const FAILURES: usize = 64;

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
}

impl Sender {
    pub fn new(patience: Patience) -> Self {
        Self { outbox: Outbox::default(), patience, failures: HashMap::new() }
    }

    /// The place for a datagram of `length` bytes, after sending what's in its way.
    pub fn add(&mut self, shared: &Shared, to: SocketAddr, source: Option<IpAddr>, length: usize) -> Option<&mut [u8]> {
        if !self.outbox.has_room(length) {
            self.flush(shared);
        }
        self.outbox.add(to, source, length)
    }

    /// Takes back what was added last.
    pub fn undo(&mut self) {
        self.outbox.undo();
    }

    /// Sends one datagram that is ready, with all that was added before.
    pub fn send(&mut self, shared: &Shared, to: SocketAddr, source: Option<IpAddr>, datagram: &[u8]) {
        match self.add(shared, to, source, datagram.len()) {
            Some(place) => place.copy_from_slice(datagram),
            None => shared.drops.count(Drop::SendFailed),
        }
        self.flush(shared);
    }

    pub fn flush(&mut self, shared: &Shared) {
        let mut sent = 0;
        while sent < self.outbox.datagrams().len() {
            sent += self.send_some(shared, sent);
        }
        self.outbox.clear();
    }

    /// Sends the datagrams from `start` on that go through one socket. Gives how many are dealt with.
    fn send_some(&mut self, shared: &Shared, start: usize) -> usize {
        let waiting = &self.outbox.datagrams()[start..];
        let Some(first) = waiting.first() else { return 0 };
        let to = first.to;
        let alike = waiting.iter().take_while(|datagram| datagram.to.is_ipv4() == to.is_ipv4()).count();
        let Some(socket) = shared.sockets.towards(to) else {
            shared.drops.count(Drop::SendFailed);
            self.tell(shared, to, &io::Error::from(io::ErrorKind::NetworkUnreachable));
            return 1;
        };
        match socket.send(self.outbox.arena(), &waiting[..alike]) {
            Ok(sent) => sent,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match self.patience {
                Patience::Wait(ms) if !shared.is_stopping() && socket.wait_writable(ms) => 0,
                _ => {
                    shared.drops.add(Drop::SendBlocked, alike as u64);
                    alike
                }
            },
            // Most likely our address is no longer ours: leave from another.
            Err(_) if first.source.is_some() => {
                self.outbox.forget_source(start);
                0
            }
            Err(error) => {
                shared.drops.count(Drop::SendFailed);
                if Socket::says_unreachable(&error) {
                    self.tell(shared, to, &error);
                }
                1
            }
        }
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
