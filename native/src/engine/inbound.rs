//! A peer's datagram on its way to our interface: opened, and put together where it's a part of a frame.
use std::net::IpAddr;
use std::sync::Arc;

use super::Shared;
use super::deliver::Delivery;
use super::events::Event;
use super::local::{Found, Locals};
use super::relay::{Hop, Relay};
use crate::clock::Nanos;
use crate::counters::Drop;
use crate::cut::place;
use crate::frame::assemble::Arriving;
use crate::packet::{CUT_BYTES, CUT_SEGMENTS, CUT_WHOLE, HEADER, HEADROOM, OFFLOAD, Offload, Part, Prefix, TAG};
use crate::rejoin::FrameId;
use crate::way::Way;

/// Where a datagram came from and when.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    pub at: Nanos,
    pub from: Way,
    /// The relay that it came through, if it did.
    pub relay: Option<&'a Arc<Relay>>,
    pub local: Option<IpAddr>,
    /// DSCP and ECN of its outer header.
    pub mark: u8,
    /// The first datagram of its message: what follows came the same way.
    pub first: bool,
}

impl<'a> Arrival<'a> {
    /// The way back.
    pub fn back(&self) -> Result<Hop<'a>, Drop> {
        Hop::on(&self.from, self.relay, self.local, 0)
    }
}

/// Takes a datagram that carries a frame or a part of one.
pub fn take_frame(shared: &Shared, locals: &mut Locals, arrival: Arrival, datagram: &mut [u8]) -> Result<(), Drop> {
    let part = Part::parse(datagram).ok_or(Drop::DatagramMalformed)?;
    let prefix = Prefix::parse(datagram).ok_or(Drop::DatagramMalformed)?;
    let found = find(locals, arrival, prefix)?;
    match prefix.cut {
        CUT_WHOLE => take_whole(shared, found, arrival, (prefix, part), datagram),
        CUT_BYTES => take_piece(shared, found, arrival, (prefix, part), datagram),
        CUT_SEGMENTS => take_segment(shared, found, arrival, (prefix, part), datagram),
        _ => {
            open(shared, found, arrival, (&prefix, HEADER), datagram)?;
            Err(Drop::CutUnsupported)
        }
    }
}

/// The session that a datagram names, if its time isn't over.
pub fn find<'a>(locals: &'a mut Locals, arrival: Arrival, prefix: Prefix) -> Result<Found<'a>, Drop> {
    let found = locals.find(prefix.receiver)?;
    if arrival.at >= found.session.ends_at {
        return Err(Drop::SessionOver);
    }
    Ok(found)
}

/// Opens a datagram in its own buffer, and notes what that says about its peer.
pub fn open<'a, 'd>(
    shared: &Shared,
    mut found: Found<'a>,
    arrival: Arrival,
    (prefix, header): (&Prefix, usize),
    datagram: &'d mut [u8],
) -> Result<(&'d mut [u8], Found<'a>), Drop> {
    let plaintext = found.session.opener.open(found.windows, prefix, header, datagram)?;
    note_heard(shared, &mut found, arrival);
    Ok((plaintext, found))
}

/// A frame that is one datagram.
fn take_whole(
    shared: &Shared,
    found: Found,
    arrival: Arrival,
    (prefix, part): (Prefix, Part),
    datagram: &mut [u8],
) -> Result<(), Drop> {
    let (plaintext, found) = open(shared, found, arrival, (&prefix, HEADER), datagram)?;
    let (offload, bytes) = plaintext.split_first_chunk::<OFFLOAD>().ok_or(Drop::FrameMalformed)?;
    let offload = Offload::parse(offload);
    if part.count != 1 || place(part, bytes.len()).is_none() {
        return Err(Drop::PartMalformed);
    }
    let delivery = Delivery { shared, switch: found.switch, peer: found.peer };
    if let Some(assembler) = found.state.busy_assembler() {
        assembler.pass(id_of(&prefix, &part)?, &mut Delivery { ..delivery });
    }
    // What stood before the frame is opened and read: the interface's own header goes there.
    let frame = HEADER + OFFLOAD;
    let end = datagram.len() - TAG;
    delivery.frame(&mut datagram[frame - HEADROOM..end], offload, arrival.mark)
}

/// A piece of a frame that is larger than the path.
fn take_piece(
    shared: &Shared,
    found: Found,
    arrival: Arrival,
    (prefix, part): (Prefix, Part),
    datagram: &mut [u8],
) -> Result<(), Drop> {
    let (plaintext, found) = open(shared, found, arrival, (&prefix, HEADER), datagram)?;
    let (offload, bytes) = plaintext.split_first_chunk::<OFFLOAD>().ok_or(Drop::FrameMalformed)?;
    let delivery = Delivery { shared, switch: found.switch, peer: found.peer };
    let id = id_of(&prefix, &part)?;
    let whole = found.state.rejoin(arrival.at, (id, part, arrival.mark), bytes, &shared.drops)?;
    let Some((room, mark)) = whole else { return Ok(()) };
    delivery.frame(room, Offload::parse(offload), mark)
}

/// A segment of a super-frame, opened straight to its place once the first of them has told where that is.
fn take_segment(
    shared: &Shared,
    mut found: Found,
    arrival: Arrival,
    (prefix, part): (Prefix, Part),
    datagram: &mut [u8],
) -> Result<(), Drop> {
    let id = id_of(&prefix, &part)?;
    let plaintext = datagram.len().checked_sub(HEADER + TAG).ok_or(Drop::DatagramMalformed)?;
    let arriving = Arriving { at: arrival.at, part, plaintext, mark: arrival.mark };
    if let Some(slot) = found.state.assembler().find(id) {
        let (opener, windows) = (&found.session.opener, &mut *found.windows);
        slot.open(arriving, |out| opener.open_to(windows, &prefix, HEADER, datagram, out))?;
        note_heard(shared, &mut found, arrival);
        let mut delivery = Delivery { shared, switch: found.switch, peer: found.peer };
        found.state.assembler().settle(id, part.index, &mut delivery);
    } else {
        let (plaintext, mut found) = open(shared, found, arrival, (&prefix, HEADER), datagram)?;
        let mut delivery = Delivery { shared, switch: found.switch, peer: found.peer };
        found.state.assembler().begin(id, arriving, plaintext, &mut delivery)?;
        found.note_unfinished();
    }
    Ok(())
}

/// What names the frame that a part belongs to.
fn id_of(prefix: &Prefix, part: &Part) -> Result<FrameId, Drop> {
    let first = prefix.counter.checked_sub(u64::from(part.index)).ok_or(Drop::PartMalformed)?;
    Ok(FrameId { session: prefix.receiver, lane: prefix.lane, first })
}

/// An authenticated datagram of the peer has come.
fn note_heard(shared: &Shared, found: &mut Found, arrival: Arrival) {
    let (session, peer) = (found.session, found.peer);
    if !arrival.first && session.may_seal() {
        return;
    }
    peer.note_heard(arrival.at);
    found.note_message(arrival.at);
    if session.is_first_heard() {
        shared.seal_if_installed(session, peer);
        let (at, from) = (arrival.at, arrival.from);
        shared.push(Event::SessionHeard { at, peer: peer.handle, local_index: session.local_index, from });
    }
    if let Some(path) = peer.path.load().as_ref().filter(|path| path.way == arrival.from) {
        path.learn_source(arrival.local);
    }
    if found.state.may_stray(arrival.at, arrival.from, peer) {
        shared.push(Event::Strayed { at: arrival.at, peer: peer.handle, from: arrival.from });
    }
}
