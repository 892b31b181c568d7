//! The addresses of our interface: whether one is free, by asking the peers (RFC 5227), and telling them that it's ours.
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::Shared;
use super::super::events::Event;
use super::super::outbound::{Frame, send};
use super::Commands;
use crate::clock::now;
use crate::counters::Drop;
use crate::frame::arp;
use crate::frame::addresses::{address_of, link_local};
use crate::packet::{HEADROOM, Offload};
use crate::tap::Address;

/// The address that is asked for; none once somebody turned out to have it.
#[derive(Default)]
pub struct Probed(AtomicU32);

impl Probed {
    fn set(&self, address: Ipv4Addr) {
        self.0.store(address.into(), Ordering::Relaxed);
    }

    fn get(&self) -> Option<Ipv4Addr> {
        Some(Ipv4Addr::from(self.0.load(Ordering::Relaxed))).filter(|address| !address.is_unspecified())
    }

    /// True for the first caller only.
    fn clear(&self, address: Ipv4Addr) -> bool {
        self.0.compare_exchange(address.into(), 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Shared {
    /// A frame that a peer may send has come: does it claim the address that we ask for?
    pub fn note_claim(&self, frame: &[u8]) {
        let Some(address) = self.probed.get() else { return };
        let Some(claimant) = arp::claimant(frame, address) else { return };
        if self.probed.clear(address) {
            self.push(Event::AddressInUse { at: now(), ip: address, claimant });
        }
    }
}

impl Commands<'_> {
    /// Our interface has these addresses from here on: no peer's frame may claim one of them.
    pub fn set_own_addresses(&mut self, addresses: &[Address]) {
        let switch = &mut self.control.tables.switch;
        let given = addresses.iter().map(|address| address_of(address.ip));
        let own = given.chain([link_local(&switch.own().mac)]).collect();
        switch.set_own_addresses(own);
        self.control.changed = true;
    }

    /// Asks all peers who has the address; an `AddressInUse` follows if somebody says so.
    pub fn probe_address(&mut self, address: Ipv4Addr) {
        self.shared.probed.set(address);
        self.ask(Ipv4Addr::UNSPECIFIED, address);
    }

    /// Tells all peers that the address is ours.
    pub fn announce_address(&mut self, address: Ipv4Addr) {
        self.ask(address, address);
    }

    /// Floods an ARP question as if our interface had sent it.
    fn ask(&mut self, sender: Ipv4Addr, target: Ipv4Addr) {
        self.publish();
        let mut room = [0; HEADROOM + arp::FRAME];
        room[HEADROOM..].copy_from_slice(&arp::question(self.control.tables.switch.own().mac, sender, target));
        let Ok(mut frame) = Frame::new(&mut room, Offload::default()) else { return };
        let at = now();
        for peer in self.control.tables.peers.values() {
            match send(self.shared, &mut self.control.sender, peer, &mut frame, at) {
                Ok(()) | Err(Drop::NoSession | Drop::NoEndpoint) => {}
                Err(reason) => self.shared.drops.count(reason),
            }
        }
        self.control.sender.flush(self.shared);
    }
}
