//! Sends a relay's datagrams, runs of them as one message where the system can.
use std::io;
use std::net::SocketAddr;
use std::ops::Range;

use crate::counters::{Drop, Drops};
use crate::udp::batch::{BATCH, MAX_SEGMENTS, Outgoing, Route};
use crate::udp::{CutFailure, Socket, UdpSocket};

/// The sockets of a relay, one per address family that it listens at.
pub struct RelaySockets(pub Vec<(bool, Socket)>);

impl RelaySockets {
    fn towards(&self, to: SocketAddr) -> Option<&Socket> {
        self.0.iter().find(|(is_v4, _)| *is_v4 == to.is_ipv4()).map(|(_, socket)| socket)
    }
}

pub struct Outlet {
    /// No more than a batch of incoming messages has datagrams.
    messages: Vec<Outgoing>,
    /// The system cuts messages into datagrams.
    cuts: bool,
}

impl Outlet {
    pub fn new(sockets: &RelaySockets) -> Self {
        let cuts = sockets.0.iter().all(|(_, socket)| socket.can_cut());
        Self { messages: Vec::with_capacity(BATCH), cuts }
    }

    /// Adds datagrams that stand one after the other in the arena that `flush` gets, `segment` bytes each but for the last.
    pub fn add(&mut self, route: Route, bytes: Range<usize>, segment: usize) {
        let most = if self.cuts { segment * MAX_SEGMENTS } else { segment };
        for start in bytes.clone().step_by(most.max(1)) {
            let bytes = start..(start + most).min(bytes.end);
            self.messages.push(Outgoing { route, bytes, segment });
        }
    }

    /// Adds messages whose bytes stand in the arena that `flush` gets.
    pub fn add_all(&mut self, messages: &[Outgoing]) {
        self.messages.extend_from_slice(messages);
    }

    /// Whether datagrams that are alike may leave as one message.
    pub fn cuts(&self) -> bool {
        self.cuts
    }

    /// Sends all that was added. What a socket doesn't take at once is dropped: it's better lost than late.
    pub fn flush(&mut self, sockets: &RelaySockets, arena: &[u8], drops: &Drops) {
        let mut at = 0;
        while let Some(first) = self.messages.get(at) {
            let to = first.route.to;
            let waiting = &self.messages[at..];
            let alike = waiting.iter().take_while(|message| message.route.to.is_ipv4() == to.is_ipv4()).count();
            let Some(socket) = sockets.towards(to) else {
                drops.add(Drop::SendFailed, first.count() as u64);
                at += 1;
                continue;
            };
            match socket.send(arena, &waiting[..alike]) {
                Ok(sent) => at += sent,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    drops.add(Drop::SendBlocked, waiting[..alike].iter().map(Outgoing::count).sum::<usize>() as u64);
                    at += alike;
                }
                Err(error) => at += self.refused(at, &error, drops),
            }
        }
        self.messages.clear();
    }

    /// A message was refused: tries it in another way, or gives it up. Gives how many are dealt with.
    fn refused(&mut self, at: usize, error: &io::Error, drops: &Drops) -> usize {
        let Some(message) = self.messages.get_mut(at) else { return 0 };
        let failure = if message.is_joined() { Socket::cut_failure(error) } else { CutFailure::Other };
        if failure == CutFailure::Unable {
            self.cuts = false;
        } else if message.route.source.is_some() && !Socket::is_too_large(error) {
            // Most likely our address is no longer ours: leave from another.
            message.route.source = None;
            return 0;
        }
        if failure == CutFailure::Other {
            drops.add(Drop::SendFailed, message.count() as u64);
            return 1;
        }
        let apart = message.apart();
        self.messages.splice(at..=at, apart);
        0
    }
}
