use super::*;
use crate::frame::checksum::{fold, sum};
use crate::frame::headers::{TCP, Transport};
use crate::frame::layout::tests::recipes;
use crate::frame::offload::{Shape, complete, shape};
use crate::frame::sample::build;
use proptest::prelude::*;

/// Whether all checksums of a complete frame hold, computed from nothing but the frame.
fn holds(frame: &[u8]) -> bool {
    let Some(transport) = Transport::of(frame) else { return false };
    let l3 = transport.network.l3;
    let ip = transport.network.family == Family::V6 || fold(sum(&frame[l3..transport.l4])) == 0xFFFF;
    let length = frame.len() - transport.l4;
    let pseudo = u64::from(pseudo_header(frame, &transport, length));
    ip && fold(pseudo + sum(&frame[transport.l4..])) == 0xFFFF
}

fn tcp_fields(frame: &[u8]) -> (u32, u8) {
    let l4 = Transport::of(frame).expect("a transport header").l4;
    (u32::from_be_bytes(frame[l4 + 4..l4 + 8].try_into().expect("four bytes")), frame[l4 + 13])
}

proptest! {
    /// Any row of segments is a frame that a kernel takes, and cut to the end it's what the sender's kernel would have sent.
    #[test]
    fn a_run_is_a_frame_of_its_own(recipe in recipes(), from: prop::sample::Index, length: prop::sample::Index) {
        let (mut room, offload) = build(recipe);
        let before = room.clone();
        let frame = &room[HEADROOM..];
        let layout = Layout::of(frame, frame.len(), &offload).expect("a layout");
        let mut headers = Headers::default();
        headers.keep(&layout, frame);
        let start = from.index(layout.count());
        let run = start..start + 1 + length.index(layout.count() - start);
        let payload = frame[layout.payload(&run)].to_vec();
        let result = with_run(&layout, offload, &headers, &mut room, &run, |room, offload| {
            (room[HEADROOM..].to_vec(), offload)
        });
        prop_assert!(room == before, "the super-frame was changed");
        let (mut frame, own) = result;
        prop_assert_eq!(&frame[layout.headers..], &payload[..]);
        match shape(&frame, &own) {
            Ok(Shape::Super(part)) => prop_assert_eq!(part.count(), run.len()),
            Ok(Shape::Checksum) => prop_assert_eq!((run.len(), own.segment), (1, 0)),
            other => prop_assert!(false, "{other:?}"),
        }
        if layout.transport.protocol == TCP {
            let (sequence, flags) = tcp_fields(&frame);
            prop_assert_eq!(sequence, 0xFFFF_FF00u32.wrapping_add((start * layout.segment) as u32));
            let last = run.end == layout.count();
            prop_assert_eq!(flags, 0x10 | if start == 0 { 0x80 } else { 0 } | if last { 0x09 } else { 0 });
        }
        prop_assert!(complete(&mut frame, &own));
        prop_assert!(holds(&frame), "checksums of {run:?}");
    }

    #[test]
    fn the_ip_id_counts_segments(recipe in recipes(), from: prop::sample::Index) {
        let (mut room, offload) = build(recipe);
        let layout = Layout::of(&room[HEADROOM..], room.len() - HEADROOM, &offload).expect("a layout");
        let mut headers = Headers::default();
        headers.keep(&layout, &room[HEADROOM..]);
        let start = from.index(layout.count());
        let id = with_run(&layout, offload, &headers, &mut room, &(start..start + 1), |room, _| {
            let at = HEADROOM + layout.transport.network.l3 + 4;
            u16::from_be_bytes([room[at], room[at + 1]])
        });
        if layout.transport.network.family == Family::V4 {
            prop_assert_eq!(id, 0xFFFEu16.wrapping_add(start as u16));
        }
    }
}
