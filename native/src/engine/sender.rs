//! Sending in batches. Each thread that sends has one of these.
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use super::Shared;
use super::events::Event;
use super::links::Links;
use super::relay::Hop;
use crate::clock::{Nanos, SECOND, now};
use crate::counters::Drop;
use crate::relay::envelope::ENVELOPE;
use crate::udp::batch::{Outbox, Outgoing};
use crate::udp::{CutFailure, Socket, UdpSocket};

/// Addresses of which it's remembered when they were last told of, so that each is once a second.
const TOLD: usize = 64;

/// What a sender does when a socket's buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Waits for room, this many ms at most. The frames behind wait in the interface's queue.
    Wait(i32),
    /// Drops the rest.
    None,
}

pub struct Sender {
    /// Whose sockets it uses.
    queue: usize,
    outbox: Outbox,
    links: Links,
    patience: Patience,
    unreachable: Told,
    too_large: Told,
    /// Why a message wasn't cut; what becomes of its first datagram alone says whether the path or the cutting is to blame.
    uncut: Option<io::Error>,
}

impl Sender {
    pub fn new(queue: usize, patience: Patience) -> Self {
        let (unreachable, too_large) = (Told::default(), Told::default());
        Self {
            queue,
            outbox: Outbox::default(),
            links: Links::default(),
            patience,
            unreachable,
            too_large,
            uncut: None,
        }
    }

    pub fn queue(&self) -> usize {
        self.queue
    }

    fn socket<'a>(&self, shared: &'a Shared, to: SocketAddr) -> Option<&'a Socket> {
        shared.queues.get(self.queue)?.sockets.towards(to)
    }

    /// The place for a datagram of `length` bytes, after sending what's in its way. Its envelope, if it needs one, stands
    /// before it already.
    pub fn add(&mut self, shared: &Shared, hop: &Hop, length: usize) -> Option<&mut [u8]> {
        let Some(lead) = hop.envelope else { return self.place(shared, hop, length) };
        let (envelope, inside) = self.place(shared, hop, ENVELOPE + length)?.split_first_chunk_mut()?;
        *envelope = lead;
        Some(inside)
    }

    fn place(&mut self, shared: &Shared, hop: &Hop, length: usize) -> Option<&mut [u8]> {
        if !self.outbox.has_room(length) || !self.links.has_room(length) {
            self.flush(shared);
        }
        match hop.by {
            Some(relay) => Some(self.links.add(relay, length)),
            None => self.outbox.add(hop.route, length, shared.switches.udp_gso()),
        }
    }

    /// Bytes that wait to be sent.
    pub fn waiting(&self) -> usize {
        self.outbox.waiting() + self.links.waiting()
    }

    /// Takes back the datagram of `length` bytes that was added last.
    pub fn undo(&mut self, hop: &Hop, length: usize) {
        match hop.by {
            Some(_) => self.links.undo(),
            None => self.outbox.undo(if hop.envelope.is_some() { ENVELOPE + length } else { length }),
        }
    }

    /// Sends one datagram that is ready, with all that was added before.
    pub fn send(&mut self, shared: &Shared, hop: &Hop, datagram: &[u8]) {
        match self.add(shared, hop, datagram.len()) {
            Some(place) => place.copy_from_slice(datagram),
            None => shared.drops.count(Drop::SendFailed),
        }
        self.flush(shared);
    }

    /// Sends one datagram whole or not at all: nobody is told if the system refuses it.
    pub fn send_quietly(&mut self, shared: &Shared, hop: &Hop, datagram: &[u8]) {
        self.flush(shared);
        let Some(socket) = self.socket(shared, hop.route.to) else { return };
        match self.add(shared, hop, datagram.len()) {
            Some(place) => place.copy_from_slice(datagram),
            None => shared.drops.count(Drop::SendFailed),
        }
        // The control plane counts a probe that isn't answered, for whatever reason.
        let _ = socket.send_unfragmented(self.outbox.arena(), self.outbox.messages());
        self.outbox.clear();
        self.links.flush(&shared.drops);
    }

    pub fn flush(&mut self, shared: &Shared) {
        let mut sent = 0;
        while sent < self.outbox.messages().len() {
            sent += self.send_some(shared, sent);
        }
        self.outbox.clear();
        self.uncut = None;
        self.links.flush(&shared.drops);
    }

    /// Sends the messages from `start` on that go through one socket. Gives how many are dealt with.
    fn send_some(&mut self, shared: &Shared, start: usize) -> usize {
        let waiting = &self.outbox.messages()[start..];
        let Some(first) = waiting.first() else { return 0 };
        let to = first.route.to;
        let alike = waiting.iter().take_while(|message| message.route.to.is_ipv4() == to.is_ipv4()).count();
        let Some(socket) = self.socket(shared, to) else {
            shared.drops.add(Drop::SendFailed, first.count() as u64);
            self.tell_unreachable(shared, to, &io::Error::from(io::ErrorKind::NetworkUnreachable));
            return 1;
        };
        match socket.send(self.outbox.arena(), &waiting[..alike]) {
            Ok(sent) => {
                if let Some(error) = self.uncut.take() {
                    shared.gso_failed(error);
                }
                sent
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match self.patience {
                Patience::Wait(ms) if !shared.is_stopping() && socket.wait_writable(ms) => 0,
                _ => {
                    let datagrams: usize = waiting[..alike].iter().map(Outgoing::count).sum();
                    shared.drops.add(Drop::SendBlocked, datagrams as u64);
                    alike
                }
            },
            Err(error) => self.refused(shared, start, error),
        }
    }

    /// A message was refused: tries it in another way, or gives it up. Gives how many are dealt with.
    fn refused(&mut self, shared: &Shared, at: usize, error: io::Error) -> usize {
        let Some(message) = self.outbox.messages().get(at) else { return 0 };
        let (route, count) = (message.route, message.count());
        let failure = if message.is_joined() { Socket::cut_failure(&error) } else { CutFailure::Other };
        match failure {
            CutFailure::Unable => {
                shared.gso_failed(error);
                self.outbox.split(at);
                0
            }
            // Most likely our address is no longer ours: leave from another.
            _ if route.source.is_some() && !Socket::is_too_large(&error) => {
                self.outbox.forget_source(at);
                0
            }
            CutFailure::Size => {
                self.uncut = Some(error);
                self.outbox.split(at);
                0
            }
            CutFailure::Other if Socket::is_too_large(&error) => self.send_in_fragments(shared, at),
            CutFailure::Other => {
                self.uncut = None;
                shared.drops.add(Drop::SendFailed, count as u64);
                if Socket::says_unreachable(&error) {
                    self.tell_unreachable(shared, route.to, &error);
                }
                1
            }
        }
    }

    /// The path to this address begins at an interface whose MTU is smaller than this datagram: it, and those like it behind
    /// it, go in fragments for once, and the control plane is told.
    fn send_in_fragments(&mut self, shared: &Shared, at: usize) -> usize {
        self.uncut = None;
        let waiting = &self.outbox.messages()[at..];
        let Some((to, bytes)) = waiting.first().map(|message| (message.route.to, message.segment)) else { return 0 };
        let alike = waiting
            .iter()
            .take_while(|message| message.route.to == to && message.segment >= bytes && !message.is_joined());
        let count = alike.count();
        let Some(socket) = self.socket(shared, to) else { return 1 };
        let now = now();
        if self.too_large.is_due(to, now) {
            shared.push(Event::TooLarge { at: now, to, bytes });
        }
        match (socket.send_fragmented(self.outbox.arena(), &waiting[..count]), self.patience) {
            (Ok(sent), _) => sent,
            (Err(error), Patience::Wait(ms))
                if error.kind() == io::ErrorKind::WouldBlock && !shared.is_stopping() && socket.wait_writable(ms) =>
            {
                0
            }
            (Err(_), _) => {
                shared.drops.count(Drop::SendFailed);
                1
            }
        }
    }

    /// Once a second and address.
    fn tell_unreachable(&mut self, shared: &Shared, to: SocketAddr, error: &io::Error) {
        let at = now();
        if self.unreachable.is_due(to, at) {
            shared.push(Event::Unreachable { at, to, error: error.to_string() });
        }
    }
}

/// When addresses were last told of.
#[derive(Default)]
struct Told(HashMap<SocketAddr, Nanos>);

impl Told {
    /// Whether an address may be told of again; notes that it is.
    fn is_due(&mut self, to: SocketAddr, at: Nanos) -> bool {
        self.0.retain(|_, last| at < *last + SECOND);
        if self.0.contains_key(&to) || self.0.len() >= TOLD {
            return false;
        }
        self.0.insert(to, at);
        true
    }
}
