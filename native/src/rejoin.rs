//! Puts the parts of a cut frame together again. One of these per peer, with few slots: a peer that sends parts of
//! frames that never become whole pushes out its own frames only.
use crate::clock::{MILLISECOND, Nanos};
use crate::counters::Drop;
use crate::cut::place;
use crate::frame::congestion::stronger;
use crate::packet::{HEADROOM, Part};

/// Unfinished frames that a peer may have at a time.
pub const SLOTS: usize = 8;
/// How long a frame may stay unfinished, measured from its first part.
pub const TIMEOUT: Nanos = 500 * MILLISECOND;

/// What names a frame: the session, the lane and the counter of its part 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameId {
    pub session: u32,
    pub lane: u16,
    pub first: u64,
}

struct Slot {
    id: FrameId,
    since: Nanos,
    total: u16,
    count: u8,
    piece: usize,
    missing: u8,
    have: [u64; 4],
    mark: u8,
    /// `HEADROOM`, then the frame. Grows to the largest frame seen in this slot and is used again.
    bytes: Vec<u8>,
    busy: bool,
}

impl Default for Slot {
    fn default() -> Self {
        let id = FrameId { session: 0, lane: 0, first: 0 };
        Self {
            id,
            since: 0,
            total: 0,
            count: 0,
            piece: 0,
            missing: 0,
            have: [0; 4],
            mark: 0,
            bytes: Vec::new(),
            busy: false,
        }
    }
}

#[derive(Default)]
pub struct Rejoiner {
    slots: [Slot; SLOTS],
}

/// Unfinished frames that were given up.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// They made room for a newer one.
    pub evicted: u64,
    /// They waited too long.
    pub expired: u64,
}

impl Rejoiner {
    /// Gives up frames that have waited too long, and the oldest if a part of the frame `id` needs its place.
    pub fn make_room(&mut self, now: Nanos, id: FrameId) -> Losses {
        let mut losses = Losses::default();
        for slot in self.slots.iter_mut().filter(|slot| slot.busy && now.saturating_sub(slot.since) > TIMEOUT) {
            slot.busy = false;
            losses.expired += 1;
        }
        if self.slots.iter().all(|slot| slot.busy && slot.id != id) {
            let oldest = self.slots.iter_mut().min_by_key(|slot| slot.since);
            oldest.into_iter().for_each(|slot| slot.busy = false);
            losses.evicted += 1;
        }
        losses
    }

    /// Takes an opened part, after `make_room`, and the mark of its datagram. When this was the last missing part, gives
    /// `HEADROOM` bytes with the frame behind them, and the strongest mark.
    pub fn add(
        &mut self,
        now: Nanos,
        id: FrameId,
        part: Part,
        bytes: &[u8],
        mark: u8,
    ) -> Result<Option<(&mut [u8], u8)>, Drop> {
        let range = place(part, bytes.len()).ok_or(Drop::PartMalformed)?;
        let piece = if range.start == 0 { range.len() } else { range.start / usize::from(part.index) };
        let known = self.slots.iter().position(|slot| slot.busy && slot.id == id);
        let at = known.or_else(|| self.start(now, id, part, piece)).ok_or(Drop::RejoinEvicted)?;
        let slot = &mut self.slots[at];
        if (slot.total, slot.count, slot.piece) != (part.total, part.count, piece) {
            return Err(Drop::PartMalformed);
        }
        let (word, bit) = (usize::from(part.index / 64), 1u64 << (part.index % 64));
        if slot.have[word] & bit != 0 {
            return Err(Drop::PartMalformed);
        }
        slot.have[word] |= bit;
        slot.bytes[HEADROOM + range.start..HEADROOM + range.end].copy_from_slice(bytes);
        slot.mark = stronger(slot.mark, mark);
        slot.missing -= 1;
        if slot.missing > 0 {
            return Ok(None);
        }
        slot.busy = false;
        let Slot { bytes, mark, .. } = &mut self.slots[at];
        Ok(Some((bytes, *mark)))
    }

    fn start(&mut self, now: Nanos, id: FrameId, part: Part, piece: usize) -> Option<usize> {
        let free = self.slots.iter().position(|slot| !slot.busy)?;
        let slot = &mut self.slots[free];
        slot.bytes.resize(HEADROOM + usize::from(part.total), 0);
        (slot.id, slot.since, slot.total, slot.count, slot.piece) = (id, now, part.total, part.count, piece);
        (slot.missing, slot.have, slot.mark, slot.busy) = (part.count, [0; 4], 0, true);
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::Cut;
    use proptest::prelude::*;

    fn id(first: u64) -> FrameId {
        FrameId { session: 1, lane: 0, first }
    }

    fn add(
        rejoiner: &mut Rejoiner,
        now: Nanos,
        id: FrameId,
        part: Part,
        bytes: &[u8],
    ) -> Result<Option<Vec<u8>>, Drop> {
        let frame = rejoiner.add(now, id, part, bytes, 0)?;
        Ok(frame.map(|(room, _)| room[HEADROOM..].to_vec()))
    }

    fn frame(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn an_unfinished_frame_times_out() {
        let mut rejoiner = Rejoiner::default();
        let bytes = frame(10);
        let parts = [Part { index: 0, count: 2, total: 10 }, Part { index: 1, count: 2, total: 10 }];
        assert_eq!(add(&mut rejoiner, 0, id(0), parts[0], &bytes[..5]), Ok(None));
        assert_eq!(rejoiner.make_room(TIMEOUT, id(0)), Losses::default());
        assert_eq!(rejoiner.make_room(TIMEOUT + 1, id(0)), Losses { evicted: 0, expired: 1 });
        assert_eq!(add(&mut rejoiner, TIMEOUT + 1, id(0), parts[1], &bytes[5..]), Ok(None));
    }

    #[test]
    fn the_oldest_frame_makes_room() {
        let mut rejoiner = Rejoiner::default();
        let part = Part { index: 0, count: 2, total: 10 };
        for first in 0..SLOTS as u64 {
            assert_eq!(rejoiner.make_room(first, id(first * 2)), Losses::default());
            assert_eq!(add(&mut rejoiner, first, id(first * 2), part, &[0; 5]), Ok(None));
        }
        assert_eq!(add(&mut rejoiner, 90, id(80), part, &[0; 5]), Err(Drop::RejoinEvicted));
        assert_eq!(rejoiner.make_room(90, id(80)), Losses { evicted: 1, expired: 0 });
        assert_eq!(add(&mut rejoiner, 90, id(80), part, &[0; 5]), Ok(None));
        let last = Part { index: 1, count: 2, total: 10 };
        assert_eq!(rejoiner.make_room(99, id(2)), Losses::default());
        assert_eq!(add(&mut rejoiner, 99, id(2), last, &[1; 5]).map(|whole| whole.is_some()), Ok(true));
    }

    #[test]
    fn parts_that_contradict_the_first_change_nothing() {
        let mut rejoiner = Rejoiner::default();
        let bytes = frame(10);
        assert_eq!(add(&mut rejoiner, 0, id(0), Part { index: 0, count: 2, total: 10 }, &bytes[..5]), Ok(None));
        assert_eq!(
            add(&mut rejoiner, 0, id(0), Part { index: 0, count: 2, total: 10 }, &[9; 5]),
            Err(Drop::PartMalformed)
        );
        assert_eq!(
            add(&mut rejoiner, 0, id(0), Part { index: 1, count: 3, total: 10 }, &[9; 4]),
            Err(Drop::PartMalformed)
        );
        assert_eq!(
            add(&mut rejoiner, 0, id(0), Part { index: 1, count: 2, total: 9 }, &[9; 4]),
            Err(Drop::PartMalformed)
        );
        assert_eq!(
            add(&mut rejoiner, 0, id(0), Part { index: 1, count: 2, total: 10 }, &[9; 4]),
            Err(Drop::PartMalformed)
        );
        let whole = add(&mut rejoiner, 0, id(0), Part { index: 1, count: 2, total: 10 }, &bytes[5..]);
        assert_eq!(whole, Ok(Some(bytes.clone())));
    }

    proptest! {
        #[test]
        fn any_order_gives_the_frame(length in 2_000usize..20_000, order in any::<proptest::sample::Index>(), swap: bool) {
            let bytes = frame(length);
            let mut parts: Vec<_> = Cut::plan(length, 1_280).expect("a plan").parts().collect();
            let middle = order.index(parts.len());
            parts.rotate_left(middle);
            if swap {
                parts.reverse();
            }
            let mut rejoiner = Rejoiner::default();
            let last = parts.pop();
            for (part, range) in parts {
                prop_assert_eq!(add(&mut rejoiner, 0, id(0), part, &bytes[range]), Ok(None));
            }
            let (part, range) = last.expect("at least one part");
            prop_assert_eq!(add(&mut rejoiner, 0, id(0), part, &bytes[range]), Ok(Some(bytes.clone())));
        }

        #[test]
        fn no_input_panics(parts in proptest::collection::vec((0u64..4, 0u8..5, 0u8..5, 0u16..40, 0usize..40), 0..60)) {
            let mut rejoiner = Rejoiner::default();
            for (now, (first, index, count, total, length)) in parts.into_iter().enumerate() {
                rejoiner.make_room(now as u64, id(first));
                let _ = add(&mut rejoiner, now as u64, id(first), Part { index, count, total }, &vec![0; length]);
            }
        }
    }
}
