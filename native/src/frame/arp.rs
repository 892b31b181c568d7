//! ARP for IPv4 over Ethernet (RFC 826), and what RFC 5227 makes of it: asking whether an address is free, and saying that it's ours.
use std::net::Ipv4Addr;

use crate::packet::Mac;

/// Bytes of a frame without VLAN tag.
pub const FRAME: usize = 42;
/// EtherType; then hardware Ethernet, protocol IPv4, lengths 6 and 4.
const HEADER: [u8; 8] = [0x08, 0x06, 0, 1, 0x08, 0, 6, 4];
const REQUEST: [u8; 2] = [0, 1];

/// A question to all who has `target`. `sender`: 0.0.0.0 for a probe, `target` itself for an announcement.
pub fn question(mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    frame[..6].fill(0xFF);
    frame[6..12].copy_from_slice(&mac);
    frame[12..20].copy_from_slice(&HEADER);
    frame[20..22].copy_from_slice(&REQUEST);
    frame[22..28].copy_from_slice(&mac);
    frame[28..32].copy_from_slice(&sender.octets());
    frame[38..42].copy_from_slice(&target.octets());
    frame
}

/// Who wants an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimant {
    pub mac: Mac,
    /// It asks whether the address is free, and doesn't have it so far.
    pub asks: bool,
}

/// Who, as an ARP frame says, has the address or probes for it; None if it's another frame.
pub fn claimant(frame: &[u8], address: Ipv4Addr) -> Option<Claimant> {
    let frame: &[u8; FRAME] = frame.first_chunk()?;
    if frame[12..20] != HEADER {
        return None;
    }
    let ip = |at: usize| Ipv4Addr::new(frame[at], frame[at + 1], frame[at + 2], frame[at + 3]);
    let (sender, target) = (ip(28), ip(38));
    let asks = sender.is_unspecified() && target == address;
    (asks || sender == address).then(|| Claimant { mac: std::array::from_fn(|i| frame[22 + i]), asks })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 1];
    const OURS: Ipv4Addr = Ipv4Addr::new(10, 10, 10, 1);
    const OTHER: Ipv4Addr = Ipv4Addr::new(10, 10, 10, 2);

    #[test]
    fn an_answer_and_anothers_probe_claim_an_address_and_a_question_for_it_does_not() {
        let none = Ipv4Addr::UNSPECIFIED;
        let has = Some(Claimant { mac: MAC, asks: false });
        let asks = Some(Claimant { mac: MAC, asks: true });
        for (sender, target, claims) in
            [(none, OURS, asks), (OURS, OURS, has), (OURS, OTHER, has), (OTHER, OURS, None), (none, OTHER, None)]
        {
            let frame = question(MAC, sender, target);
            assert_eq!(claimant(&frame, OURS), claims, "{sender} asks for {target}");
        }
    }

    #[test]
    fn other_frames_claim_nothing() {
        let frame = question(MAC, OURS, OURS);
        for length in 0..FRAME {
            assert_eq!(claimant(&frame[..length], OURS), None);
        }
        for at in 12..20 {
            let mut other = frame;
            other[at] ^= 1;
            assert_eq!(claimant(&other, OURS), None);
        }
    }
}
