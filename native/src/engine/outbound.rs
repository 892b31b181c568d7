//! A frame of our interface on its way to peers: cut, sealed, put into the batch.
use super::Shared;
use super::events::Event;
use super::peer::{Path, Peer, Session};
use super::relay::Hop;
use super::sender::Sender;
use crate::clock::Nanos;
use crate::counters::Drop;
use crate::cut::{Cut, SURE_DATAGRAM};
use crate::frame::congestion;
use crate::frame::layout::{Layout, MAX_SEGMENTS};
use crate::frame::mss;
use crate::frame::offload::{Shape, complete, shape};
use crate::frame::run::{Headers, with_run};
use crate::packet::{CUT_SEGMENTS, HEADROOM, OVERHEAD, Offload, Part};
use crate::seal::{Lane, Place};

/// A frame as the interface gave it.
pub struct Frame<'a> {
    /// `HEADROOM` bytes, then the frame.
    room: &'a mut [u8],
    offload: Offload,
    shape: Shape,
    mark: u8,
}

impl<'a> Frame<'a> {
    pub fn new(room: &'a mut [u8], offload: Offload) -> Result<Self, Drop> {
        let frame = &mut room[HEADROOM..];
        let mark = congestion::outer(frame);
        let (offload, shape) = match shape(frame, &offload) {
            Ok(shape) => (offload, shape),
            // Not TCP or UDP as we know it: peers get it complete.
            Err(_) if !offload.is_segmented() && complete(frame, &offload) => (Offload::default(), Shape::Complete),
            Err(_) => return Err(Drop::FrameMalformed),
        };
        Ok(Self { room, offload, shape, mark })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.room[HEADROOM..]
    }
}

/// Everything that sending to one peer needs.
struct Outbound<'a> {
    shared: &'a Shared,
    sender: &'a mut Sender,
    session: &'a Session,
    path: &'a Path,
    hop: Hop<'a>,
    lane: Lane,
    /// Bytes of the largest datagram so far.
    largest: usize,
}

/// Seals a frame for a peer and puts it into the batch.
pub fn send(shared: &Shared, sender: &mut Sender, peer: &Peer, frame: &mut Frame, now: Nanos) -> Result<(), Drop> {
    let session = peer.sealing.load();
    let session = session.as_ref().ok_or(Drop::NoSession)?;
    let path = peer.path.load();
    let path = path.as_ref().ok_or(Drop::NoEndpoint)?;
    if now >= session.ends_at {
        return Err(Drop::SessionOver);
    }
    if shared.mss_clamp {
        let partial = frame.offload.wants_checksum();
        mss::clamp(&mut frame.room[HEADROOM..], path.max_datagram.saturating_sub(OVERHEAD), partial);
    }
    let hop = path.hop(frame.mark)?;
    let lane = Lane::frames(sender.queue());
    let mut outbound = Outbound { shared, sender, session, path, hop, lane, largest: 0 };
    outbound.frame(frame, peer.understands_offload())?;
    if outbound.largest > SURE_DATAGRAM && peer.is_bulk_due(now) {
        shared.push(Event::Bulk { at: now, peer: peer.handle });
    }
    peer.sent.add(sender.queue(), frame.bytes().len());
    peer.note_sent(now);
    if session.sealer.has_worn(lane) {
        shared.push(Event::SessionWorn { at: now, peer: peer.handle, local_index: session.local_index });
    }
    Ok(())
}

impl Outbound<'_> {
    fn frame(&mut self, frame: &mut Frame, understood: bool) -> Result<(), Drop> {
        match frame.shape {
            Shape::Super(layout) if understood && self.fits(&layout) => self.super_frame(frame, &layout),
            Shape::Super(layout) => self.segments(frame, &layout, understood),
            Shape::Checksum if !understood => {
                // Also for the peers that it still goes to, if it goes to several.
                complete(&mut frame.room[HEADROOM..], &frame.offload);
                (frame.shape, frame.offload) = (Shape::Complete, Offload::default());
                self.plain(frame.bytes(), frame.offload)
            }
            Shape::Checksum | Shape::Complete => self.plain(frame.bytes(), frame.offload),
        }
    }

    /// Whether each segment of a super-frame fits a datagram.
    fn fits(&self, layout: &Layout) -> bool {
        layout.count() <= MAX_SEGMENTS && OVERHEAD + layout.headers + layout.segment <= self.path.max_datagram
    }

    /// A frame as it is, in as few datagrams as it takes.
    fn plain(&mut self, bytes: &[u8], offload: Offload) -> Result<(), Drop> {
        let cut = Cut::plan(bytes.len(), self.path.max_datagram).ok_or(Drop::FrameMalformed)?;
        let first = self.session.sealer.take(self.lane, u64::from(cut.count()));
        for (part, range) in cut.parts() {
            let place = Place { lane: self.lane, counter: first + u64::from(part.index), cut: cut.kind() };
            self.part(place, part, offload, (&[], &bytes[range]))?;
        }
        Ok(())
    }

    /// A super-frame, a segment to a datagram, each with the headers.
    fn super_frame(&mut self, frame: &Frame, layout: &Layout) -> Result<(), Drop> {
        let (bytes, count) = (frame.bytes(), layout.count());
        if count < 2 {
            return self.plain(bytes, frame.offload);
        }
        let total = u16::try_from(bytes.len()).map_err(|_| Drop::FrameMalformed)?;
        let first = self.session.sealer.take(self.lane, count as u64);
        let headers = &bytes[..layout.headers];
        for index in 0..count {
            let part = Part { index: index as u8, count: count as u8, total };
            let place = Place { lane: self.lane, counter: first + index as u64, cut: CUT_SEGMENTS };
            self.part(place, part, frame.offload, (headers, &bytes[layout.payload(&(index..index + 1))]))?;
        }
        Ok(())
    }

    /// A super-frame for a peer that doesn't understand it, or whose path has no room for its segments: a frame of each.
    fn segments(&mut self, frame: &mut Frame, layout: &Layout, understood: bool) -> Result<(), Drop> {
        let mut headers = Headers::default();
        headers.keep(layout, frame.bytes());
        for index in 0..layout.count() {
            with_run(layout, frame.offload, &headers, frame.room, &(index..index + 1), |room, offload| {
                let bytes = &mut room[HEADROOM..];
                if understood {
                    return self.plain(bytes, offload);
                }
                complete(bytes, &offload);
                self.plain(bytes, Offload::default())
            })?;
        }
        Ok(())
    }

    fn part(&mut self, place: Place, part: Part, offload: Offload, bytes: (&[u8], &[u8])) -> Result<(), Drop> {
        let length = bytes.0.len() + bytes.1.len() + OVERHEAD;
        self.largest = self.largest.max(length);
        let out = self.sender.add(self.shared, &self.hop, length).ok_or(Drop::SendFailed)?;
        if self.session.sealer.seal_part(place, part, offload, bytes, out).is_err() {
            self.sender.undo(&self.hop, length);
            return Err(Drop::SendFailed);
        }
        Ok(())
    }
}
