//! DSCP and ECN between a frame and the datagrams that carry it: RFC 2983 (uniform model) and RFC 6040.
use super::checksum::update;
use super::headers::{Family, Network};
use crate::counters::Drop;

const ECN: u8 = 0b11;
const NOT_CAPABLE: u8 = 0b00;
const ECT_1: u8 = 0b01;
const ECT_0: u8 = 0b10;
const EXPERIENCED: u8 = 0b11;
/// Of the checksum in an IPv4 header.
const CHECKSUM: usize = 10;

/// What the datagrams of a frame are marked with: its own mark; 0 if it isn't IP.
pub fn outer(frame: &[u8]) -> u8 {
    Network::of(frame).map_or(0, |network| network.service(frame))
}

/// Whether a datagram's mark has something to say about the frame inside it.
pub fn matters(outer: u8) -> bool {
    matches!(outer & ECN, EXPERIENCED | ECT_1)
}

/// Takes the congestion mark of a frame's datagrams over into the frame, as RFC 6040 section 4.2 says.
pub fn propagate(outer: u8, frame: &mut [u8]) -> Result<(), Drop> {
    if !matters(outer) {
        return Ok(());
    }
    let Some(network) = Network::of(frame) else { return Ok(()) };
    match (outer & ECN, network.service(frame) & ECN) {
        (EXPERIENCED, NOT_CAPABLE) => Err(Drop::Congested),
        (EXPERIENCED, ECT_0 | ECT_1) => {
            mark(frame, network, EXPERIENCED);
            Ok(())
        }
        (ECT_1, ECT_0) => {
            mark(frame, network, ECT_1);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The stronger mark of two datagrams of one frame.
pub fn stronger(one: u8, other: u8) -> u8 {
    if one & ECN == EXPERIENCED { one } else { other }
}

fn mark(frame: &mut [u8], network: Network, ecn: u8) {
    let l3 = network.l3;
    match network.family {
        Family::V4 => {
            let word = |frame: &[u8]| u16::from_be_bytes([frame[l3], frame[l3 + 1]]);
            let before = word(frame);
            frame[l3 + 1] = frame[l3 + 1] & !ECN | ecn;
            update(frame, l3 + CHECKSUM, (before, word(frame)), false);
        }
        Family::V6 => frame[l3 + 1] = frame[l3 + 1] & !(ECN << 4) | ecn << 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::checksum::{fold, set_ipv4, sum};

    fn v4(service: u8) -> Vec<u8> {
        let mut frame = vec![0; 34];
        (frame[12], frame[14], frame[15]) = (8, 0x45, service);
        set_ipv4(&mut frame[14..]);
        frame
    }

    fn v6(service: u8) -> Vec<u8> {
        let mut frame = vec![0; 54];
        (frame[12], frame[13], frame[14], frame[15]) = (0x86, 0xDD, 0x60 | service >> 4, service << 4);
        frame
    }

    #[test]
    fn a_frame_passes_its_mark_on() {
        assert_eq!((outer(&v4(0xB9)), outer(&v6(0xB9)), outer(&[0; 60])), (0xB9, 0xB9, 0));
    }

    #[test]
    fn marks_come_out_as_the_table_of_the_rfc_says() {
        for (outside, inside, result) in [
            (0b00, 0b10, Some(0b10)),
            (0b10, 0b01, Some(0b01)),
            (0b01, 0b10, Some(0b01)),
            (0b01, 0b00, Some(0b00)),
            (0b11, 0b00, None),
            (0b11, 0b10, Some(0b11)),
            (0b11, 0b01, Some(0b11)),
            (0b11, 0b11, Some(0b11)),
        ] {
            for mut frame in [v4(0xB8 | inside), v6(0xB8 | inside)] {
                let taken = propagate(outside, &mut frame).is_ok().then(|| outer(&frame));
                assert_eq!(taken, result.map(|ecn| 0xB8 | ecn), "{outside:02b} outside, {inside:02b} inside");
                assert!(frame[12] != 8 || fold(sum(&frame[14..34])) == 0xFFFF);
            }
        }
    }

    /// Of a checksum there are two ways to write zero.
    #[test]
    fn what_is_marked_already_is_left_as_it_is() {
        let mut frame = v4(0b11);
        frame[24..26].fill(0xFF);
        let before = frame.clone();
        assert_eq!((propagate(0b11, &mut frame), frame), (Ok(()), before));
    }

    #[test]
    fn a_wrong_checksum_is_not_set_right() {
        let mut frame = v4(0b10);
        frame[24] ^= 1;
        assert_eq!(propagate(0b11, &mut frame), Ok(()));
        assert!(outer(&frame) == 0b11 && fold(sum(&frame[14..34])) != 0xFFFF);
    }
}
