//! Where a frame goes: the recorded MACs of peers, flooding, and what peers may send. Knows no session and no socket.
pub mod claims;
pub mod learned;

use crate::counters::Drop;
use crate::frame::addresses::{Address, claimed, is_hosts};
use crate::packet::{Mac, addresses, is_group, is_reserved};
use claims::Claims;

/// Where a frame of our own interface goes. Never from peer to peer: what a peer sent goes to the interface or nowhere.
#[derive(Debug, PartialEq, Eq)]
pub enum Outbound<'a, P> {
    To(&'a P),
    /// To every peer: broadcast, multicast and MACs that no peer has recorded. Those may have been learned (`learned.rs`).
    Flood,
    Refused(Drop),
}

/// What is to be known of a peer's frame that may go to our interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inbound {
    pub to: Destination,
    /// It comes from a MAC behind the peer's bridge, which is to be learned.
    pub from_behind: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    Us,
    Group,
    /// A MAC that nobody has recorded, for whoever is behind our bridge.
    Unrecorded,
}

/// Who we are at the switch.
#[derive(Clone, Debug)]
pub struct Own {
    pub mac: Mac,
    pub addresses: Vec<Address>,
    /// Whether others are behind our interface.
    pub bridge: bool,
}

/// What a peer may use.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    pub macs: Vec<Mac>,
    /// IP addresses that it holds.
    pub addresses: Vec<Address>,
    /// Whether others are behind it.
    pub bridge: bool,
}

/// MACs and IP addresses, and who may use them. `P` names a peer.
#[derive(Clone)]
pub struct Switch<P> {
    own: Own,
    macs: Claims<Mac, P>,
    addresses: Claims<Address, P>,
    bridges: Vec<P>,
}

impl<P: Clone + PartialEq> Switch<P> {
    pub fn new(own: Own) -> Self {
        Self { own, macs: Claims::default(), addresses: Claims::default(), bridges: Vec::new() }
    }

    pub fn own(&self) -> &Own {
        &self.own
    }

    /// Our own addresses are these from here on.
    pub fn set_own_addresses(&mut self, addresses: Vec<Address>) {
        self.own.addresses = addresses;
    }

    /// Sets what a peer may use. Our own MAC, group MACs and addresses that can't be a host's can't be anyone's.
    pub fn set(&mut self, peer: &P, rights: &Rights) {
        let macs: Vec<Mac> =
            rights.macs.iter().filter(|mac| **mac != self.own.mac && !is_group(mac)).copied().collect();
        let addresses: Vec<Address> = rights.addresses.iter().filter(|address| is_hosts(**address)).copied().collect();
        self.macs.set(peer, &macs);
        self.addresses.set(peer, &addresses);
        self.bridges.retain(|bridge| bridge != peer);
        if rights.bridge {
            self.bridges.push(peer.clone());
        }
    }

    pub fn remove(&mut self, peer: &P) {
        self.macs.remove(peer);
        self.addresses.remove(peer);
        self.bridges.retain(|bridge| bridge != peer);
    }

    /// Where a frame that our interface sent goes.
    pub fn outbound(&self, frame: &[u8]) -> Outbound<'_, P> {
        let Some((destination, _)) = addresses(frame) else { return Outbound::Refused(Drop::FrameMalformed) };
        if is_reserved(&destination) {
            return Outbound::Refused(Drop::ReservedGroup);
        }
        if destination == self.own.mac {
            return Outbound::Refused(Drop::NotForUs);
        }
        match self.macs.owner(&destination) {
            Some(peer) => Outbound::To(peer),
            None => Outbound::Flood,
        }
    }

    /// Whether a frame of a peer may go to our interface.
    ///
    /// Unicast to another MAC is refused where nobody is behind our interface: it reached us only because its sender didn't
    /// know where that MAC is. A network card outside promiscuous mode does the same.
    pub fn inbound(&self, peer: &P, frame: &[u8]) -> Result<Inbound, Drop> {
        let (destination, source) = addresses(frame).ok_or(Drop::FrameMalformed)?;
        if is_reserved(&destination) {
            return Err(Drop::ReservedGroup);
        }
        let from_behind = !self.may_use_mac(peer, &source)?;
        let to = self.destination(&destination)?;
        claimed(frame, |address| self.may_claim(peer, address))?;
        Ok(Inbound { to, from_behind })
    }

    pub fn is_own(&self, mac: &Mac) -> bool {
        *mac == self.own.mac
    }

    /// True for a recorded MAC of the peer, false for one of those behind it.
    fn may_use_mac(&self, peer: &P, source: &Mac) -> Result<bool, Drop> {
        match self.macs.owner(source) {
            Some(owner) if owner == peer => Ok(true),
            Some(_) => Err(Drop::SourceMac),
            None if *source == self.own.mac || is_group(source) || !self.is_bridge(peer) => Err(Drop::SourceMac),
            None => Ok(false),
        }
    }

    fn destination(&self, destination: &Mac) -> Result<Destination, Drop> {
        if *destination == self.own.mac {
            return Ok(Destination::Us);
        }
        if is_group(destination) {
            return Ok(Destination::Group);
        }
        if self.own.bridge && self.macs.owner(destination).is_none() {
            return Ok(Destination::Unrecorded);
        }
        Err(Drop::NotForUs)
    }

    /// Who bridges two LANs that both have members lets pass what members say there; ours are never anyone else's.
    fn may_claim(&self, peer: &P, address: Address) -> Result<(), Drop> {
        if self.own.addresses.contains(&address) {
            return Err(Drop::AddressOfAnother);
        }
        match self.addresses.owner(&address) {
            Some(holder) if holder != peer && !(self.own.bridge && self.is_bridge(peer)) => Err(Drop::AddressOfAnother),
            _ => Ok(()),
        }
    }

    fn is_bridge(&self, peer: &P) -> bool {
        self.bridges.contains(peer)
    }
}

#[cfg(test)]
mod tests;
