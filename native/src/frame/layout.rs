//! A super-frame: one TCP or UDP segment, larger than the MTU, that a kernel cuts into segments of one size. What its
//! offload fields say is checked against its headers here, wherever it came from.
use std::ops::Range;

use super::headers::{Family, IPV6_HEADER, TCP, Transport, UDP, u16_at};
use crate::counters::Drop;
use crate::packet::{Offload, Segments};

/// Bytes of a super-frame's headers, Ethernet to L4, that we handle.
pub const MAX_HEADERS: usize = 256;
/// Segments of a super-frame that is carried as such: as many as a datagram's index can tell.
pub const MAX_SEGMENTS: usize = 255;

pub const TCP_HEADER: usize = 20;
pub const UDP_HEADER: usize = 8;
pub const TCP_CHECKSUM: u8 = 16;
pub const UDP_CHECKSUM: u8 = 6;
const SYN_OR_RST: u8 = 0x06;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub transport: Transport,
    pub kind: Segments,
    /// Bytes of the headers, Ethernet to L4.
    pub headers: usize,
    /// Bytes of payload in each segment but the last, which has what's left.
    pub segment: usize,
    /// Bytes of the frame.
    pub total: usize,
}

impl Layout {
    /// `start`: the frame's first bytes, its headers at least. `total`: its length.
    pub fn of(start: &[u8], total: usize, offload: &Offload) -> Result<Self, Drop> {
        let kind = offload.segments().ok_or(Drop::OffloadUnsupported)?;
        Self::parse(start, total, offload, kind).ok_or(Drop::OffloadMalformed)
    }

    fn parse(start: &[u8], total: usize, offload: &Offload, kind: Segments) -> Option<Self> {
        let transport = Transport::of(start)?;
        let length = l4_header(start, &transport, offload)?;
        let headers = transport.l4 + length;
        let family = transport.network.family;
        let fits = match kind {
            Segments::Tcp4 => transport.protocol == TCP && family == Family::V4,
            Segments::Tcp6 => transport.protocol == TCP && family == Family::V6,
            Segments::Udp => transport.protocol == UDP,
        };
        let bounded = headers <= MAX_HEADERS && headers < total && offload.segment > 0;
        let plain = transport.protocol != TCP || start.get(transport.l4 + 13)? & SYN_OR_RST == 0;
        let agrees = fits && bounded && plain && offload.wants_checksum() && says_length(start, &transport, total)?;
        agrees.then_some(Self { transport, kind, headers, segment: usize::from(offload.segment), total })
    }

    /// Segments, at least one.
    pub fn count(&self) -> usize {
        (self.total - self.headers).div_ceil(self.segment)
    }

    /// Where the payload of a row of segments stands in the frame.
    pub fn payload(&self, run: &Range<usize>) -> Range<usize> {
        let at = |segment: usize| (self.headers + segment * self.segment).min(self.total);
        at(run.start)..at(run.end)
    }
}

/// Bytes of the L4 header of a frame whose checksum is to be completed; None if the offload's offsets aren't those of its
/// protocol, or the header isn't there.
pub fn l4_header(start: &[u8], transport: &Transport, offload: &Offload) -> Option<usize> {
    let (field, length) = match transport.protocol {
        TCP => (TCP_CHECKSUM, usize::from(start.get(transport.l4 + 12)? >> 4) * 4),
        UDP => (UDP_CHECKSUM, UDP_HEADER),
        _ => return None,
    };
    let least = if transport.protocol == TCP { TCP_HEADER } else { UDP_HEADER };
    let agrees = usize::from(offload.l4_offset) == transport.l4 && offload.checksum_field == field;
    (agrees && length >= least && transport.l4 + length <= start.len()).then_some(length)
}

/// Whether the lengths in the IP and UDP headers are that of the frame.
fn says_length(start: &[u8], transport: &Transport, total: usize) -> Option<bool> {
    let l3 = transport.network.l3;
    let packet = match transport.network.family {
        Family::V4 => usize::from(u16_at(start, l3 + 2)?),
        Family::V6 => usize::from(u16_at(start, l3 + 4)?) + IPV6_HEADER,
    };
    let datagram = match transport.protocol {
        UDP => usize::from(u16_at(start, transport.l4 + 4)?),
        _ => total - transport.l4,
    };
    Some(l3 + packet == total && transport.l4 + datagram == total)
}

#[cfg(test)]
pub mod tests;
