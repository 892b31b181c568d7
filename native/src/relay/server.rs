//! A relay's thread: takes batches from its sockets, asks the exchange, and sends on what may go on from where it was received.
use std::os::fd::AsFd;
use std::sync::Arc;

use super::Shared;
use super::door::Arrival;
use super::exchange::{Verdict, run_length};
use super::origin::Origin;
use super::outlet::Outlet;
use super::{RelayEvent, Waiting};
use crate::clock::now;
use crate::poll::Poller;
use crate::udp::UdpSocket;
use crate::udp::batch::{Inbox, Route};

const WAKER: usize = 0;
const FIRST_SOCKET: usize = 1;
/// Batches taken from one socket before another one has its turn.
const TURN: usize = 8;

pub struct Server {
    shared: Arc<Shared>,
    outlet: Outlet,
}

impl Server {
    pub fn new(shared: Arc<Shared>) -> Self {
        let outlet = Outlet::new(&shared.sockets);
        Self { shared, outlet }
    }

    /// Runs until the relay is told to stop. An error means that it can't go on.
    pub fn run(&mut self) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        let poller = shared.watch_all().map_err(|error| format!("watching the sockets: {error}"))?;
        let mut inbox = Inbox::default();
        while !shared.is_stopping() {
            let ready = poller.wait(None).map_err(|error| format!("waiting for datagrams: {error}"))?;
            if ready.has(WAKER) {
                shared.waker.clear();
                self.send_waiting();
            }
            for (place, (_, socket)) in shared.sockets.0.iter().enumerate() {
                if ready.has(FIRST_SOCKET + place) {
                    self.carry(socket, &mut inbox);
                }
            }
        }
        Ok(())
    }

    /// What the control plane wants sent.
    fn send_waiting(&mut self) {
        let shared = Arc::clone(&self.shared);
        for Waiting { to, source, datagram } in shared.take_waiting() {
            match to {
                Origin::Udp(to) => {
                    self.outlet.add(Route { to, source, mark: 0 }, 0..datagram.len(), datagram.len());
                    self.outlet.flush(&shared.sockets, &datagram, &shared.drops);
                }
                Origin::Tls(_) => {}
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
            let mut start = 0;
            while start < message.len() && address.port() != 0 {
                let length = run_length(&message[start..], incoming.segment);
                let run = &mut message[start..start + length];
                let size = incoming.segment.min(length);
                match exchange.take(&arrival, run, size, &shared.drops) {
                    Ok(Verdict::Forward { to: Origin::Udp(to), source, length }) => {
                        let begin = Inbox::start_of(place) + start;
                        self.outlet.add(Route { to, source, mark: incoming.mark }, begin..begin + length, size);
                    }
                    Ok(Verdict::Forward { to: Origin::Tls(_), .. }) => {}
                    Ok(Verdict::Answer(answer)) => {
                        answers.push((Route { to: address, source: arrival.local, mark: 0 }, answer))
                    }
                    Ok(Verdict::HandUp) => hand_up(&shared, &arrival, run),
                    Err(reason) => shared.drops.count(reason),
                }
                start += length;
            }
        }
        drop(exchange);
        self.outlet.flush(&shared.sockets, inbox.arena(), &shared.drops);
        for (route, answer) in answers {
            self.outlet.add(route, 0..answer.len(), answer.len());
            self.outlet.flush(&shared.sockets, &answer, &shared.drops);
        }
    }
}

fn hand_up(shared: &Shared, arrival: &Arrival, datagram: &[u8]) {
    let Arrival { at, origin: from, address, .. } = *arrival;
    shared.push(RelayEvent::Datagram { at, from, address, datagram: datagram.to_vec() });
}

impl Shared {
    fn watch_all(&self) -> std::io::Result<Poller> {
        let poller = Poller::new()?;
        poller.watch(WAKER, self.waker.as_fd())?;
        for (place, (_, socket)) in self.sockets.0.iter().enumerate() {
            poller.watch(FIRST_SOCKET + place, socket.as_fd())?;
        }
        Ok(poller)
    }
}
