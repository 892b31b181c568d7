//! How a frame is cut into datagrams that fit a path.
use std::ops::Range;

use crate::packet::{CUT_BYTES, CUT_WHOLE, MAX_FRAME, OVERHEAD, Part};

/// Smallest `maxDatagram` that a path can have: 255 parts of it hold the longest frame.
pub const MIN_DATAGRAM: usize = 512;
/// The UDP payload that every path of IPv6 takes (RFC 8200 section 5: packets of 1,280 bytes).
pub const SURE_DATAGRAM: usize = 1_232;
/// Longest UDP payload over IPv4.
pub const MAX_DATAGRAM: usize = 65_507;

/// An even cut: all parts but the last are `piece` bytes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    total: u16,
    piece: usize,
    count: u8,
}

impl Cut {
    /// The cut of a frame of `total` bytes, at most 65,535, for datagrams of `max_datagram` bytes.
    pub fn plan(total: usize, max_datagram: usize) -> Option<Self> {
        let room = max_datagram.clamp(MIN_DATAGRAM, MAX_DATAGRAM) - OVERHEAD;
        if total == 0 || total > MAX_FRAME {
            return None;
        }
        let piece = total.div_ceil(total.div_ceil(room));
        let count = u8::try_from(total.div_ceil(piece)).ok()?;
        Some(Self { total: u16::try_from(total).ok()?, piece, count })
    }

    pub fn kind(&self) -> u8 {
        if self.count == 1 { CUT_WHOLE } else { CUT_BYTES }
    }

    pub fn count(&self) -> u8 {
        self.count
    }

    /// Each part, with the bytes of the frame that it carries.
    pub fn parts(self) -> impl Iterator<Item = (Part, Range<usize>)> {
        let total = usize::from(self.total);
        (0..self.count).map(move |index| {
            let start = usize::from(index) * self.piece;
            let part = Part { index, count: self.count, total: self.total };
            (part, start..(start + self.piece).min(total))
        })
    }
}

/// Where a received part belongs in its frame; None if its numbers and its length contradict each other. A frame that
/// isn't cut has one part.
pub fn place(part: Part, length: usize) -> Option<Range<usize>> {
    let (index, count, total) = (usize::from(part.index), usize::from(part.count), usize::from(part.total));
    if count == 0 || index >= count || length == 0 || length > total {
        return None;
    }
    if index + 1 < count {
        let start = index * length;
        let fits = (count - 1) * length < total && total <= count * length;
        return fits.then_some(start..start + length);
    }
    let start = total - length;
    let fits = match count - 1 {
        0 => start == 0,
        others => start.is_multiple_of(others) && length <= start / others,
    };
    fits.then_some(start..total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_fits_stays_whole() {
        let cut = Cut::plan(MIN_DATAGRAM - OVERHEAD, MIN_DATAGRAM).expect("a plan");
        assert_eq!((cut.kind(), cut.count()), (CUT_WHOLE, 1));
        let cut = Cut::plan(MIN_DATAGRAM - OVERHEAD + 1, MIN_DATAGRAM).expect("a plan");
        assert_eq!((cut.kind(), cut.count()), (CUT_BYTES, 2));
    }

    #[test]
    fn nothing_and_too_much_have_no_plan() {
        assert_eq!(Cut::plan(0, 1280), None);
        assert_eq!(Cut::plan(MAX_FRAME + 1, 1280), None);
    }

    #[test]
    fn contradictions_have_no_place() {
        let part = |index, count, total| Part { index, count, total };
        assert_eq!(place(part(0, 0, 10), 10), None);
        assert_eq!(place(part(1, 1, 10), 10), None);
        assert_eq!(place(part(0, 1, 10), 9), None);
        assert_eq!(place(part(0, 1, 10), 11), None);
        assert_eq!(place(part(0, 2, 10), 10), None);
        assert_eq!(place(part(0, 2, 10), 4), None);
        assert_eq!(place(part(1, 2, 10), 6), None);
        assert_eq!(place(part(2, 3, 10), 3), None);
        assert_eq!(place(part(0, 2, 10), 0), None);
    }

    proptest! {
        #[test]
        fn parts_fit_cover_the_frame_and_are_placed(total in 1..=MAX_FRAME, max in MIN_DATAGRAM..=9_000) {
            let cut = Cut::plan(total, max).expect("every length has a plan");
            let mut end = 0;
            for (part, bytes) in cut.parts() {
                prop_assert_eq!(bytes.start, end);
                prop_assert!(!bytes.is_empty() && bytes.len() + OVERHEAD <= max);
                prop_assert_eq!(place(part, bytes.len()), Some(bytes.clone()));
                end = bytes.end;
            }
            prop_assert_eq!(end, total);
        }

        #[test]
        fn a_place_is_always_inside(index: u8, count: u8, total: u16, length in 0usize..70_000) {
            if let Some(bytes) = place(Part { index, count, total }, length) {
                prop_assert_eq!(bytes.len(), length);
                prop_assert!(bytes.end <= usize::from(total));
            }
        }
    }
}
