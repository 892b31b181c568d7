//! Where a frame goes: the recorded MACs of peers, flooding, and what peers may send. Knows no session and no socket.
use std::collections::HashMap;

use crate::counters::Drop;
use crate::packet::{Mac, addresses, is_group, is_reserved};

/// Where a frame of our own interface goes. Never from peer to peer: what a peer sent goes to the interface or nowhere.
#[derive(Debug, PartialEq, Eq)]
pub enum Outbound<'a, P> {
    To(&'a P),
    /// To every peer: broadcast, multicast and MACs that no peer has recorded.
    Flood,
    Refused(Drop),
}

/// MACs and who may use them. `P` names a peer.
#[derive(Clone)]
pub struct Switch<P> {
    own: Mac,
    claims: HashMap<Mac, Claims<P>>,
}

/// Who recorded a MAC, first come first: the first may use it, the others follow when it goes.
#[derive(Clone)]
struct Claims<P> {
    owner: P,
    waiting: Vec<P>,
}

impl<P: Clone + PartialEq> Switch<P> {
    /// The MAC of our interface.
    pub fn own(&self) -> Mac {
        self.own
    }

    pub fn new(own: Mac) -> Self {
        Self { own, claims: HashMap::new() }
    }

    /// Sets the MACs that a peer has recorded. Our own and group MACs can't be anyone's.
    pub fn set(&mut self, peer: &P, macs: &[Mac]) {
        self.release(peer, |mac| !macs.contains(mac));
        for mac in macs {
            self.claim(peer, mac);
        }
    }

    pub fn remove(&mut self, peer: &P) {
        self.release(peer, |_| true);
    }

    fn claim(&mut self, peer: &P, mac: &Mac) {
        if *mac == self.own || is_group(mac) {
            return;
        }
        match self.claims.get_mut(mac) {
            None => {
                self.claims.insert(*mac, Claims { owner: peer.clone(), waiting: Vec::new() });
            }
            Some(claims) if claims.owner == *peer || claims.waiting.contains(peer) => {}
            Some(claims) => claims.waiting.push(peer.clone()),
        }
    }

    fn release(&mut self, peer: &P, which: impl Fn(&Mac) -> bool) {
        self.claims.retain(|mac, claims| {
            if !which(mac) {
                return true;
            }
            claims.waiting.retain(|waiting| waiting != peer);
            if claims.owner != *peer {
                return true;
            }
            if claims.waiting.is_empty() {
                return false;
            }
            claims.owner = claims.waiting.remove(0);
            true
        });
    }

    /// Where a frame that our interface sent goes.
    pub fn outbound(&self, frame: &[u8]) -> Outbound<'_, P> {
        let Some((destination, _)) = addresses(frame) else { return Outbound::Refused(Drop::FrameMalformed) };
        if is_reserved(&destination) {
            return Outbound::Refused(Drop::ReservedGroup);
        }
        if destination == self.own {
            return Outbound::Refused(Drop::NotForUs);
        }
        match self.claims.get(&destination) {
            Some(claims) => Outbound::To(&claims.owner),
            None => Outbound::Flood,
        }
    }

    /// Whether a frame of a peer may go to our interface.
    ///
    /// Unicast to another MAC is refused: it reached us only because its sender didn't know where that MAC is. A network
    /// card outside promiscuous mode does the same, and behind our interface there is no other MAC yet whose frames a peer
    /// would accept. A bridge behind it needs the learned MACs of a later version, and those will count as ours here.
    pub fn inbound(&self, peer: &P, frame: &[u8]) -> Result<(), Drop> {
        let (destination, source) = addresses(frame).ok_or(Drop::FrameMalformed)?;
        if is_reserved(&destination) {
            return Err(Drop::ReservedGroup);
        }
        if !self.claims.get(&source).is_some_and(|claims| claims.owner == *peer) {
            return Err(Drop::SourceMac);
        }
        if destination != self.own && !is_group(&destination) {
            return Err(Drop::NotForUs);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: Mac = [2, 0, 0, 0, 0, 0];
    const BROADCAST: Mac = [0xFF; 6];

    fn mac(number: u8) -> Mac {
        [2, 0, 0, 0, 0, number]
    }

    fn frame(destination: Mac, source: Mac) -> Vec<u8> {
        [&destination[..], &source[..], &[0x08, 0x00]].concat()
    }

    #[test]
    fn first_to_record_a_mac_keeps_it() {
        let mut switch = Switch::new(OWN);
        switch.set(&1, &[mac(1)]);
        switch.set(&2, &[mac(2), mac(1)]);
        assert_eq!(switch.outbound(&frame(mac(1), OWN)), Outbound::To(&1));
        assert_eq!(switch.inbound(&2, &frame(OWN, mac(1))), Err(Drop::SourceMac));
        switch.remove(&1);
        assert_eq!(switch.outbound(&frame(mac(1), OWN)), Outbound::To(&2));
    }

    #[test]
    fn nobody_can_record_our_mac_or_a_group() {
        let mut switch = Switch::new(OWN);
        switch.set(&1, &[OWN, BROADCAST]);
        assert_eq!(switch.inbound(&1, &frame(BROADCAST, OWN)), Err(Drop::SourceMac));
        assert_eq!(switch.inbound(&1, &frame(OWN, BROADCAST)), Err(Drop::SourceMac));
        assert_eq!(switch.outbound(&frame(BROADCAST, OWN)), Outbound::Flood);
    }

    #[test]
    fn reserved_groups_pass_in_neither_direction() {
        let mut switch = Switch::new(OWN);
        switch.set(&1, &[mac(1)]);
        let reserved = [0x01, 0x80, 0xC2, 0, 0, 0x0E];
        assert_eq!(switch.outbound(&frame(reserved, OWN)), Outbound::Refused(Drop::ReservedGroup));
        assert_eq!(switch.inbound(&1, &frame(reserved, mac(1))), Err(Drop::ReservedGroup));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(u8, Vec<u8>),
        Remove(u8),
        Out(u8),
        In(u8, u8, u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        let number = 0u8..6;
        prop_oneof![
            (0u8..4, proptest::collection::vec(number.clone(), 0..4)).prop_map(|(peer, macs)| Step::Set(peer, macs)),
            (0u8..4).prop_map(Step::Remove),
            number.clone().prop_map(Step::Out),
            (0u8..4, number.clone(), number).prop_map(|(peer, to, from)| Step::In(peer, to, from)),
        ]
    }

    /// Claims in the order in which they were made; the first of a MAC holds it.
    fn owner(claims: &[(u8, u8)], number: u8) -> Option<u8> {
        claims.iter().find(|(_, claimed)| *claimed == number).map(|(peer, _)| *peer)
    }

    fn set(claims: &mut Vec<(u8, u8)>, peer: u8, macs: &[u8]) {
        claims.retain(|(who, number)| *who != peer || macs.contains(number));
        for &number in macs {
            if number != 0 && !claims.contains(&(peer, number)) {
                claims.push((peer, number));
            }
        }
    }

    proptest! {
        #[test]
        fn switch_and_model_agree(steps in proptest::collection::vec(step(), 1..100)) {
            let mut switch = Switch::new(OWN);
            let mut claims = Vec::new();
            for step in steps {
                match step {
                    Step::Set(peer, numbers) => {
                        set(&mut claims, peer, &numbers);
                        switch.set(&peer, &numbers.iter().copied().map(mac).collect::<Vec<_>>());
                    }
                    Step::Remove(peer) => {
                        claims.retain(|(who, _)| *who != peer);
                        switch.remove(&peer);
                    }
                    Step::Out(to) => {
                        let frame = frame(mac(to), OWN);
                        let went = switch.outbound(&frame);
                        match (to, owner(&claims, to)) {
                            (0, _) => prop_assert_eq!(went, Outbound::Refused(Drop::NotForUs)),
                            (_, Some(peer)) => prop_assert_eq!(went, Outbound::To(&peer)),
                            (_, None) => prop_assert_eq!(went, Outbound::Flood),
                        }
                    }
                    Step::In(peer, to, from) => {
                        let allowed = owner(&claims, from) == Some(peer);
                        let expected = match (allowed, to) {
                            (false, _) => Err(Drop::SourceMac),
                            (true, 0) => Ok(()),
                            (true, _) => Err(Drop::NotForUs),
                        };
                        prop_assert_eq!(switch.inbound(&peer, &frame(mac(to), mac(from))), expected);
                    }
                }
            }
        }
    }
}
