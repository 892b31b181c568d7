use super::*;
use crate::frame::checksum::{pseudo_header, set_ipv4};
use crate::packet::HEADROOM;
use proptest::prelude::*;

/// What a test's super-frame is made of.
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

pub fn recipes() -> impl Strategy<Value = Recipe> {
    let kind = prop_oneof![Just(Segments::Tcp4), Just(Segments::Tcp6), Just(Segments::Udp)];
    (kind, any::<bool>(), any::<bool>(), 0usize..4, 100u16..1_500, 2usize..60_000).prop_map(
        |(kind, v6, tagged, options, segment, payload)| {
            let v6 = if kind == Segments::Udp { v6 } else { kind == Segments::Tcp6 };
            let payload = payload.min(usize::from(segment) * MAX_SEGMENTS);
            Recipe { kind, v6, tagged, options, segment, payload }
        },
    )
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

proptest! {
    #[test]
    fn what_a_kernel_makes_is_understood(recipe in recipes()) {
        let (room, offload) = build(recipe);
        let frame = &room[HEADROOM..];
        let layout = Layout::of(frame, frame.len(), &offload).expect("a layout");
        prop_assert_eq!(layout.count(), recipe.payload.div_ceil(usize::from(recipe.segment)));
        prop_assert_eq!(layout.payload(&(0..layout.count())), layout.headers..frame.len());
        prop_assert_eq!(layout.headers, frame.len() - recipe.payload);
    }

    /// Whatever is changed: what passes is consistent with the frame's own headers in every offset.
    #[test]
    fn hostile_headers_pass_only_if_they_are_consistent(
        recipe in recipes(),
        changes in proptest::collection::vec((0usize..100, any::<u8>()), 0..4),
        fields in proptest::option::of(proptest::array::uniform6(any::<u8>())),
        total in proptest::option::of(0usize..70_000),
        cut in 0usize..200,
    ) {
        let (room, offload) = build(Recipe { payload: recipe.payload.min(3_000), ..recipe });
        let mut frame = room[HEADROOM..].to_vec();
        for (at, byte) in changes {
            if let Some(place) = frame.get_mut(at) {
                *place = byte;
            }
        }
        let offload = fields.map_or(offload, |fields| Offload::parse(&fields));
        let total = total.unwrap_or(frame.len());
        let kept = frame.len().min(cut.max(1) * 20);
        if let Ok(layout) = Layout::of(&frame[..kept], total, &offload) {
            let l4 = layout.transport.l4;
            prop_assert!(layout.headers <= MAX_HEADERS && layout.headers <= kept && layout.headers < total);
            prop_assert!(layout.transport.network.l3 < l4 && l4 < layout.headers);
            prop_assert_eq!(usize::from(offload.l4_offset), l4);
            prop_assert_eq!(offload.checksum_field, if layout.kind == Segments::Udp { 6 } else { 16 });
            prop_assert_eq!(layout.transport.protocol, if layout.kind == Segments::Udp { 17 } else { 6 });
            prop_assert!(layout.segment > 0 && layout.count() >= 1 && offload.wants_checksum());
            prop_assert_eq!(layout.payload(&(0..layout.count())).end, total);
        }
    }
}

#[test]
fn what_no_kernel_makes_is_refused() {
    let recipe = Recipe { kind: Segments::Tcp4, v6: false, tagged: true, options: 1, segment: 1_000, payload: 5_000 };
    let (room, offload) = build(recipe);
    let frame = &room[HEADROOM..];
    let refused = |frame: &[u8], offload: &Offload| Layout::of(frame, frame.len(), offload).is_err();
    assert!(!refused(frame, &offload));
    let wrong = [
        Offload { segment: 0, ..offload },
        Offload { l4_offset: offload.l4_offset + 1, ..offload },
        Offload { checksum_field: 6, ..offload },
        Offload { flags: offload.flags & !Offload::CHECKSUM_WANTED, ..offload },
        offload.segmented(Segments::Tcp6),
        offload.segmented(Segments::Udp),
        Offload { flags: offload.flags | 0x70, ..offload },
    ];
    for offload in wrong {
        assert!(refused(frame, &offload), "{offload:?}");
    }
    let l4 = usize::from(offload.l4_offset);
    // SYN, a header that ends before it may, one that's longer than the frame, a length that isn't the frame's.
    for (at, byte) in [(l4 + 13, 0x02), (l4 + 12, 0x40), (18 + 2, 0), (18, 0x44)] {
        let mut frame = frame.to_vec();
        frame[at] = byte;
        assert!(refused(&frame, &offload), "byte {at}");
    }
    assert!(refused(&frame[..l4 + 19], &offload));
}
