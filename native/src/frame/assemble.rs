//! Super-frames on their way in. One of these per peer, with few slots. Datagrams are opened straight to their place in the
//! frame; when all are there the frame is what the sender's kernel made. If some stay away, each row of segments that is
//! there goes as a frame of its own, in order.
use std::ops::Range;

use super::congestion::stronger;
use super::layout::{Layout, MAX_HEADERS, MAX_SEGMENTS};
use super::run::{Headers, with_run};
use crate::clock::{MILLISECOND, Nanos};
use crate::counters::Drop;
use crate::packet::{HEADROOM, OFFLOAD, Offload, Part};
use crate::rejoin::FrameId;

/// Super-frames that a peer may have unfinished at a time.
pub const SLOTS: usize = 4;
/// How long the next datagram of a super-frame may stay away before what is there goes on alone.
pub const GAP: Nanos = 2 * MILLISECOND;

/// What comes before a datagram's payload when it's opened: offload fields and headers.
const MAX_LEAD: usize = OFFLOAD + MAX_HEADERS;

pub struct Slot {
    id: FrameId,
    state: State,
    layout: Layout,
    offload: Offload,
    headers: Headers,
    mark: u8,
    heard: Nanos,
    missing: usize,
    have: [u64; 4],
    /// `HEADROOM`, then the frame. Grows to the largest frame seen in this slot and is used again.
    room: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    /// Waits for all parts.
    Waiting,
    /// Parts that still come go on alone.
    GivenUp,
}

#[derive(Default)]
pub struct Assembler {
    /// At most `SLOTS`, made when they're needed.
    slots: Vec<Slot>,
}

/// Takes a frame for the interface: `HEADROOM` bytes and the frame, its offload, the mark of its datagrams.
pub trait Sink {
    fn take(&mut self, room: &mut [u8], offload: Offload, mark: u8);
    /// The same for a super-frame, whose layout is known.
    fn take_super(&mut self, room: &mut [u8], offload: Offload, layout: &Layout, mark: u8);
}

/// What a datagram says of itself before it's opened.
#[derive(Clone, Copy)]
pub struct Arriving {
    pub at: Nanos,
    pub part: Part,
    /// Bytes that it opens to.
    pub plaintext: usize,
    /// DSCP and ECN of its outer header.
    pub mark: u8,
}

impl Slot {
    /// Opens a datagram to its place, unless it contradicts what is known of the frame or is there already. `open` writes
    /// the plaintext. What it leads over, the end of the segment before, is put back, so neither a forgery nor the
    /// datagram's own headers ever change bytes that were authenticated.
    pub fn open(&mut self, arriving: Arriving, open: impl FnOnce(&mut [u8]) -> Result<(), Drop>) -> Result<(), Drop> {
        let index = usize::from(arriving.part.index);
        let payload = self.layout.payload(&(index..index + 1));
        let lead = OFFLOAD + self.layout.headers;
        let known = usize::from(arriving.part.total) == self.layout.total
            && usize::from(arriving.part.count) == self.layout.count()
            && index < self.layout.count()
            && arriving.plaintext == lead + payload.len();
        if !known || self.has(index) {
            return Err(Drop::PartMalformed);
        }
        let start = HEADROOM + payload.start - lead;
        let place = &mut self.room[start..HEADROOM + payload.end];
        let mut saved = [0; MAX_LEAD];
        saved[..lead].copy_from_slice(&place[..lead]);
        let opened = open(place);
        let alike = place[..OFFLOAD] == self.offload.emit() && place[OFFLOAD..lead] == *self.headers.as_slice();
        place[..lead].copy_from_slice(&saved[..lead]);
        opened?;
        if !alike {
            return Err(Drop::PartMalformed);
        }
        self.note(index, arriving);
        Ok(())
    }

    fn has(&self, index: usize) -> bool {
        self.have[index / 64] & 1 << (index % 64) != 0
    }

    fn note(&mut self, index: usize, arriving: Arriving) {
        self.have[index / 64] |= 1 << (index % 64);
        self.missing -= 1;
        self.heard = arriving.at;
        self.mark = stronger(self.mark, arriving.mark);
    }

    fn deliver_whole(&mut self, sink: &mut impl Sink) {
        let headers = HEADROOM + self.layout.headers;
        self.room[HEADROOM..headers].copy_from_slice(self.headers.as_slice());
        let room = &mut self.room[..HEADROOM + self.layout.total];
        sink.take_super(room, self.offload, &self.layout, self.mark);
    }

    fn deliver_run(&mut self, run: &Range<usize>, sink: &mut impl Sink) {
        let mark = self.mark;
        with_run(&self.layout, self.offload, &self.headers, &mut self.room, run, |room, offload| {
            sink.take(room, offload, mark);
        });
    }

    /// Hands on each row of segments that is there.
    fn give_up(&mut self, sink: &mut impl Sink) {
        self.state = State::GivenUp;
        let count = self.layout.count();
        let mut start = 0;
        while start < count {
            let end = (start..count).find(|&index| !self.has(index)).unwrap_or(count);
            if end > start {
                self.deliver_run(&(start..end), sink);
            }
            start = end + 1;
        }
    }
}

impl Assembler {
    /// The slot of a frame of which a part has come.
    pub fn find(&mut self, id: FrameId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.id == id && slot.state != State::Free)
    }

    /// After a slot has taken a datagram: hands on what can go.
    pub fn settle(&mut self, id: FrameId, index: u8, sink: &mut impl Sink) {
        let Some(slot) = self.find(id) else { return };
        let index = usize::from(index);
        match slot.state {
            State::GivenUp => slot.deliver_run(&(index..index + 1), sink),
            State::Waiting if slot.missing == 0 => slot.deliver_whole(sink),
            State::Waiting | State::Free => return,
        }
        if slot.missing == 0 {
            slot.state = State::Free;
        }
    }

    /// Takes the first opened datagram of a frame: `plaintext` are its offload fields, headers and payload.
    pub fn begin(
        &mut self,
        id: FrameId,
        arriving: Arriving,
        plaintext: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(), Drop> {
        let (offload, bytes) = plaintext.split_first_chunk::<OFFLOAD>().ok_or(Drop::PartMalformed)?;
        let offload = Offload::parse(offload);
        let layout = Layout::of(bytes, usize::from(arriving.part.total), &offload)?;
        let (index, count) = (usize::from(arriving.part.index), layout.count());
        let payload = layout.payload(&(index..index + 1));
        let agrees = usize::from(arriving.part.count) == count
            && (2..=MAX_SEGMENTS).contains(&count)
            && index < count
            && bytes.len() == layout.headers + payload.len();
        if !agrees {
            return Err(Drop::PartMalformed);
        }
        self.pass(id, sink);
        let slot = self.start(id, layout, offload, sink);
        slot.headers.keep(&layout, bytes);
        slot.room[HEADROOM + payload.start..HEADROOM + payload.end].copy_from_slice(&bytes[layout.headers..]);
        slot.note(index, arriving);
        Ok(())
    }

    fn start(&mut self, id: FrameId, layout: Layout, offload: Offload, sink: &mut impl Sink) -> &mut Slot {
        let at = self.place(sink).unwrap_or_else(|| {
            self.slots.push(Slot::new(id, layout, offload));
            self.slots.len() - 1
        });
        let slot = &mut self.slots[at];
        (slot.id, slot.layout, slot.offload, slot.state) = (id, layout, offload, State::Waiting);
        (slot.missing, slot.have, slot.mark) = (layout.count(), [0; 4], 0);
        if slot.room.len() < HEADROOM + layout.total {
            slot.room.resize(HEADROOM + layout.total, 0);
        }
        slot
    }

    /// A place that's free: an empty one, or if there can be no more that of the oldest frame that was given up, or else
    /// that of the oldest. None if there can be one more.
    fn place(&mut self, sink: &mut impl Sink) -> Option<usize> {
        if let Some(free) = self.slots.iter().position(|slot| slot.state == State::Free) {
            return Some(free);
        }
        if self.slots.len() < SLOTS {
            return None;
        }
        let age = |at: &usize| (self.slots[*at].state == State::Waiting, self.slots[*at].heard);
        let oldest = (0..SLOTS).min_by_key(age)?;
        let slot = &mut self.slots[oldest];
        if slot.state == State::Waiting {
            slot.give_up(sink);
        }
        slot.state = State::Free;
        Some(oldest)
    }

    /// A datagram of a later frame of the same lane has come: what is missing before it is lost or late.
    pub fn pass(&mut self, id: FrameId, sink: &mut impl Sink) {
        let earlier =
            |slot: &Slot| (slot.id.session, slot.id.lane) == (id.session, id.lane) && slot.id.first < id.first;
        self.give_up_if(earlier, sink);
    }

    /// Gives up frames whose next datagram stayed away for too long.
    pub fn expire(&mut self, now: Nanos, sink: &mut impl Sink) {
        self.give_up_if(|slot| now >= slot.heard + GAP, sink);
    }

    /// The earliest first.
    fn give_up_if(&mut self, which: impl Fn(&Slot) -> bool, sink: &mut impl Sink) {
        let chosen = |slot: &Slot| slot.state == State::Waiting && which(slot);
        while let Some(slot) = self.slots.iter_mut().filter(|slot| chosen(slot)).min_by_key(|slot| slot.id.first) {
            slot.give_up(sink);
        }
    }

    /// When `expire` has something to do.
    pub fn deadline(&self) -> Option<Nanos> {
        let waiting = self.slots.iter().filter(|slot| slot.state == State::Waiting);
        waiting.map(|slot| slot.heard + GAP).min()
    }
}

impl Slot {
    fn new(id: FrameId, layout: Layout, offload: Offload) -> Self {
        let (headers, state) = (Headers::default(), State::Waiting);
        Self { id, state, layout, offload, headers, mark: 0, heard: 0, missing: 0, have: [0; 4], room: Vec::new() }
    }
}

#[cfg(test)]
mod tests;
