//! A relay's thread: takes what its sockets and TLS connections have, asks the exchange, and sends on what may go on; what came by UDP
//! leaves from where it was received.
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::door::Arrival;
use super::exchange::{Exchange, Verdict, run_length};
use super::onward::Onward;
use super::origin::Origin;
use super::outlet::Outlet;
use super::{RelayEvent, Shared, Waiting};
use crate::clock::{Nanos, now};
use crate::counters::Drop;
use crate::poll::{AsSource, Poller, Ready};
use crate::tls::server::{Happening, TlsServer};
use crate::udp::UdpSocket;
use crate::udp::batch::{Inbox, Route};

const WAKER: usize = 0;
/// Where TLS connections are ready, in the poller that both are given.
pub const TLS: usize = 1;
const FIRST_SOCKET: usize = 2;
/// Batches taken from one socket before another one has its turn.
const TURN: usize = 8;

pub struct Server {
    poller: Poller,
    shared: Arc<Shared>,
    outlet: Outlet,
    onward: Onward,
    tls: Option<TlsServer>,
    /// TLS connections that something came up from.
    known: HashSet<u64>,
}

impl Server {
    pub fn new(poller: Poller, shared: Arc<Shared>, tls: Option<TlsServer>) -> Self {
        let outlet = Outlet::new(&shared.sockets);
        Self { poller, shared, outlet, onward: Onward::default(), tls, known: HashSet::new() }
    }

    /// Runs until the relay is told to stop. An error means that it can't go on.
    pub fn run(&mut self) -> Result<(), String> {
        self.watch_all().map_err(|error| format!("watching the sockets: {error}"))?;
        let shared = Arc::clone(&self.shared);
        let mut inbox = Inbox::default();
        while !shared.is_stopping() {
            let deadline = self.tls.as_ref().and_then(TlsServer::deadline);
            let ready = self.poller.wait(deadline.map(|at| at.saturating_sub(now())));
            let ready = ready.map_err(|error| format!("waiting for datagrams: {error}"))?;
            if ready.has(WAKER) {
                shared.waker.clear();
                self.send_waiting();
            }
            for (place, (_, socket)) in shared.sockets.0.iter().enumerate() {
                if ready.has(FIRST_SOCKET + place) {
                    self.carry(socket, &mut inbox);
                }
            }
            self.serve_tls(ready, now()).map_err(|error| format!("waiting for TLS connections: {error}"))?;
        }
        Ok(())
    }

    fn watch_all(&self) -> io::Result<()> {
        self.poller.watch_waker(WAKER, &self.shared.waker)?;
        for (place, (_, socket)) in self.shared.sockets.0.iter().enumerate() {
            self.poller.watch(FIRST_SOCKET + place, socket.as_source())?;
        }
        Ok(())
    }

    /// What the control plane wants sent, and changed.
    fn send_waiting(&mut self) {
        let shared = Arc::clone(&self.shared);
        if let Some(tls) = &mut self.tls {
            tls.set_limits(shared.tls_limits());
        }
        for Waiting { to, source, datagram } in shared.take_waiting() {
            match (to, &mut self.tls) {
                (Origin::Udp(to), _) => {
                    self.outlet.add(Route { to, source, mark: 0 }, 0..datagram.len(), datagram.len());
                    self.outlet.flush(&shared.sockets, &datagram, &shared.drops);
                }
                (Origin::Tls(number), Some(tls)) => tls.push(number, &datagram, &shared.drops),
                (Origin::Tls(_), None) => shared.drops.count(Drop::SendFailed),
            }
        }
    }

    fn carry(&mut self, socket: &impl UdpSocket, inbox: &mut Inbox) {
        for _ in 0..TURN {
            if socket.receive(inbox).is_err() || inbox.is_empty() {
                break;
            }
            self.take_batch(inbox);
            if !inbox.is_full() {
                break;
            }
            inbox.plan();
        }
        inbox.plan();
    }

    fn take_batch(&mut self, inbox: &mut Inbox) {
        let shared = Arc::clone(&self.shared);
        let at = now();
        let mut answers = Vec::new();
        let mut exchange = shared.exchange();
        for place in 0..inbox.len() {
            let Some((incoming, message)) = inbox.get(place) else { break };
            let address = incoming.from;
            let arrival = Arrival { at, origin: Origin::Udp(address), address, local: incoming.local };
            if message.is_empty() || address.port() == 0 {
                shared.drops.count(Drop::DatagramMalformed);
                continue;
            }
            let mut start = 0;
            while start < message.len() {
                let length = run_length(&message[start..], incoming.segment);
                let run = &mut message[start..start + length];
                let size = incoming.segment.min(length);
                match exchange.take(&arrival, run, size, &shared.drops) {
                    Ok(Verdict::Forward { to: Origin::Udp(to), source, length }) => {
                        let begin = Inbox::start_of(place) + start;
                        self.outlet.add(Route { to, source, mark: incoming.mark }, begin..begin + length, size);
                    }
                    Ok(Verdict::Forward { to: Origin::Tls(number), length, .. }) => {
                        run[..length].chunks(size).for_each(|datagram| self.onward.tls(number, datagram));
                    }
                    Ok(Verdict::Answer(answer)) => {
                        answers.push((Route { to: address, source: arrival.local, mark: 0 }, answer));
                    }
                    Ok(Verdict::HandUp) => hand_up(&shared, &arrival, run),
                    Err(reason) => shared.drops.count(reason),
                }
                start += length;
            }
        }
        drop(exchange);
        self.outlet.flush(&shared.sockets, inbox.arena(), &shared.drops);
        self.onward.push_tls(self.tls.as_mut(), &shared.drops);
        for (route, answer) in answers {
            self.outlet.add(route, 0..answer.len(), answer.len());
            self.outlet.flush(&shared.sockets, &answer, &shared.drops);
        }
    }

    /// Reads TLS connections that have something, and writes to all that something has come for.
    fn serve_tls(&mut self, ready: Ready, now: Nanos) -> io::Result<()> {
        let Self { shared, outlet, onward, tls: Some(tls), known, .. } = self else { return Ok(()) };
        let mut exchange = shared.exchange();
        let mut desk = Desk { shared, exchange: &mut exchange, outlet, onward, known, at: now };
        if ready.has(TLS) {
            tls.turn(now, &shared.drops, &mut |happening| desk.take(happening))?;
        }
        tls.sweep(now, &shared.drops, &mut |happening| desk.take(happening));
        desk.onward.push_tls(Some(tls), &shared.drops);
        tls.flush(&shared.drops, &mut |happening| desk.take(happening));
        drop(exchange);
        onward.send_udp(outlet, &shared.sockets, &shared.drops);
        shared.connections.store(tls.len(), Ordering::Relaxed);
        Ok(())
    }
}

/// Where what happens on TLS connections is dealt with.
struct Desk<'a> {
    shared: &'a Shared,
    exchange: &'a mut Exchange,
    outlet: &'a mut Outlet,
    onward: &'a mut Onward,
    known: &'a mut HashSet<u64>,
    at: Nanos,
}

impl Desk<'_> {
    fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Datagram { number, address, datagram } => {
                let arrival = Arrival { at: self.at, origin: Origin::Tls(number), address, local: None };
                if let Err(reason) = self.take_datagram(number, &arrival, datagram) {
                    self.shared.drops.count(reason);
                }
            }
            Happening::Ended { number } => {
                let from = Origin::Tls(number);
                self.exchange.remove_from(from);
                if self.known.remove(&number) {
                    self.shared.push(RelayEvent::Gone { at: self.at, from });
                }
            }
        }
    }

    fn take_datagram(&mut self, number: u64, arrival: &Arrival, datagram: &mut [u8]) -> Result<(), Drop> {
        let Shared { sockets, drops, .. } = self.shared;
        match self.exchange.take(arrival, datagram, datagram.len(), drops)? {
            Verdict::Forward { length: 0, .. } => {}
            Verdict::Forward { to: Origin::Udp(to), source, .. } => {
                self.onward.udp(Route { to, source, mark: 0 }, datagram, self.outlet, sockets, drops);
            }
            Verdict::Forward { to: Origin::Tls(to), .. } => self.onward.tls(to, datagram),
            Verdict::Answer(answer) => self.onward.tls(number, &answer),
            Verdict::HandUp => {
                self.known.insert(number);
                hand_up(self.shared, arrival, datagram);
            }
        }
        Ok(())
    }
}

fn hand_up(shared: &Shared, arrival: &Arrival, datagram: &[u8]) {
    let Arrival { at, origin: from, address, .. } = *arrival;
    shared.push(RelayEvent::Datagram { at, from, address, datagram: datagram.to_vec() });
}
