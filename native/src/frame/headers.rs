//! Where the headers inside an Ethernet frame stand. Every offset that this gives lies inside the frame.
use crate::packet::ETHERNET;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMP6: u8 = 58;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
const VLAN: [u16; 2] = [0x8100, 0x88A8];
const VLAN_TAG: usize = 4;
/// VLAN tags that one frame may carry.
const MAX_TAGS: usize = 2;

pub const IPV4_HEADER: usize = 20;
pub const IPV6_HEADER: usize = 40;
const EXTENSION: usize = 8;
/// Extension headers of an IPv6 packet that are looked through.
const MAX_EXTENSIONS: usize = 8;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const DESTINATION: u8 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// The IP header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub family: Family,
    /// Bytes from the frame's start.
    pub l3: usize,
    pub tagged: bool,
}

/// A frame's L4 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    pub network: Network,
    pub protocol: u8,
    /// Bytes from the frame's start.
    pub l4: usize,
}

pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Network {
    /// None if the frame carries no IP, or not the whole fixed header of it.
    pub fn of(frame: &[u8]) -> Option<Self> {
        let mut at = ETHERNET - 2;
        for tags in 0..=MAX_TAGS {
            let kind = u16_at(frame, at)?;
            let l3 = at + 2;
            let network = |family| Self { family, l3, tagged: tags > 0 };
            match kind {
                IPV4 => return has(frame, l3, 4, IPV4_HEADER).then(|| network(Family::V4)),
                IPV6 => return has(frame, l3, 6, IPV6_HEADER).then(|| network(Family::V6)),
                kind if VLAN.contains(&kind) => at += VLAN_TAG,
                _ => return None,
            }
        }
        None
    }

    /// DSCP and ECN: the type of service, or traffic class.
    pub fn service(&self, frame: &[u8]) -> u8 {
        match self.family {
            Family::V4 => frame[self.l3 + 1],
            Family::V6 => frame[self.l3] << 4 | frame[self.l3 + 1] >> 4,
        }
    }
}

/// Whether `length` bytes from `at` on are there, and begin with an IP version.
fn has(frame: &[u8], at: usize, version: u8, length: usize) -> bool {
    frame.len() >= at + length && frame[at] >> 4 == version
}

impl Transport {
    /// None if the frame has no L4 header, is a fragment, or ends before the L4 header begins.
    pub fn of(frame: &[u8]) -> Option<Self> {
        let network = Network::of(frame)?;
        let (protocol, l4) = match network.family {
            Family::V4 => behind_v4(frame, network.l3)?,
            Family::V6 => behind_v6(frame, network.l3)?,
        };
        (l4 < frame.len()).then_some(Self { network, protocol, l4 })
    }
}

fn behind_v4(frame: &[u8], l3: usize) -> Option<(u8, usize)> {
    const MORE_OR_OFFSET: u16 = 0x3FFF;
    let length = usize::from(frame[l3] & 0x0F) * 4;
    let whole = u16_at(frame, l3 + 6)? & MORE_OR_OFFSET == 0;
    (whole && length >= IPV4_HEADER).then_some((frame[l3 + 9], l3 + length))
}

fn behind_v6(frame: &[u8], l3: usize) -> Option<(u8, usize)> {
    let mut next = frame[l3 + 6];
    let mut at = l3 + IPV6_HEADER;
    for _ in 0..MAX_EXTENSIONS {
        if ![HOP_BY_HOP, ROUTING, DESTINATION].contains(&next) {
            // A fragment header and what this doesn't know are the protocol as far as we're concerned.
            return Some((next, at));
        }
        let extension: &[u8; 2] = frame.get(at..)?.first_chunk()?;
        next = extension[0];
        at += (usize::from(extension[1]) + 1) * EXTENSION;
    }
    None
}

/// Whether a frame is a router advertisement that an interface would heed. Tagged ones go to an interface of their own.
pub fn is_router_advertisement(frame: &[u8]) -> bool {
    const ROUTER_ADVERTISEMENT: u8 = 134;
    let Some(transport) = Transport::of(frame) else { return false };
    let v6 = transport.network.family == Family::V6 && !transport.network.tagged;
    v6 && transport.protocol == ICMP6 && frame[transport.l4] == ROUTER_ADVERTISEMENT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: &[u8], packet: &[u8]) -> Vec<u8> {
        [&[2; 12], kind, packet].concat()
    }

    fn v6(next: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; IPV6_HEADER];
        (packet[0], packet[6]) = (0x60, next);
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn tags_are_looked_through() {
        let mut packet = [0; IPV4_HEADER + 8];
        (packet[0], packet[9]) = (0x45, UDP);
        for (kind, l3) in [
            (&[0x08, 0x00][..], 14),
            (&[0x81, 0, 0, 5, 0x08, 0][..], 18),
            (&[0x88, 0xA8, 0, 5, 0x81, 0, 0, 9, 0x08, 0][..], 22),
        ] {
            let transport = Transport::of(&frame(kind, &packet)).expect("a transport header");
            assert_eq!((transport.network.l3, transport.l4, transport.protocol), (l3, l3 + 20, UDP));
        }
        assert_eq!(Transport::of(&frame(&[0x81, 0, 0, 1, 0x81, 0, 0, 1, 0x81, 0, 0, 1, 8, 0], &packet)), None);
    }

    #[test]
    fn fragments_have_no_transport() {
        let mut packet = [0; IPV4_HEADER + 8];
        (packet[0], packet[6]) = (0x45, 0x20);
        assert_eq!(Transport::of(&frame(&[8, 0], &packet)), None);
        (packet[6], packet[7]) = (0, 1);
        assert_eq!(Transport::of(&frame(&[8, 0], &packet)), None);
        (packet[6], packet[7]) = (0x40, 0);
        assert!(Transport::of(&frame(&[8, 0], &packet)).is_some());
    }

    #[test]
    fn router_advertisements_are_found_behind_extensions() {
        let kind = [0x86, 0xDD];
        assert!(is_router_advertisement(&frame(&kind, &v6(ICMP6, &[134, 0]))));
        assert!(is_router_advertisement(&frame(&kind, &v6(HOP_BY_HOP, &[ICMP6, 0, 0, 0, 0, 0, 0, 0, 134]))));
        assert!(!is_router_advertisement(&frame(&kind, &v6(ICMP6, &[135, 0]))));
        assert!(!is_router_advertisement(&frame(&kind, &v6(TCP, &[134, 0]))));
        assert!(!is_router_advertisement(&frame(&[0x81, 0, 0, 5, 0x86, 0xDD], &v6(ICMP6, &[134]))));
    }

    proptest! {
        #[test]
        fn no_frame_leads_outside(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), kind in 0usize..4) {
            let kinds: [&[u8]; 4] = [&[8, 0, 0x45], &[0x86, 0xDD, 0x60], &[0x81, 0, 0, 1, 8, 0, 0x4F], &[0x86, 0xDD, 0x6F]];
            for (at, byte) in kinds[kind].iter().enumerate() {
                if let Some(place) = bytes.get_mut(12 + at) {
                    *place = *byte;
                }
            }
            if let Some(transport) = Transport::of(&bytes) {
                prop_assert!(transport.l4 < bytes.len() && transport.network.l3 < transport.l4);
            }
            is_router_advertisement(&bytes);
        }
    }
}
