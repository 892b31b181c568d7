//! Super-frames as a kernel makes them, for tests and fuzzers.
use super::checksum::{pseudo_header, set_ipv4};
use super::headers::{TCP, Transport, UDP};
use super::layout::{TCP_CHECKSUM, UDP_CHECKSUM};
use crate::packet::{HEADROOM, Offload, Segments};

/// What a super-frame is made of.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    pub kind: Segments,
    pub v6: bool,
    pub tagged: bool,
    /// 4-byte words of IPv4 or TCP options.
    pub options: usize,
    pub segment: u16,
    pub payload: usize,
}

/// A super-frame as a kernel makes it, `HEADROOM` bytes before it, and its offload.
pub fn build(recipe: Recipe) -> (Vec<u8>, Offload) {
    let Recipe { kind, v6, tagged, options, segment, payload } = recipe;
    let udp = kind == Segments::Udp;
    let mut frame: Vec<u8> = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend_from_slice(if tagged { &[0x81, 0, 0, 7][..] } else { &[] });
    frame.extend_from_slice(if v6 { &[0x86, 0xDD] } else { &[8, 0] });
    let l3 = frame.len();
    let ip = if v6 { 40 } else { 20 + 4 * options };
    let l4_length = if udp { 8 } else { 20 + 4 * options };
    let after = l4_length + payload;
    frame.resize(l3 + ip + l4_length, 0);
    if v6 {
        (frame[l3], frame[l3 + 1], frame[l3 + 6]) = (0x60, 0x20, if udp { UDP } else { TCP });
        frame[l3 + 4..l3 + 6].copy_from_slice(&(after as u16).to_be_bytes());
    } else {
        (frame[l3], frame[l3 + 1], frame[l3 + 9]) = (0x40 | (ip / 4) as u8, 2, if udp { UDP } else { TCP });
        frame[l3 + 2..l3 + 4].copy_from_slice(&((ip + after) as u16).to_be_bytes());
        frame[l3 + 4..l3 + 6].copy_from_slice(&[0xFF, 0xFE]);
    }
    let addresses = if v6 { l3 + 8..l3 + 40 } else { l3 + 12..l3 + 20 };
    frame[addresses].iter_mut().zip(1u8..).for_each(|(byte, at)| *byte = at);
    let l4 = l3 + ip;
    if udp {
        frame[l4 + 4..l4 + 6].copy_from_slice(&(after as u16).to_be_bytes());
    } else {
        frame[l4 + 4..l4 + 8].copy_from_slice(&0xFFFF_FF00u32.to_be_bytes());
        (frame[l4 + 12], frame[l4 + 13]) = (((l4_length / 4) << 4) as u8, 0x99);
    }
    if !v6 {
        set_ipv4(&mut frame[l3..l3 + ip]);
    }
    frame.extend((0..payload).map(|at| (at % 251) as u8 + 1));
    let transport = Transport::of(&frame).expect("a transport header");
    let field = if udp { UDP_CHECKSUM } else { TCP_CHECKSUM };
    let sum = pseudo_header(&frame, &transport, after).to_be_bytes();
    frame[l4 + usize::from(field)..l4 + usize::from(field) + 2].copy_from_slice(&sum);
    let offload = Offload { flags: Offload::CHECKSUM_WANTED, checksum_field: field, l4_offset: l4 as u16, segment };
    ([vec![0; HEADROOM], frame].concat(), offload.segmented(kind))
}
