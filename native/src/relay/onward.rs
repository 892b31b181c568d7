//! Datagrams that came over TLS on their way on: there's no telling how many come at once, and those for one client don't
//! stand one after the other, so they're copied.
use std::ops::Range;

use super::outlet::{Outlet, RelaySockets};
use crate::counters::{Drop, Drops};
use crate::tls::server::TlsServer;
use crate::udp::batch::{Outbox, Route};

#[derive(Default)]
pub struct Onward {
    by_udp: Outbox,
    /// No more than one turn of all connections brings.
    bytes: Vec<u8>,
    by_tls: Vec<(u64, Range<usize>)>,
}

impl Onward {
    pub fn udp(&mut self, route: Route, datagram: &[u8], outlet: &mut Outlet, sockets: &RelaySockets, drops: &Drops) {
        if !self.by_udp.has_room(datagram.len()) {
            self.send_udp(outlet, sockets, drops);
        }
        if let Some(place) = self.by_udp.add(route, datagram.len(), outlet.cuts()) {
            place.copy_from_slice(datagram);
        }
    }

    pub fn send_udp(&mut self, outlet: &mut Outlet, sockets: &RelaySockets, drops: &Drops) {
        outlet.add_all(self.by_udp.messages());
        outlet.flush(sockets, self.by_udp.arena(), drops);
        self.by_udp.clear();
    }

    pub fn tls(&mut self, number: u64, datagram: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(datagram);
        self.by_tls.push((number, start..self.bytes.len()));
    }

    /// To the queues of their connections, if there's a server that has any.
    pub fn push_tls(&mut self, server: Option<&mut TlsServer>, drops: &Drops) {
        match server {
            Some(server) => self.by_tls.drain(..).for_each(|(number, bytes)| {
                server.push(number, &self.bytes[bytes], drops);
            }),
            None => drops.add(Drop::SendFailed, self.by_tls.drain(..).len() as u64),
        }
        self.bytes.clear();
    }
}
