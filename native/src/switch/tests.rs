use std::net::IpAddr;

use super::*;
use crate::frame::addresses::address_of;
use proptest::prelude::*;

const OWN: Mac = [2, 0, 0, 0, 0, 0];
const BROADCAST: Mac = [0xFF; 6];

fn mac(number: u8) -> Mac {
    [2, 0, 0, 0, 0, number]
}

fn switch() -> Switch<u8> {
    Switch::new(Own { mac: OWN, addresses: vec![address(0)], bridge: false })
}

/// 10.10.10.`number`.
fn address(number: u8) -> Address {
    address_of(IpAddr::from([10, 10, 10, number]))
}

fn macs(macs: &[Mac]) -> Rights {
    Rights { macs: macs.to_vec(), ..Rights::default() }
}

const TO_US: Inbound = Inbound { to: Destination::Us, from_behind: false };

fn frame(destination: Mac, source: Mac) -> Vec<u8> {
    [&destination[..], &source[..], &[0x08, 0x00]].concat()
}

#[test]
fn first_to_record_a_mac_keeps_it() {
    let mut switch = switch();
    switch.set(&1, &macs(&[mac(1)]));
    switch.set(&2, &macs(&[mac(2), mac(1)]));
    assert_eq!(switch.outbound(&frame(mac(1), OWN)), Outbound::To(&1));
    assert_eq!(switch.inbound(&2, &frame(OWN, mac(1))), Err(Drop::SourceMac));
    switch.remove(&1);
    assert_eq!(switch.outbound(&frame(mac(1), OWN)), Outbound::To(&2));
}

#[test]
fn nobody_can_record_our_mac_or_a_group() {
    let mut switch = switch();
    switch.set(&1, &macs(&[OWN, BROADCAST]));
    assert_eq!(switch.inbound(&1, &frame(BROADCAST, OWN)), Err(Drop::SourceMac));
    assert_eq!(switch.inbound(&1, &frame(OWN, BROADCAST)), Err(Drop::SourceMac));
    assert_eq!(switch.outbound(&frame(BROADCAST, OWN)), Outbound::Flood);
}

#[test]
fn reserved_groups_pass_in_neither_direction() {
    let mut switch = switch();
    switch.set(&1, &macs(&[mac(1)]));
    let reserved = [0x01, 0x80, 0xC2, 0, 0, 0x0E];
    assert_eq!(switch.outbound(&frame(reserved, OWN)), Outbound::Refused(Drop::ReservedGroup));
    assert_eq!(switch.inbound(&1, &frame(reserved, mac(1))), Err(Drop::ReservedGroup));
}

fn from_ip(mac_number: u8, ip: u8) -> Vec<u8> {
    let mut frame = frame(OWN, mac(mac_number));
    frame.extend([0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 10, 10, ip, 10, 10, 10, 0]);
    frame
}

fn member(number: u8, bridge: bool) -> Rights {
    Rights { macs: vec![mac(number)], addresses: vec![address(number)], bridge }
}

#[test]
fn an_address_is_its_holders_and_ours_is_ours() {
    let mut switch = switch();
    for peer in [1, 2] {
        switch.set(&peer, &member(peer, false));
    }
    assert_eq!(switch.inbound(&1, &from_ip(1, 1)), Ok(TO_US));
    assert_eq!(switch.inbound(&1, &from_ip(1, 2)), Err(Drop::AddressOfAnother));
    assert_eq!(switch.inbound(&1, &from_ip(1, 0)), Err(Drop::AddressOfAnother));
    assert_eq!(switch.inbound(&1, &from_ip(1, 9)), Ok(TO_US), "nobody holds it: it may be behind a router");
    switch.set(&2, &macs(&[mac(2)]));
    assert_eq!(switch.inbound(&1, &from_ip(1, 2)), Ok(TO_US));
    switch.set_own_addresses(vec![address(1)]);
    assert_eq!(switch.inbound(&1, &from_ip(1, 0)), Ok(TO_US));
    assert_eq!(switch.inbound(&1, &from_ip(1, 1)), Err(Drop::AddressOfAnother));
}

#[test]
fn nobody_can_hold_what_is_no_hosts_address() {
    let mut switch = switch();
    let texts = ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1"];
    let addresses: Vec<_> = texts.iter().map(|text| address_of(text.parse().expect("an address"))).collect();
    assert!(addresses.iter().all(|address| !is_hosts(*address)));
    switch.set(&1, &macs(&[mac(1)]));
    switch.set(&2, &Rights { addresses, ..macs(&[mac(2)]) });
    let mut probe = from_ip(1, 0);
    probe[26..30].copy_from_slice(&[0; 4]);
    assert_eq!(switch.inbound(&1, &probe), Ok(TO_US));
    assert!(is_hosts(address(1)) && is_hosts(address_of("fe80::1".parse().expect("an address"))));
}

#[test]
fn who_is_behind_a_bridge_has_no_recorded_mac_and_no_held_address() {
    let mut switch = switch();
    switch.set(&1, &member(1, true));
    switch.set(&2, &member(2, false));
    let behind = Inbound { to: Destination::Us, from_behind: true };
    assert_eq!(switch.inbound(&1, &from_ip(9, 9)), Ok(behind));
    assert_eq!(switch.inbound(&2, &from_ip(9, 9)), Err(Drop::SourceMac), "it doesn't bridge");
    assert_eq!(switch.inbound(&1, &from_ip(2, 9)), Err(Drop::SourceMac));
    assert_eq!(switch.inbound(&1, &from_ip(0, 9)), Err(Drop::SourceMac));
    assert_eq!(switch.inbound(&1, &frame(OWN, BROADCAST)), Err(Drop::SourceMac));
    assert_eq!(switch.inbound(&1, &from_ip(9, 2)), Err(Drop::AddressOfAnother));
    assert_eq!(switch.inbound(&1, &frame(mac(8), mac(9))), Err(Drop::NotForUs), "nobody is behind us");
    switch.set(&1, &member(1, false));
    assert_eq!(switch.inbound(&1, &from_ip(9, 9)), Err(Drop::SourceMac));
}

#[test]
fn who_bridges_takes_what_is_for_those_behind_it() {
    let mut switch = Switch::new(Own { mac: OWN, addresses: vec![address(0)], bridge: true });
    switch.set(&1, &member(1, true));
    switch.set(&2, &member(2, false));
    let unrecorded = |from_behind| Ok(Inbound { to: Destination::Unrecorded, from_behind });
    assert_eq!(switch.inbound(&2, &frame(mac(9), mac(2))), unrecorded(false));
    assert_eq!(switch.inbound(&2, &frame(mac(1), mac(2))), Err(Drop::NotForUs), "a member has it");
    let mut held = from_ip(9, 2);
    held[..6].copy_from_slice(&mac(8));
    assert_eq!(switch.inbound(&1, &held), unrecorded(true), "both LANs may know that member");
    assert_eq!(switch.inbound(&2, &from_ip(2, 1)), Err(Drop::AddressOfAnother), "no bridge, no exception");
    assert_eq!(switch.inbound(&1, &from_ip(1, 0)), Err(Drop::AddressOfAnother), "ours is ours");
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
        let mut switch = switch();
        let mut claims = Vec::new();
        for step in steps {
            match step {
                Step::Set(peer, numbers) => {
                    set(&mut claims, peer, &numbers);
                    switch.set(&peer, &macs(&numbers.iter().copied().map(mac).collect::<Vec<_>>()));
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
                        (true, 0) => Ok(TO_US),
                        (true, _) => Err(Drop::NotForUs),
                    };
                    prop_assert_eq!(switch.inbound(&peer, &frame(mac(to), mac(from))), expected);
                }
            }
        }
    }
}
