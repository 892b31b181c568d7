//! What is left to do for a frame, checked against the frame itself. Nothing that a peer says here is believed: a frame goes
//! to the interface with offload fields only if every offset in them is the one that its headers give.
use super::checksum;
use super::headers::Transport;
use super::layout::{Layout, l4_header};
use super::run::{Headers, with_run};
use crate::counters::Drop;
use crate::packet::{HEADROOM, Offload};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Can be delivered as it is.
    Complete,
    /// Its checksum is to be completed.
    Checksum,
    /// It's to be cut, and each segment's checksum completed.
    Super(Layout),
}

/// What a frame's offload fields ask for, if they fit the frame.
pub fn shape(frame: &[u8], offload: &Offload) -> Result<Shape, Drop> {
    if offload.is_complete() {
        return Ok(Shape::Complete);
    }
    if offload.is_segmented() {
        return Layout::of(frame, frame.len(), offload).map(Shape::Super);
    }
    let fits = offload.wants_checksum()
        && Transport::of(frame).is_some_and(|transport| l4_header(frame, &transport, offload).is_some());
    if fits { Ok(Shape::Checksum) } else { Err(Drop::OffloadMalformed) }
}

/// Completes the checksum of a frame in software. False if its fields lead outside of it.
pub fn complete(frame: &mut [u8], offload: &Offload) -> bool {
    checksum::complete(frame, usize::from(offload.l4_offset), usize::from(offload.checksum_field))
}

/// What an interface that takes offload is told of a frame: what is left to do for it, and the bytes of its headers if it's
/// to be cut, else 0.
pub fn for_interface(shape: &Shape, offload: Offload) -> (Offload, usize) {
    match shape {
        Shape::Super(layout) if layout.count() > 1 => (offload, layout.headers),
        _ => (offload.single(), 0),
    }
}

/// Gives a frame as frames that need nothing more: each segment by itself, with its checksum. `room`: `HEADROOM` bytes, then
/// the frame; so are those that are given.
pub fn each_complete(
    room: &mut [u8],
    offload: Offload,
    shape: &Shape,
    mut give: impl FnMut(&mut [u8]) -> Result<(), Drop>,
) -> Result<(), Drop> {
    let mut finished = |room: &mut [u8], offload: Offload| {
        if offload.wants_checksum() && !complete(&mut room[HEADROOM..], &offload) {
            return Err(Drop::OffloadMalformed);
        }
        give(room)
    };
    let Shape::Super(layout) = shape else { return finished(room, offload) };
    let mut headers = Headers::default();
    headers.keep(layout, &room[HEADROOM..]);
    (0..layout.count())
        .try_for_each(|index| with_run(layout, offload, &headers, room, &(index..index + 1), &mut finished))
}
