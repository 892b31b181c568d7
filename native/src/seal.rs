//! Sealing: one direction of a session, with a counter per lane.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;

use crate::packet::{
    CUT_WHOLE, HEADER, KIND_CONTROL, KIND_FRAME, MAX_LANES, OFFLOAD, OVERHEAD, Offload, PREFIX, Part, Prefix, TAG,
};

/// Who seals on which lane: each lane has one writer at a time, so that parts of a frame get counters in a row. A peer of
/// several queues takes lane n in its queue n modulo their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane(u16);

impl Lane {
    /// The control plane: the first queue of every peer.
    pub const CONTROL: Self = Self(12);

    /// Who carries for a queue. `queue`: below `MAX_QUEUES`.
    pub fn frames(queue: usize) -> Self {
        Self((queue % MAX_QUEUES) as u16)
    }

    /// The thread that reads a queue's sockets: answers to challenges.
    pub fn answers(queue: usize) -> Self {
        Self((MAX_QUEUES + queue % MAX_QUEUES) as u16)
    }

    /// None for more than a session can have.
    pub fn numbered(number: u16) -> Option<Self> {
        (usize::from(number) < MAX_LANES).then_some(Self(number))
    }
}

/// Queues of a device.
pub const MAX_QUEUES: usize = 4;
/// A lane's counter is looked at for wear when it has passed another so many: adding all up each time would make threads
/// fetch each other's counters.
const WEAR_STEP: u64 = 4_096;

/// Datagrams after which a session asks to be replaced, over all its lanes.
pub const WORN_AFTER: u64 = 1 << 32;

/// On a cache line of its own: lanes are counted by different threads.
#[derive(Default)]
#[repr(align(64))]
struct Counter(AtomicU64);

pub struct Sealer {
    key: LessSafeKey,
    receiver: u32,
    lanes: [Counter; MAX_LANES],
    worn: AtomicBool,
}

/// A key made of 32 bytes.
pub(crate) fn aes_key(bytes: &[u8; 32]) -> Result<LessSafeKey, Unspecified> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes)?))
}

impl Sealer {
    /// `receiver`: the index that the peer knows the session by.
    pub fn new(key: &[u8; 32], receiver: u32) -> Result<Self, Unspecified> {
        let lanes = Default::default();
        Ok(Self { key: aes_key(key)?, receiver, lanes, worn: AtomicBool::new(false) })
    }

    /// Takes `count` counters in a row and gives the first. No counter is ever given twice.
    pub fn take(&self, lane: Lane, count: u64) -> u64 {
        self.counter(lane).fetch_add(count, Ordering::Relaxed)
    }

    fn counter(&self, lane: Lane) -> &AtomicU64 {
        &self.lanes[usize::from(lane.0)].0
    }

    /// Called after a lane was sealed on. True once: when the session has sealed as much as it should, give or take a few
    /// thousand per lane.
    pub fn has_worn(&self, lane: Lane) -> bool {
        let since_step = self.counter(lane).load(Ordering::Relaxed) % WEAR_STEP;
        if since_step > u64::from(u8::MAX) {
            return false;
        }
        let sealed: u64 = self.lanes.iter().map(|lane| lane.0.load(Ordering::Relaxed)).sum();
        sealed >= WORN_AFTER && !self.worn.swap(true, Ordering::Relaxed)
    }

    /// Writes a part's datagram to `out`, which holds `lead`, `bytes` and `OVERHEAD` exactly: the part is `lead` (a few bytes,
    /// the headers of a super-frame) and then `bytes`, which are read where they stand.
    pub fn seal_part(
        &self,
        place: Place,
        part: Part,
        offload: Offload,
        (lead, bytes): (&[u8], &[u8]),
        out: &mut [u8],
    ) -> Result<(), Unspecified> {
        if out.len() != lead.len() + bytes.len() + OVERHEAD {
            return Err(Unspecified);
        }
        let prefix = self.prefix(KIND_FRAME, place);
        let (header, sealed) = out.split_at_mut(HEADER);
        header[..PREFIX].copy_from_slice(&prefix.emit());
        header[PREFIX..].copy_from_slice(&part.emit());
        let (start, rest) = sealed.split_at_mut(OFFLOAD + lead.len());
        start[..OFFLOAD].copy_from_slice(&offload.emit());
        start[OFFLOAD..].copy_from_slice(lead);
        let nonce = Nonce::assume_unique_for_key(prefix.nonce());
        self.key.seal_in_place_scatter(nonce, Aad::from(&*header), start, bytes, rest)
    }

    /// A control datagram, with the lane's next counter.
    pub fn seal_control(&self, lane: Lane, messages: &[u8]) -> Result<Vec<u8>, Unspecified> {
        self.seal_control_at(Place { lane, counter: self.take(lane, 1), cut: CUT_WHOLE }, messages)
    }

    pub fn seal_control_at(&self, place: Place, messages: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let prefix = self.prefix(KIND_CONTROL, place);
        let mut datagram = Vec::with_capacity(PREFIX + messages.len() + TAG);
        datagram.extend_from_slice(&prefix.emit());
        datagram.extend_from_slice(messages);
        datagram.resize(PREFIX + messages.len() + TAG, 0);
        let (header, sealed) = datagram.split_at_mut(PREFIX);
        self.seal(&prefix, header, sealed)?;
        Ok(datagram)
    }

    fn prefix(&self, kind: u8, place: Place) -> Prefix {
        Prefix { kind, cut: place.cut, lane: place.lane.0, receiver: self.receiver, counter: place.counter }
    }

    /// Seals all of `sealed` but its last bytes, which become the tag.
    fn seal(&self, prefix: &Prefix, header: &[u8], sealed: &mut [u8]) -> Result<(), Unspecified> {
        let (plaintext, tag_place) = sealed.split_at_mut(sealed.len() - TAG);
        let nonce = Nonce::assume_unique_for_key(prefix.nonce());
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(header), plaintext)?;
        tag_place.copy_from_slice(tag.as_ref());
        Ok(())
    }

    /// As if `count` datagrams had been sealed on a lane.
    #[cfg(test)]
    pub fn skip(&self, lane: Lane, count: u64) {
        self.counter(lane).fetch_add(count, Ordering::Relaxed);
    }
}

/// A datagram's place in the session: its counter must come from `take`, on the same lane.
#[derive(Clone, Copy)]
pub struct Place {
    pub lane: Lane,
    pub counter: u64,
    pub cut: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wears_out_once_and_over_all_lanes() {
        let sealer = Sealer::new(&[1; 32], 7).expect("32 bytes are a key");
        let (frames, answers) = (Lane::frames(3), Lane::answers(3));
        sealer.skip(frames, WORN_AFTER - 2);
        assert_eq!(sealer.take(answers, 1), 0);
        assert!(!sealer.has_worn(answers));
        assert_eq!(sealer.take(Lane::CONTROL, 1), 0);
        assert!(sealer.has_worn(Lane::CONTROL));
        assert!(!sealer.has_worn(Lane::CONTROL));
    }

    #[test]
    fn wear_is_found_however_a_lane_counts() {
        let sealer = Sealer::new(&[1; 32], 7).expect("32 bytes are a key");
        sealer.skip(Lane::frames(1), WORN_AFTER);
        let lane = Lane::frames(0);
        let found = (0..2 * WEAR_STEP / 255).any(|_| {
            sealer.take(lane, 255);
            sealer.has_worn(lane)
        });
        assert!(found);
    }

    #[test]
    fn every_lane_has_one_user() {
        let lanes = (0..MAX_QUEUES).flat_map(|queue| [Lane::frames(queue), Lane::answers(queue)]);
        let mut lanes: Vec<u16> = lanes.chain([Lane::CONTROL]).map(|lane| lane.0).collect();
        lanes.sort_unstable();
        lanes.dedup();
        assert_eq!(lanes.len(), 2 * MAX_QUEUES + 1);
        assert!(lanes.iter().all(|&number| Lane::numbered(number).is_some()));
        // Whatever the number of a peer's queues.
        assert!((1..=MAX_QUEUES as u16).all(|queues| Lane::CONTROL.0.is_multiple_of(queues)));
    }

    #[test]
    fn counters_in_a_row_never_overlap() {
        let sealer = Sealer::new(&[1; 32], 7).expect("32 bytes are a key");
        assert_eq!(sealer.take(Lane::frames(0), 3), 0);
        assert_eq!(sealer.take(Lane::frames(0), 1), 3);
        assert_eq!(sealer.take(Lane::answers(0), 1), 0);
    }

    #[test]
    fn a_wrong_room_is_refused() {
        let sealer = Sealer::new(&[1; 32], 7).expect("32 bytes are a key");
        let place = Place { lane: Lane::frames(0), counter: 0, cut: CUT_WHOLE };
        let part = Part { index: 0, count: 1, total: 14 };
        let mut out = [0; 14 + OVERHEAD - 1];
        assert!(sealer.seal_part(place, part, Offload::default(), (&[], &[0; 14]), &mut out).is_err());
    }
}
