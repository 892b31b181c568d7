use super::*;
use crate::frame::sample::{Recipe, build};
use crate::packet::HEADROOM;
use proptest::prelude::*;

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
