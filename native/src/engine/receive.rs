//! The thread that carries what arrives: handshakes to the control plane, frames to the interface.
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};

use super::Shared;
use super::events::Event;
use super::held::Held;
use super::inbound::{Arrival, find, open, take_frame};
use super::queue::{Load, STRANGERS_V4, STRANGERS_V6, Side, TAP, V4, V6, WAKER};
use super::relayed::Budgets;
use super::sender::{Patience, Sender};
use super::strangers::Strangers;
use super::tables::Tables;
use crate::admission::{Admitted, DHT_REPLY, is_handshake_kind};
use crate::clock::{Nanos, now};
use crate::control;
use crate::counters::Drop;
use crate::packet::{KIND_CONTROL, KIND_FRAME, PREFIX, Prefix};
use crate::poll::Ready;
use crate::relay::envelope::{ENVELOPE_KIND, LOGIN_2, LOGIN_COOKIE, MESSAGE};
use crate::seal::Lane;
use crate::udp::UdpSocket;
use crate::udp::batch::{Inbox, Incoming};
use crate::way::Way;

/// Batches taken from one socket before the other one has its turn.
const TURN: usize = 8;
/// Frames that this thread carries before it looks at the sockets again.
const FRAMES: usize = 16;

pub struct Receiver {
    shared: Arc<Shared>,
    sender: Sender,
    number: usize,
    relays: Budgets,
    /// What has come over TLS.
    stream: Vec<u8>,
}

impl Receiver {
    pub fn new(shared: Arc<Shared>, number: usize) -> Self {
        let sender = Sender::new(number, Patience::None);
        Self { shared, sender, number, relays: Budgets::default(), stream: Vec::new() }
    }

    /// Runs until the device is told to stop. An error means that it can't go on.
    pub fn run(&mut self) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        let queue = &shared.queues[self.number];
        let mut expiry = None;
        let mut tables = Cache::new(&shared.tables);
        let mut inbox = Inbox::default();
        let mut strangers = queue.strangers.as_ref().map(|_| Strangers::default());
        while !shared.is_stopping() {
            let expiry_left = expiry.map(|at: Nanos| at.saturating_sub(now()));
            let deadline = queue.carrier(Side::Receive).and_then(|carrier| carrier.time_left());
            let pause = strangers.as_ref().and_then(|strangers| strangers.time_left(now()));
            let left = [expiry_left, deadline, pause].into_iter().flatten().min();
            let ready = queue.wait(Side::Receive, left).map_err(|error| format!("waiting for datagrams: {error}"))?;
            let received = self.receive(ready, &mut inbox, &mut tables);
            let may_have_come = ready.has(WAKER) && self.number == 0;
            let linked = if may_have_come { self.take_links(tables.load()) } else { Load::default() };
            let received = received.plus(linked);
            let strange = strangers.as_mut().map(|strangers| self.receive_strangers(ready, strangers, &mut tables));
            expiry = self.expire();
            let carried = self.carry(ready, received, tables.load())?;
            let load = received.plus(carried).plus(strange.unwrap_or_default());
            queue.end_turn(Side::Receive, load, &shared.tap);
        }
        Ok(())
    }

    /// Takes what has arrived.
    fn receive(&mut self, ready: Ready, inbox: &mut Inbox, tables: &mut Cache<&ArcSwap<Tables>, Arc<Tables>>) -> Load {
        let shared = Arc::clone(&self.shared);
        let sockets = &shared.queues[self.number].sockets;
        let mut load = Load::default();
        for (place, socket) in [(V4, Some(&sockets.v4)), (V6, sockets.v6.as_ref())] {
            let Some(socket) = socket.filter(|_| ready.has(place)) else { continue };
            for _ in 0..TURN {
                if !receive(socket, inbox) {
                    break;
                }
                load = load.plus(self.take_batch(tables.load(), inbox));
                if !inbox.is_full() {
                    break;
                }
                inbox.plan();
            }
            inbox.plan();
        }
        load
    }

    /// Takes a batch of what isn't a session's, as long as the budget lasts.
    fn receive_strangers(
        &mut self,
        ready: Ready,
        strangers: &mut Strangers,
        tables: &mut Cache<&ArcSwap<Tables>, Arc<Tables>>,
    ) -> Load {
        let shared = Arc::clone(&self.shared);
        let queue = &shared.queues[self.number];
        let Some(sockets) = &queue.strangers else { return Load::default() };
        let (mut load, mut count) = (Load::default(), 0);
        for (place, socket) in [(STRANGERS_V4, Some(&sockets.v4)), (STRANGERS_V6, sockets.v6.as_ref())] {
            let Some(socket) = socket.filter(|_| ready.has(place)) else { continue };
            if receive(socket, &mut strangers.inbox) {
                count += strangers.inbox.datagrams();
                load = load.plus(self.take_batch(tables.load(), &mut strangers.inbox));
            }
            strangers.inbox.plan();
        }
        if strangers.note(now(), count) {
            queue.forget_strangers();
        } else if strangers.time_left(now()) == Some(0) && queue.watch_strangers().is_ok() {
            strangers.end_pause();
        }
        load
    }

    /// Hands on what is there of frames whose other parts stay away; when there's more of that to do.
    fn expire(&self) -> Option<Nanos> {
        Held::new(&self.shared, self.number).own().expire(&self.shared, now())
    }

    /// While there's little to do: sends what the interface has, also what it has just answered to what was received.
    fn carry(&self, ready: Ready, received: Load, tables: &Tables) -> Result<Load, String> {
        let Some(mut carrier) = self.shared.queues[self.number].carrier(Side::Receive) else {
            return Ok(Load::default());
        };
        let may_have_frames = ready.has(TAP) || !received.is_none();
        let carried = if may_have_frames { carrier.carry(&self.shared, tables, FRAMES)? } else { Load::default() };
        carrier.keep_deadlines(&self.shared, tables, ready.has(WAKER));
        Ok(carried)
    }

    fn take_batch(&mut self, tables: &Tables, inbox: &mut Inbox) -> Load {
        let at = now();
        let mut load = Load::default();
        let shared = Arc::clone(&self.shared);
        // After receiving: a session that was installed before its first datagram was sent is found.
        let mut held = Held::new(&shared, self.number);
        for place in 0..inbox.len() {
            let Some((incoming, message)) = inbox.get(place) else { break };
            let Incoming { from, local, mark, segment, length } = incoming;
            load.add(length);
            for (index, datagram) in message.chunks_mut(segment).enumerate() {
                let (from, first) = (Way::Direct(from), index == 0);
                let arrival = Arrival { at, from, relay: None, local, mark, first };
                if let Err(reason) = self.take_first(tables, &mut held, arrival, datagram) {
                    self.shared.drops.count(reason);
                }
            }
            if message_is_empty(&incoming) {
                self.shared.drops.count(Drop::DatagramMalformed);
            }
        }
        drop(held);
        self.sender.flush(&self.shared);
        load
    }

    /// Takes what has come from relays over TLS: each thing behind its length.
    fn take_links(&mut self, tables: &Tables) -> Load {
        let shared = Arc::clone(&self.shared);
        let mut held = Held::new(&shared, self.number);
        let (at, mut load) = (now(), Load::default());
        let mut stream = std::mem::take(&mut self.stream);
        for relay in tables.relays.iter().filter(|relay| relay.link.is_some()) {
            relay.take_arrived(&mut stream);
            load.add_some(stream.len());
            let (mut rest, mut first) = (&mut stream[..], true);
            while let Some((datagram, behind)) = split_datagram(rest) {
                let from = Way::Direct(relay.name.address);
                let arrival = Arrival { at, from, relay: Some(relay), local: None, mark: 0, first };
                if let Err(reason) = self.take_first(tables, &mut held, arrival, datagram) {
                    self.shared.drops.count(reason);
                }
                (rest, first) = (behind, false);
            }
            self.sender.flush(&self.shared);
        }
        self.stream = stream;
        load
    }

    /// A datagram as it came from a socket or a relay's link.
    fn take_first(
        &mut self,
        tables: &Tables,
        held: &mut Held,
        arrival: Arrival,
        datagram: &mut [u8],
    ) -> Result<(), Drop> {
        if arrival.from.observed().is_some_and(|address| address.port() == 0) {
            return Err(Drop::DatagramMalformed);
        }
        match datagram.first() {
            Some(&ENVELOPE_KIND) => {
                let (arrival, inside) = self.relays.unwrap(tables, arrival, datagram)?;
                self.take(held, arrival, inside)
            }
            Some(&(LOGIN_COOKIE | LOGIN_2 | MESSAGE)) => self.relays.hand_up(&self.shared, tables, &arrival, datagram),
            // What a relay sends by itself is one of the above.
            _ if arrival.relay.is_some() => Err(Drop::UnknownKind),
            // Whoever wants relays only answers nobody else: not a challenge, not a hello.
            _ if self.shared.switches.forward_only() => Err(Drop::ForwardOnly),
            _ => self.take(held, arrival, datagram),
        }
    }

    fn take(&mut self, held: &mut Held, arrival: Arrival, datagram: &mut [u8]) -> Result<(), Drop> {
        let kind = *datagram.first().ok_or(Drop::DatagramMalformed)?;
        match kind {
            KIND_FRAME => take_frame(&self.shared, held, arrival, datagram),
            KIND_CONTROL => self.take_control(held, arrival, datagram),
            kind if is_handshake_kind(kind) => self.take_handshake(arrival, datagram),
            DHT_REPLY => self.take_dht_reply(arrival, datagram),
            _ => Err(Drop::UnknownKind),
        }
    }

    fn take_dht_reply(&mut self, arrival: Arrival, datagram: &[u8]) -> Result<(), Drop> {
        self.shared.admission().admit_dht_reply(arrival.at, datagram)?;
        let (at, from, datagram) = (arrival.at, arrival.from, datagram.to_vec());
        self.shared.push(Event::Datagram { at, from, datagram, proven: false });
        Ok(())
    }

    fn take_handshake(&mut self, arrival: Arrival, datagram: &[u8]) -> Result<(), Drop> {
        match self.shared.admission().admit(arrival.at, &arrival.from, datagram) {
            Admitted::Pass { proven } => {
                let (at, from, datagram) = (arrival.at, arrival.from, datagram.to_vec());
                self.shared.push(Event::Datagram { at, from, datagram, proven });
                Ok(())
            }
            Admitted::Answer(cookie) => {
                // To wherever the source is said to be: that there's no way to it is nothing to tell.
                self.sender.send_quietly(&self.shared, &arrival.back()?, &cookie);
                Err(Drop::HandshakeCookie)
            }
            Admitted::Refused(reason) => Err(reason),
        }
    }

    fn take_control(&mut self, held: &mut Held, arrival: Arrival, datagram: &mut [u8]) -> Result<(), Drop> {
        let prefix = Prefix::parse(datagram).ok_or(Drop::DatagramMalformed)?;
        let found = find(held, arrival, prefix)?;
        let (plaintext, found) = open(&self.shared, found, arrival, (&prefix, PREFIX), datagram)?;
        let messages = control::parse(plaintext).ok_or(Drop::ControlMalformed)?;
        if !found.state.may_control(arrival.at) {
            return Err(Drop::ControlBudget);
        }
        if !messages.challenges.is_empty() {
            let answer = control::answer(&messages.challenges, arrival.from.observed());
            let datagram =
                found.session.sealer.seal_control(Lane::answers(self.number), &answer).map_err(|_| Drop::SendFailed)?;
            self.sender.send(&self.shared, &arrival.back()?, &datagram);
        }
        if !messages.others.is_empty() {
            let (at, from, messages) = (arrival.at, arrival.from, messages.others);
            let (peer, local_index) = (found.peer.handle, found.session.local_index);
            self.shared.push(Event::Control { at, peer, local_index, from, messages });
        }
        Ok(())
    }
}

/// False when there is nothing, or an ICMP error or too little memory, which say nothing about the socket.
fn receive(socket: &impl UdpSocket, inbox: &mut Inbox) -> bool {
    socket.receive(inbox).is_ok() && !inbox.is_empty()
}

/// The first datagram of several that each stand behind their length (2 bytes), and what's behind it.
fn split_datagram(stream: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
    let (length, rest) = stream.split_first_chunk_mut::<2>()?;
    rest.split_at_mut_checked(usize::from(u16::from_be_bytes(*length)))
}

/// A message without bytes holds no datagram that could be looked at.
fn message_is_empty(incoming: &Incoming) -> bool {
    incoming.length == 0
}
