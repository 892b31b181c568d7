//! A row of a super-frame's segments as a frame of its own: for receivers that miss the others, and for those that
//! understand no super-frames.
use std::ops::Range;

use super::checksum::{pseudo_header, set_ipv4};
use super::headers::{Family, IPV6_HEADER, UDP};
use super::layout::{Layout, MAX_HEADERS};
use crate::packet::{HEADROOM, Offload, Segments};

const FIN_AND_PSH: u8 = 0x09;
const CWR: u8 = 0x80;

/// A super-frame's headers as its sender's kernel made them, kept apart from the frame.
#[derive(Clone)]
pub struct Headers {
    bytes: [u8; MAX_HEADERS],
    length: usize,
}

impl Default for Headers {
    fn default() -> Self {
        Self { bytes: [0; MAX_HEADERS], length: 0 }
    }
}

impl Headers {
    /// The headers at the start of `frame`, whose layout has been checked.
    pub fn keep(&mut self, layout: &Layout, frame: &[u8]) {
        self.length = layout.headers;
        self.bytes[..self.length].copy_from_slice(&frame[..self.length]);
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Gives a row of segments as a frame with its offload, `HEADROOM` bytes before it, and then puts back what it overwrote.
/// `room`: as many bytes and then the super-frame; the row's payload must be there, its headers come from `headers`.
pub fn with_run<R>(
    layout: &Layout,
    offload: Offload,
    headers: &Headers,
    room: &mut [u8],
    run: &Range<usize>,
    give: impl FnOnce(&mut [u8], Offload) -> R,
) -> R {
    let payload = layout.payload(run);
    let start = payload.start - layout.headers;
    let covered = HEADROOM + layout.headers;
    let region = &mut room[start..HEADROOM + payload.end];
    let mut saved = [0; HEADROOM + MAX_HEADERS];
    saved[..covered].copy_from_slice(&region[..covered]);
    let own = &mut region[HEADROOM..covered];
    own.copy_from_slice(headers.as_slice());
    dress(layout, own, run, payload.len());
    let result = give(region, offload_of(layout, offload, run));
    region[..covered].copy_from_slice(&saved[..covered]);
    result
}

/// Sets lengths, IP id, sequence number, flags and the sum of the pseudo-header for a row's place in the super-frame.
fn dress(layout: &Layout, headers: &mut [u8], run: &Range<usize>, payload: usize) {
    let (l3, l4) = (layout.transport.network.l3, layout.transport.l4);
    let length = layout.headers + payload;
    match layout.transport.network.family {
        Family::V4 => {
            let id = u16::from_be_bytes([headers[l3 + 4], headers[l3 + 5]]).wrapping_add(run.start as u16);
            put(headers, l3 + 2, (length - l3) as u16);
            put(headers, l3 + 4, id);
            let end = l3 + usize::from(headers[l3] & 0x0F) * 4;
            set_ipv4(&mut headers[l3..end]);
        }
        Family::V6 => put(headers, l3 + 4, (length - l3 - IPV6_HEADER) as u16),
    }
    let field = l4
        + match layout.transport.protocol {
            UDP => {
                put(headers, l4 + 4, (length - l4) as u16);
                6
            }
            _ => {
                dress_tcp(layout, &mut headers[l4..], run);
                16
            }
        };
    let sum = pseudo_header(headers, &layout.transport, length - l4);
    put(headers, field, sum);
}

fn dress_tcp(layout: &Layout, tcp: &mut [u8], run: &Range<usize>) {
    let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
    let sequence = sequence.wrapping_add((run.start * layout.segment) as u32);
    tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
    if run.start > 0 {
        tcp[13] &= !CWR;
    }
    if run.end < layout.count() {
        tcp[13] &= !FIN_AND_PSH;
    }
}

fn offload_of(layout: &Layout, mut offload: Offload, run: &Range<usize>) -> Offload {
    if run.len() == 1 {
        return offload.single();
    }
    if run.start > 0 || layout.kind == Segments::Udp {
        offload.flags &= !Offload::TCP_ECN;
    }
    offload
}

fn put(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests;
