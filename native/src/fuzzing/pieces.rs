//! Frames that come in parts: cut at bytes, and cut at segments.
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use super::input::Input;
use crate::clock::{MILLISECOND, Nanos};
use crate::counters::Drop;
use crate::cut::{Cut, place};
use crate::frame::assemble::{Arriving, Assembler, GAP, Sink};
use crate::frame::layout::Layout;
use crate::frame::sample::{Recipe, build};
use crate::packet::{ETHERNET, HEADROOM, OFFLOAD, Offload, Part, Segments};
use crate::rejoin::{self, FrameId, Rejoiner};

fn id(first: u64) -> FrameId {
    FrameId { session: 1, lane: 0, first }
}

/// An unfinished frame as one would keep it if there were no hurry.
struct Unfinished {
    since: Nanos,
    total: usize,
    count: usize,
    piece: usize,
    parts: BTreeMap<usize, Vec<u8>>,
}

/// Unfinished frames by id.
#[derive(Default)]
struct Plain(BTreeMap<u64, Unfinished>);

impl Plain {
    fn make_room(&mut self, now: Nanos, first: u64) -> (u64, u64) {
        let before = self.0.len();
        self.0.retain(|_, frame| now - frame.since <= rejoin::TIMEOUT);
        let expired = before - self.0.len();
        let is_full = self.0.len() == rejoin::SLOTS && !self.0.contains_key(&first);
        let oldest = self.0.iter().min_by_key(|(_, frame)| frame.since).map(|(&first, _)| first);
        if let Some(oldest) = oldest.filter(|_| is_full) {
            self.0.remove(&oldest);
        }
        (u64::from(is_full), expired as u64)
    }

    fn add(&mut self, now: Nanos, first: u64, part: Part, bytes: &[u8]) -> Result<Option<Vec<u8>>, Drop> {
        let piece = piece_of(part, bytes.len()).ok_or(Drop::PartMalformed)?;
        let (total, count) = (usize::from(part.total), usize::from(part.count));
        let begin = || Unfinished { since: now, total, count, piece, parts: BTreeMap::new() };
        let frame = self.0.entry(first).or_insert_with(begin);
        if (frame.total, frame.count, frame.piece) != (total, count, piece) {
            return Err(Drop::PartMalformed);
        }
        if frame.parts.contains_key(&usize::from(part.index)) {
            return Err(Drop::PartMalformed);
        }
        frame.parts.insert(usize::from(part.index), bytes.to_vec());
        if frame.parts.len() < frame.count {
            return Ok(None);
        }
        Ok(self.0.remove(&first).map(|frame| frame.parts.into_values().flatten().collect()))
    }
}

/// The length of all pieces but the last that a part's numbers and length tell, if there's one that fits them.
fn piece_of(part: Part, length: usize) -> Option<usize> {
    let (index, count, total) = (usize::from(part.index), usize::from(part.count), usize::from(part.total));
    if index >= count || length == 0 {
        return None;
    }
    let (others, is_last) = (count - 1, index + 1 == count);
    let piece = match (is_last, others) {
        (false, _) | (true, 0) => length,
        (true, _) => total.checked_sub(length)? / others,
    };
    let last = total.checked_sub(others * piece)?;
    let fits = (1..=piece).contains(&last) && (!is_last || last == length);
    fits.then_some(piece)
}

/// A story of parts, of honest frames and of any: what's rejoined is what was cut, and the rejoiner does in every step what a
/// plain one does.
pub fn rejoin(data: &[u8]) {
    let input = &mut Input::new(data);
    let (mut rejoiner, mut plain) = (Rejoiner::default(), Plain::default());
    let mut now = 0;
    let mut steps = 0;
    while input.goes_on(steps) {
        steps += 1;
        now += 1 + u64::from(input.byte() % 8) * 30 * MILLISECOND;
        let first = u64::from(input.byte() % 12);
        let (part, bytes) = match input.below(3) {
            0 => any_part(input),
            _ => honest_part(first, input),
        };
        assert_eq!(place(part, bytes.len()).is_some(), piece_of(part, bytes.len()).is_some());
        let losses = rejoiner.make_room(now, id(first));
        assert_eq!((losses.evicted, losses.expired), plain.make_room(now, first));
        let joined = rejoiner.add(now, id(first), part, &bytes, 0);
        let joined = joined.map(|whole| whole.map(|(room, _)| room[HEADROOM..].to_vec()));
        assert_eq!(joined, plain.add(now, first, part, &bytes));
    }
}

/// A part of a frame whose length and bytes follow from its number.
fn honest_part(first: u64, input: &mut Input) -> (Part, Vec<u8>) {
    let length = 1 + first as usize * 397;
    let frame: Vec<u8> = (0..length).map(|at| (at + first as usize) as u8).collect();
    let parts: Vec<_> = Cut::plan(length, 512).expect("a plan").parts().collect();
    let (part, range) = parts[input.below(parts.len())].clone();
    (part, frame[range].to_vec())
}

fn any_part(input: &mut Input) -> (Part, Vec<u8>) {
    let part = Part { index: input.byte(), count: input.byte(), total: input.short() % 2_048 };
    let length = usize::from(input.short() % 600);
    (part, vec![input.byte(); length])
}

/// Keeps what comes out.
#[derive(Default)]
struct Taken(Vec<(Vec<u8>, Offload)>);

impl Sink for Taken {
    fn take(&mut self, room: &mut [u8], offload: Offload, _: u8) {
        self.0.push((room[HEADROOM..].to_vec(), offload));
    }

    fn take_super(&mut self, room: &mut [u8], offload: Offload, layout: &Layout, _: u8) {
        let frame = &room[HEADROOM..];
        assert_eq!(Layout::of(frame, frame.len(), &offload), Ok(*layout));
        self.take(room, offload, 0);
    }
}

/// A super-frame on its way.
struct Sent {
    frame: Vec<u8>,
    offload: Offload,
    layout: Layout,
}

const SEGMENT: usize = 60;
const SEQUENCE: u32 = 0xFFFF_FF00;

impl Sent {
    /// The source MAC tells the frame, the payload frame and place.
    fn new(number: u8, segments: usize) -> Self {
        let payload = SEGMENT * segments - 7;
        let recipe =
            Recipe { kind: Segments::Tcp4, v6: false, tagged: false, options: 3, segment: SEGMENT as u16, payload };
        let (room, offload) = build(recipe);
        let mut frame = room[HEADROOM..].to_vec();
        let layout = Layout::of(&frame, frame.len(), &offload).expect("a layout");
        frame[SOURCE] = number;
        for (at, byte) in frame[layout.headers..].iter_mut().enumerate() {
            *byte = number << 4 | (at / SEGMENT) as u8;
        }
        Self { frame, offload, layout }
    }

    fn part(&self, index: usize) -> Part {
        Part { index: index as u8, count: self.layout.count() as u8, total: self.frame.len() as u16 }
    }

    fn plaintext(&self, index: usize) -> Vec<u8> {
        let payload = &self.frame[self.layout.payload(&(index..index + 1))];
        [&self.offload.emit()[..], &self.frame[..self.layout.headers], payload].concat()
    }
}

/// Frames of a story, each of so many segments, all of one lane.
const SEGMENTS: [usize; 7] = [2, 9, 3, 15, 5, 2, 7];
static SENT: LazyLock<Vec<Sent>> =
    LazyLock::new(|| SEGMENTS.iter().zip(0..).map(|(&count, number)| Sent::new(number, count)).collect());
/// Of a member that doesn't keep to the rules, on a lane of its own.
static HOSTILE: LazyLock<Sent> = LazyLock::new(|| Sent::new(HOSTILE_NUMBER, 6));
const HOSTILE_NUMBER: u8 = 15;
/// Counters from one frame to the next.
const ALL: u64 = 16;
/// Where the last byte of the source MAC stands.
const SOURCE: usize = 11;

/// A story of segments, some of them forged and some that contradict what came before: each one that was opened comes out
/// once, in its place, and nothing else does.
pub fn assemble(data: &[u8]) {
    let input = &mut Input::new(data);
    let (mut assembler, mut taken) = (Assembler::default(), Taken::default());
    let mut opened = HashSet::new();
    let mut now = 0;
    let mut steps = 0;
    while input.goes_on(steps) {
        steps += 1;
        let number = input.below(SEGMENTS.len());
        let (frame, first) = (&SENT[number], number as u64 * ALL);
        let index = input.below(SEGMENTS[number]);
        match input.below(8) {
            0 => {
                now += u64::from(input.byte()) * GAP / 64;
                assembler.expire(now, &mut taken);
                assert!(assembler.deadline().is_none_or(|deadline| deadline > now));
            }
            1 => assembler.pass(id(first), &mut taken),
            2 => forged(&mut assembler, frame, (first, index), now, input),
            3 => contradicts(&mut assembler, frame, (first, index), now, input, &mut taken),
            // The replay window lets none through twice.
            _ if opened.insert((number, index)) => {
                let arriving = arriving(frame.part(index), frame.plaintext(index).len(), now);
                arrives(&mut assembler, id(first), arriving, &frame.plaintext(index), &mut taken).expect("it fits");
            }
            _ => {}
        }
    }
    assembler.expire(now + GAP, &mut taken);
    assert!(assembler.deadline().is_none());
    came_out(&taken, opened);
}

fn arriving(part: Part, plaintext: usize, at: Nanos) -> Arriving {
    Arriving { at, part, plaintext, mark: 0 }
}

/// As the receiving thread does it.
fn arrives(
    assembler: &mut Assembler,
    id: FrameId,
    arriving: Arriving,
    plaintext: &[u8],
    taken: &mut Taken,
) -> Result<(), Drop> {
    let Some(slot) = assembler.find(id) else { return assembler.begin(id, arriving, plaintext, taken) };
    slot.open(arriving, |out| {
        out.copy_from_slice(plaintext);
        Ok(())
    })?;
    assembler.settle(id, arriving.part.index, taken);
    Ok(())
}

/// What doesn't open has been written by then.
fn forged(assembler: &mut Assembler, frame: &Sent, (first, index): (u64, usize), now: Nanos, input: &mut Input) {
    let (part, byte) = (frame.part(index), input.byte());
    let arriving = arriving(part, frame.plaintext(index).len(), now);
    if let Some(slot) = assembler.find(id(first)) {
        let opened = slot.open(arriving, |out| {
            out.fill(byte);
            Err(Drop::Forged)
        });
        assert!(opened.is_err());
    }
}

/// A member's own datagram that doesn't belong: to a frame that has begun, or to one that's none of the honest.
fn contradicts(
    assembler: &mut Assembler,
    frame: &Sent,
    (first, index): (u64, usize),
    now: Nanos,
    input: &mut Input,
    taken: &mut Taken,
) {
    let begun = assembler.find(id(first)).is_some();
    let (frame, id) = if begun { (frame, id(first)) } else { (&*HOSTILE, FrameId { lane: 1, ..id(first) }) };
    let index = index % frame.layout.count();
    let mut plaintext = frame.plaintext(index);
    let mut part = frame.part(index);
    match input.below(5) {
        0 => part.count = part.count.wrapping_add(1 + input.byte() % 255),
        1 => part.total = part.total.wrapping_add(1 + input.short() % u16::MAX),
        2 => part.index = part.count.saturating_add(input.byte() % 8),
        3 => change(&mut plaintext, frame, input),
        _ => plaintext.truncate(input.below(plaintext.len())),
    }
    let refused = arrives(assembler, id, arriving(part, plaintext.len(), now), &plaintext, taken);
    assert!(refused.is_err() || !begun, "what contradicts the first part is refused");
}

/// Another byte in the offload fields or the headers, but for the MACs.
fn change(plaintext: &mut [u8], frame: &Sent, input: &mut Input) {
    let at = input.below(OFFLOAD + frame.layout.headers - ETHERNET);
    let at = if at < OFFLOAD { at } else { at + ETHERNET };
    plaintext[at] ^= 1 + input.byte() % 255;
}

/// Of the honest frames: every payload byte tells where it belongs.
fn came_out(taken: &Taken, opened: HashSet<(usize, usize)>) {
    let mut out = Vec::new();
    for (frame, offload) in taken.0.iter().filter(|(frame, _)| frame[SOURCE] != HOSTILE_NUMBER) {
        let number = usize::from(frame[SOURCE]);
        let Layout { headers, transport, .. } = SENT[number].layout;
        let sequence: [u8; 4] = frame[transport.l4 + 4..transport.l4 + 8].try_into().expect("four bytes");
        let start = u32::from_be_bytes(sequence).wrapping_sub(SEQUENCE) as usize;
        let payload = &frame[headers..];
        assert_eq!(payload, &SENT[number].frame[headers + start..headers + start + payload.len()]);
        assert!(offload.wants_checksum() && start.is_multiple_of(SEGMENT));
        out.extend((start / SEGMENT..(start + payload.len()).div_ceil(SEGMENT)).map(|index| (number, index)));
    }
    let mut expected: Vec<_> = opened.into_iter().collect();
    expected.sort_unstable();
    out.sort_unstable();
    assert_eq!(out, expected);
}
