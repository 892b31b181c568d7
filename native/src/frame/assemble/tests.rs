use super::*;
use crate::frame::sample::{Recipe, build};
use crate::packet::Segments;
use proptest::prelude::*;

/// Keeps the frames that come out.
#[derive(Default)]
struct Taken(Vec<(Vec<u8>, Offload, u8)>);

impl Sink for Taken {
    fn take(&mut self, room: &mut [u8], offload: Offload, mark: u8) {
        self.0.push((room[HEADROOM..].to_vec(), offload, mark));
    }

    fn take_super(&mut self, room: &mut [u8], offload: Offload, _: &Layout, mark: u8) {
        self.take(room, offload, mark);
    }
}

struct Sent {
    frame: Vec<u8>,
    offload: Offload,
    layout: Layout,
}

fn sent(payload: usize) -> Sent {
    let recipe = Recipe { kind: Segments::Tcp4, v6: false, tagged: false, options: 3, segment: 500, payload };
    let (room, offload) = build(recipe);
    let frame = room[HEADROOM..].to_vec();
    let layout = Layout::of(&frame, frame.len(), &offload).expect("a layout");
    Sent { frame, offload, layout }
}

impl Sent {
    fn part(&self, index: usize) -> Part {
        Part { index: index as u8, count: self.layout.count() as u8, total: self.frame.len() as u16 }
    }

    fn plaintext(&self, index: usize) -> Vec<u8> {
        let payload = &self.frame[self.layout.payload(&(index..index + 1))];
        [&self.offload.emit()[..], &self.frame[..self.layout.headers], payload].concat()
    }

    /// As the receiving thread does it.
    fn arrives(
        &self,
        assembler: &mut Assembler,
        first: u64,
        index: usize,
        at: Nanos,
        sink: &mut Taken,
    ) -> Result<(), Drop> {
        let id = id(first);
        let plaintext = self.plaintext(index);
        let arriving = Arriving { at, part: self.part(index), plaintext: plaintext.len(), mark: 0 };
        match assembler.find(id) {
            Some(slot) => {
                slot.open(arriving, |out| {
                    out.copy_from_slice(&plaintext);
                    Ok(())
                })?;
                assembler.settle(id, index as u8, sink);
                Ok(())
            }
            None => assembler.begin(id, arriving, &plaintext, sink),
        }
    }

    fn payload(&self) -> &[u8] {
        &self.frame[self.layout.headers..]
    }
}

fn id(first: u64) -> FrameId {
    FrameId { session: 1, lane: 0, first }
}

#[test]
fn all_parts_make_the_same_frame_in_any_order() {
    let sent = sent(4_700);
    for order in [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0], [3, 9, 0, 5, 1, 8, 2, 7, 4, 6]] {
        let (mut assembler, mut taken) = (Assembler::default(), Taken::default());
        for index in order {
            assert!(taken.0.is_empty());
            sent.arrives(&mut assembler, 7, index, 0, &mut taken).expect("is taken");
        }
        assert_eq!(taken.0, [(sent.frame.clone(), sent.offload, 0)]);
        assert_eq!(assembler.deadline(), None);
    }
}

#[test]
fn runs_go_in_order_when_a_later_frame_comes_and_the_late_part_alone() {
    let sent = sent(5_000);
    let (mut assembler, mut taken) = (Assembler::default(), Taken::default());
    for index in [0, 1, 2, 4, 5, 8] {
        sent.arrives(&mut assembler, 0, index, 0, &mut taken).expect("is taken");
    }
    assert_eq!(taken.0.len(), 0);
    sent.arrives(&mut assembler, 10, 0, 0, &mut taken).expect("is taken");
    let lengths: Vec<_> = taken.0.iter().map(|(frame, ..)| frame.len() - sent.layout.headers).collect();
    assert_eq!(lengths, [1_500, 1_000, 500]);
    sent.arrives(&mut assembler, 0, 3, 0, &mut taken).expect("is taken");
    let (late, ..) = taken.0.last().expect("the late part");
    assert_eq!(late[sent.layout.headers..], sent.payload()[1_500..2_000]);
    let again = sent.arrives(&mut assembler, 0, 3, 0, &mut taken);
    assert_eq!((again, taken.0.len()), (Err(Drop::PartMalformed), 4));
}

#[test]
fn a_gap_is_not_waited_out_for_long() {
    let sent = sent(2_000);
    let (mut assembler, mut taken) = (Assembler::default(), Taken::default());
    sent.arrives(&mut assembler, 0, 0, 5, &mut taken).expect("is taken");
    assert_eq!(assembler.deadline(), Some(5 + GAP));
    assembler.expire(4 + GAP, &mut taken);
    assert_eq!(taken.0.len(), 0);
    assembler.expire(5 + GAP, &mut taken);
    assert_eq!((taken.0.len(), assembler.deadline()), (1, None));
}

#[test]
fn the_oldest_makes_room_and_loses_nothing() {
    let sent = sent(1_000);
    let (mut assembler, mut taken) = (Assembler::default(), Taken::default());
    // Lanes of their own, so that none passes another.
    for lane in 0..=SLOTS {
        let id = FrameId { session: 1, lane: lane as u16, first: 0 };
        let plaintext = sent.plaintext(0);
        let arriving = Arriving { at: lane as u64, part: sent.part(0), plaintext: plaintext.len(), mark: 0 };
        assembler.begin(id, arriving, &plaintext, &mut taken).expect("is taken");
    }
    assert_eq!(taken.0.len(), 1);
    assert_eq!(taken.0[0].0[sent.layout.headers..], sent.payload()[..500]);
}

#[test]
fn a_forgery_changes_no_byte_that_was_authenticated() {
    let sent = sent(5_000);
    let (mut assembler, mut taken) = (Assembler::default(), Taken::default());
    for index in [0, 1, 2, 4, 6, 8] {
        sent.arrives(&mut assembler, 0, index, 0, &mut taken).expect("is taken");
    }
    for index in 0..10 {
        let arriving = Arriving { at: 0, part: sent.part(index), plaintext: sent.plaintext(index).len(), mark: 0 };
        let slot = assembler.find(id(0)).expect("the frame");
        let forged = slot.open(arriving, |out| {
            out.fill(0xEE);
            Err(Drop::Forged)
        });
        assert!(forged.is_err());
        // Sealed by the peer, but under other headers.
        let strange = slot.open(arriving, |out| {
            out.fill(0xDD);
            Ok(())
        });
        assert_eq!(strange, Err(Drop::PartMalformed));
    }
    for index in [3, 5, 7, 9] {
        sent.arrives(&mut assembler, 0, index, 0, &mut taken).expect("is taken");
    }
    assert_eq!(taken.0, [(sent.frame.clone(), sent.offload, 0)]);
}

#[test]
fn the_strongest_mark_is_that_of_the_frame() {
    let sent = sent(1_000);
    let (mut assembler, mut taken) = (Assembler::default(), Taken::default());
    for (index, mark) in [(0, 0b11), (1, 0b10)] {
        let plaintext = sent.plaintext(index);
        let arriving = Arriving { at: 0, part: sent.part(index), plaintext: plaintext.len(), mark };
        let Some(slot) = assembler.find(id(0)) else {
            assembler.begin(id(0), arriving, &plaintext, &mut taken).expect("is taken");
            continue;
        };
        slot.open(arriving, |out| {
            out.copy_from_slice(&plaintext);
            Ok(())
        })
        .expect("opens");
        assembler.settle(id(0), 1, &mut taken);
    }
    assert_eq!(taken.0.first().map(|(_, _, mark)| *mark), Some(0b11));
}

proptest! {
    /// Every segment that arrives comes out exactly once, in its place, whatever is lost or late.
    #[test]
    fn nothing_is_lost_twice_or_moved(order in proptest::collection::vec((0usize..3, 0usize..9), 1..40)) {
        let sent = sent(4_300);
        let (mut assembler, mut taken) = (Assembler::default(), Taken::default());
        let mut arrived = std::collections::HashSet::new();
        for (frame, index) in order {
            // The replay window lets none through twice.
            if arrived.insert((frame, index)) {
                let _ = sent.arrives(&mut assembler, frame as u64 * 9, index, 0, &mut taken);
            }
        }
        assembler.expire(GAP, &mut taken);
        let mut bytes: Vec<usize> = Vec::new();
        for (frame, ..) in &taken.0 {
            let payload = &frame[sent.layout.headers..];
            let l4 = sent.layout.transport.l4;
            let sequence = u32::from_be_bytes(frame[l4 + 4..l4 + 8].try_into().expect("four bytes"));
            let start = sequence.wrapping_sub(0xFFFF_FF00) as usize;
            prop_assert_eq!(payload, &sent.payload()[start..start + payload.len()]);
            bytes.extend((start / 500)..(start + payload.len()).div_ceil(500));
        }
        let mut expected: Vec<usize> = arrived.iter().map(|(_, index)| *index).collect();
        bytes.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(bytes, expected);
    }

    #[test]
    fn no_input_panics(
        parts in proptest::collection::vec((0u64..3, any::<u8>(), 0u8..6, 0u16..3_000, 0usize..12, any::<u8>()), 0..40),
    ) {
        let sent = sent(2_400);
        let (mut assembler, mut taken) = (Assembler::default(), Taken::default());
        for (first, index, count, total, change, byte) in parts {
            let (index, count) = (index % 6, if byte % 3 == 0 { 5 } else { count });
            let total = if byte % 2 == 0 { sent.frame.len() as u16 } else { total };
            let mut plaintext = sent.plaintext(usize::from(index % 5));
            plaintext[change * 6] ^= byte & 3;
            let part = Part { index, count, total };
            let arriving = Arriving { at: 0, part, plaintext: plaintext.len(), mark: byte };
            if let Some(slot) = assembler.find(id(first)) {
                let _ = slot.open(arriving, |out| {
                    out.copy_from_slice(&plaintext);
                    Ok(())
                }).map(|()| assembler.settle(id(first), index, &mut taken));
            } else {
                let _ = assembler.begin(id(first), arriving, &plaintext, &mut taken);
            }
        }
    }
}
