//! The MSS option of TCP (RFC 9293 section 3.7.1), lowered on the way so that segments needn't be cut.
use super::checksum::update;
use super::headers::{TCP, Transport, u16_at};
use super::layout::{TCP_CHECKSUM, TCP_HEADER};

const FLAGS: usize = 13;
const SYN: u8 = 0x02;
const END: u8 = 0;
const NOTHING: u8 = 1;
const MSS: u8 = 2;
const MSS_LENGTH: u8 = 4;

/// Lowers the MSS that a SYN allows, if it has that option, to that of a segment whose frame has `room` bytes. Like every
/// MSS it doesn't count what options take. `partial`: the checksum field holds the pseudo-header's sum only, so there is
/// nothing to set right in it.
pub fn clamp(frame: &mut [u8], room: usize, partial: bool) {
    let Some(l4) = syn(frame) else { return };
    let Some(at) = find(frame, l4) else { return };
    let most = u16::try_from(room.saturating_sub(l4 + TCP_HEADER)).unwrap_or(u16::MAX);
    let Some(mss) = u16_at(frame, at).filter(|&mss| mss > most) else { return };
    frame[at..at + 2].copy_from_slice(&most.to_be_bytes());
    if !partial {
        update(frame, l4 + usize::from(TCP_CHECKSUM), (mss, most), (at - l4) % 2 == 1);
    }
}

/// Where the TCP header of a SYN begins; the whole fixed header is there.
fn syn(frame: &[u8]) -> Option<usize> {
    let Transport { protocol, l4, .. } = Transport::of(frame)?;
    let header = (protocol == TCP).then(|| frame.get(l4..l4 + TCP_HEADER))??;
    (header[FLAGS] & SYN != 0).then_some(l4)
}

/// Where the option's value stands.
fn find(frame: &[u8], l4: usize) -> Option<usize> {
    let end = l4 + usize::from(frame.get(l4 + 12)? >> 4) * 4;
    let mut at = l4 + TCP_HEADER;
    while at < end {
        match *frame.get(at)? {
            END => return None,
            NOTHING => at += 1,
            kind => {
                let length = *frame.get(at + 1)?;
                if kind == MSS && length == MSS_LENGTH && at + usize::from(length) <= end.min(frame.len()) {
                    return Some(at + 2);
                }
                at += usize::from(length.max(2));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::checksum::{fold, pseudo_header, sum};
    use crate::frame::headers::{IPV4_HEADER, IPV6_HEADER};
    use proptest::prelude::*;

    const ROOM: usize = 1_000;

    /// Ethernet, tags, and IPv4 or IPv6 (with a destination options header) before `tcp`; its checksum is right.
    fn frame(tags: usize, v6: bool, tcp: &[u8]) -> Vec<u8> {
        let mut frame = vec![2; 12];
        for _ in 0..tags {
            frame.extend_from_slice(&[0x81, 0, 0, 5]);
        }
        if v6 {
            let mut packet = [0; IPV6_HEADER + 8];
            (packet[0], packet[6], packet[IPV6_HEADER]) = (0x60, 60, TCP);
            packet[8..40].fill(0x31);
            frame.extend_from_slice(&[0x86, 0xDD]);
            frame.extend_from_slice(&packet);
        } else {
            let mut packet = [0; IPV4_HEADER];
            (packet[0], packet[9]) = (0x45, TCP);
            packet[12..20].fill(0x31);
            frame.extend_from_slice(&[8, 0]);
            frame.extend_from_slice(&packet);
        }
        frame.extend_from_slice(tcp);
        let checksum = !total(&frame);
        let field = frame.len() - tcp.len() + usize::from(TCP_CHECKSUM);
        frame[field..field + 2].copy_from_slice(&checksum.to_be_bytes());
        frame
    }

    /// The sum over the segment with its checksum, and the pseudo-header: all ones if it's right.
    fn total(frame: &[u8]) -> u16 {
        let transport = Transport::of(frame).expect("TCP");
        let segment = &frame[transport.l4..];
        fold(sum(segment) + u64::from(pseudo_header(frame, &transport, segment.len())))
    }

    fn tcp(flags: u8, options: &[u8]) -> Vec<u8> {
        let mut tcp = vec![0x5A; TCP_HEADER];
        let padded = options.len().next_multiple_of(4);
        (tcp[12], tcp[13]) = (((TCP_HEADER + padded) as u8 / 4) << 4, flags);
        tcp[16..18].fill(0);
        tcp.extend_from_slice(options);
        tcp.resize(TCP_HEADER + padded, 0);
        tcp
    }

    fn mss_of(frame: &[u8]) -> Option<u16> {
        u16_at(frame, find(frame, syn(frame)?)?)
    }

    #[test]
    fn a_segment_of_the_new_size_fits() {
        for (tags, v6, headers) in [(0, false, 34), (2, false, 42), (0, true, 62), (1, true, 66)] {
            for options in [&[2, 4, 5, 0xB4][..], &[1, 2, 4, 5, 0xB4], &[3, 3, 7, 2, 4, 0xFF, 0xFF, 4, 2]] {
                for flags in [SYN, SYN | 0x10] {
                    let mut frame = frame(tags, v6, &tcp(flags, options));
                    assert_eq!(total(&frame), 0xFFFF);
                    clamp(&mut frame, ROOM, false);
                    assert_eq!(mss_of(&frame).map(usize::from), Some(ROOM - headers - TCP_HEADER));
                    assert_eq!(total(&frame), 0xFFFF, "{options:?}");
                }
            }
        }
    }

    #[test]
    fn a_partial_checksum_stays() {
        let mut frame = frame(0, false, &tcp(SYN, &[2, 4, 5, 0xB4]));
        let before = frame.clone();
        clamp(&mut frame, ROOM, true);
        assert_eq!(mss_of(&frame), Some(946));
        assert_eq!(frame[50..52], before[50..52]);
    }

    #[test]
    fn nothing_else_is_touched() {
        let small = frame(0, false, &tcp(SYN, &[2, 4, 0, 100]));
        let data = frame(0, false, &tcp(0x10, &[2, 4, 5, 0xB4]));
        let none = frame(0, false, &tcp(SYN, &[1, 1, 1, 0, 2, 4, 5, 0xB4]));
        let mut udp = frame(0, false, &tcp(SYN, &[2, 4, 5, 0xB4]));
        udp[23] = 17;
        for frame in [small, data, none, udp] {
            let mut clamped = frame.clone();
            clamp(&mut clamped, ROOM, false);
            assert_eq!(clamped, frame);
        }
    }

    proptest! {
        #[test]
        fn whatever_the_options_are(options in proptest::collection::vec(0u8..6, 0..40), v6: bool, cut in 0usize..120, room in 0usize..2_000) {
            let mut frame = frame(0, v6, &tcp(SYN, &options));
            let before = mss_of(&frame);
            clamp(&mut frame, room, false);
            prop_assert_eq!(total(&frame), 0xFFFF);
            prop_assert!(mss_of(&frame) <= before);
            frame.truncate(cut);
            clamp(&mut frame, room, false);
        }
    }
}
