//! Which IP addresses a frame says are its sender's: the source of a packet, the sender of an ARP message, what neighbour
//! discovery announces. Everything that makes a neighbour believe where an address is, is here.
use std::net::IpAddr;

use super::headers::{ICMP6, IPV6_HEADER, u16_at};
use crate::counters::Drop;
use crate::packet::ETHERNET;

/// An IP address as 16 bytes, big-endian, IPv4 mapped (RFC 4291 section 2.5.5.2).
pub type Address = u128;

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86DD;
const VLAN: [u16; 2] = [0x8100, 0x88A8];
const VLAN_TAG: usize = 4;
/// A smaller type is a length: LLC follows (IEEE 802.3).
const LEAST_TYPE: u16 = 0x0600;
/// LLC and SNAP of an Ethernet type (RFC 1042), and the same as bridges tunnel it (IEEE 802.1H).
const SNAP: [[u8; 6]; 2] = [[0xAA, 0xAA, 3, 0, 0, 0], [0xAA, 0xAA, 3, 0, 0, 0xF8]];
/// VLAN tags and SNAP headers that are looked through.
const MAX_WRAPPINGS: usize = 4;

const IPV4_SOURCE: usize = 12;
const IPV6_SOURCE: usize = 8;
/// An ARP message about IPv4 on Ethernet (RFC 826).
const ARP_MESSAGE: usize = 28;
/// Protocol type, lengths of hardware and protocol addresses.
const ARP_LAYOUT: [u8; 4] = [0x08, 0x00, 6, 4];
const ARP_SENDER: usize = 14;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
/// Extension headers of an IPv6 packet that are looked through.
const MAX_EXTENSIONS: usize = 8;

const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;
/// Where the addresses of neighbour discovery stand: the target, and a redirect's destination.
const TARGET: usize = 8;
const REDIRECTED: usize = 24;

pub fn address_of(ip: IpAddr) -> Address {
    match ip {
        IpAddr::V4(ip) => mapped(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// Whether an address can be one host's: not unspecified, loopback, multicast or broadcast, which frames name as their
/// sender, if at all, without a claim to anything.
pub fn is_hosts(address: Address) -> bool {
    let v4 = u32::try_from(address ^ mapped(0)).ok();
    match v4 {
        Some(v4) => !matches!(v4 >> 24, 0 | 127 | 224..),
        None => address > 1 && address >> 120 != 0xFF,
    }
}

/// The link-local address that an interface gives itself for its MAC (RFC 4291 appendix A).
pub fn link_local(mac: &[u8; 6]) -> Address {
    let [a, b, c, d, e, f] = *mac;
    u128::from_be_bytes([0xFE, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xFF, 0xFE, d, e, f])
}

fn mapped(v4: u32) -> Address {
    0xFFFF_0000_0000 | u128::from(v4)
}

/// Hands `take` each address that a frame claims; stops at what it refuses. What would be a claim but can't be read as a host
/// would read it is `AddressHidden`. Frames of other protocols claim nothing.
pub fn claimed(frame: &[u8], mut take: impl FnMut(Address) -> Result<(), Drop>) -> Result<(), Drop> {
    let Some((kind, packet)) = unwrapped(frame)? else { return Ok(()) };
    match kind {
        IPV4 => v4_at(packet, IPV4_SOURCE).map_or(Ok(()), take),
        IPV6 => {
            let Ok(source) = v6_at(packet, IPV6_SOURCE) else { return Ok(()) };
            take(source)?;
            if packet.len() < IPV6_HEADER { Ok(()) } else { behind_v6(packet, source, take) }
        }
        ARP if packet.len() < ARP_MESSAGE || packet[2..6] != ARP_LAYOUT => Err(Drop::AddressHidden),
        ARP => v4_at(packet, ARP_SENDER).map_or(Err(Drop::AddressHidden), take),
        _ => Ok(()),
    }
}

/// The Ethernet type behind VLAN tags and SNAP, and what it describes.
fn unwrapped(frame: &[u8]) -> Result<Option<(u16, &[u8])>, Drop> {
    let mut at = ETHERNET - 2;
    for _ in 0..=MAX_WRAPPINGS {
        let (Some(kind), Some(packet)) = (u16_at(frame, at), frame.get(at + 2..)) else { return Ok(None) };
        if VLAN.contains(&kind) {
            at += VLAN_TAG;
        } else if kind < LEAST_TYPE && SNAP.iter().any(|snap| packet.starts_with(snap)) {
            at += 2 + SNAP[0].len();
        } else {
            return Ok(Some((kind, packet)));
        }
    }
    Err(Drop::AddressHidden)
}

/// Neighbour discovery behind an IPv6 header. A host looks through these extension headers as well.
fn behind_v6(packet: &[u8], source: Address, take: impl FnMut(Address) -> Result<(), Drop>) -> Result<(), Drop> {
    let (mut next, mut at, mut fragment) = (packet[6], IPV6_HEADER, false);
    for _ in 0..=MAX_EXTENSIONS {
        let length = |unit: usize, more: usize| -> Result<usize, Drop> {
            let length = packet.get(at + 1).ok_or(Drop::AddressHidden)?;
            Ok((usize::from(*length) + more) * unit)
        };
        let header = match next {
            HOP_BY_HOP | ROUTING | DESTINATION => length(8, 1)?,
            AUTHENTICATION => length(4, 2)?,
            // What is behind a later fragment's header is no header.
            FRAGMENT if u16_at(packet, at + 2).ok_or(Drop::AddressHidden)? & 0xFFF8 != 0 => return Ok(()),
            FRAGMENT => {
                fragment = true;
                8
            }
            ICMP6 => return discovery(packet.get(at..).unwrap_or_default(), source, fragment, take),
            _ => return Ok(()),
        };
        next = *packet.get(at).ok_or(Drop::AddressHidden)?;
        at += header;
    }
    Err(Drop::AddressHidden)
}

/// Neighbour discovery (RFC 4861 section 4); in a fragment it's refused, as hosts do (RFC 6980).
fn discovery(
    message: &[u8],
    source: Address,
    fragment: bool,
    mut take: impl FnMut(Address) -> Result<(), Drop>,
) -> Result<(), Drop> {
    let kind = *message.first().ok_or(Drop::AddressHidden)?;
    if !(ROUTER_SOLICITATION..=REDIRECT).contains(&kind) {
        return Ok(());
    }
    if fragment {
        return Err(Drop::AddressHidden);
    }
    match kind {
        // Duplicate address detection: its sender is about to use the target. Else it looks for it.
        NEIGHBOUR_SOLICITATION => {
            let target = v6_at(message, TARGET)?;
            if source == 0 { take(target) } else { Ok(()) }
        }
        NEIGHBOUR_ADVERTISEMENT => take(v6_at(message, TARGET)?),
        // Says where the target is, and that the destination is behind it.
        REDIRECT => {
            take(v6_at(message, TARGET)?)?;
            take(v6_at(message, REDIRECTED)?)
        }
        _ => Ok(()),
    }
}

fn v4_at(packet: &[u8], at: usize) -> Option<Address> {
    Some(mapped(u32::from_be_bytes(*packet.get(at..)?.first_chunk()?)))
}

fn v6_at(packet: &[u8], at: usize) -> Result<Address, Drop> {
    let bytes = packet.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Drop::AddressHidden)?;
    Ok(u128::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests;
