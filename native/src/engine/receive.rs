//! The thread that carries what arrives: handshakes to the control plane, frames to the interface.
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use arc_swap::Cache;

use super::Shared;
use super::deliver::Delivery;
use super::events::Event;
use super::local::{Found, Locals};
use super::sender::{Patience, Sender};
use crate::admission::{Admission, Admitted, DHT_REPLY, is_handshake_kind};
use crate::clock::{Nanos, now};
use crate::control;
use crate::counters::Drop;
use crate::cut::place;
use crate::frame::assemble::Arriving;
use crate::packet::{
    CUT_BYTES, CUT_SEGMENTS, CUT_WHOLE, HEADER, HEADROOM, KIND_CONTROL, KIND_FRAME, OFFLOAD, Offload, PREFIX, Part,
    Prefix, TAG,
};
use crate::poll::Poller;
use crate::rejoin::FrameId;
use crate::seal::Lane;
use crate::udp::UdpSocket;
use crate::udp::batch::{Inbox, Incoming, Route};

const WAKER: usize = 0;
const V4: usize = 1;
const V6: usize = 2;

/// Batches taken from one socket before the other one has its turn.
const TURN: usize = 8;

pub struct Receiver {
    shared: Arc<Shared>,
    sender: Sender,
    admission: Admission,
    locals: Locals,
}

/// Where a datagram came from and when.
#[derive(Clone, Copy)]
struct Arrival {
    at: Nanos,
    from: SocketAddr,
    local: Option<IpAddr>,
    /// DSCP and ECN of its outer header.
    mark: u8,
    /// The first datagram of its message: what follows came the same way.
    first: bool,
}

impl Arrival {
    fn back(&self) -> Route {
        Route { to: self.from, source: self.local, mark: 0 }
    }
}

impl Receiver {
    pub fn new(shared: Arc<Shared>, admission: Admission) -> Self {
        let sender = Sender::new(Patience::None);
        let locals = Locals::new(&shared.tables.load_full());
        Self { shared, sender, admission, locals }
    }

    /// Runs until the device is told to stop. An error means that it can't go on.
    pub fn run(&mut self) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        let mut watched = vec![shared.receive_waker.as_fd(), shared.sockets.v4.as_fd()];
        watched.extend(shared.sockets.v6.as_ref().map(AsFd::as_fd));
        let poller = Poller::new(&watched).map_err(|error| format!("watching the sockets: {error}"))?;
        let mut tables = Cache::new(&shared.tables);
        let mut inbox = Inbox::default();
        while !shared.is_stopping() {
            let left = self.locals.deadline().map(|at| at.saturating_sub(now()));
            let ready = poller.wait(left).map_err(|error| format!("waiting for datagrams: {error}"))?;
            if ready.has(WAKER) {
                shared.receive_waker.clear();
            }
            for (place, socket) in [(V4, Some(&shared.sockets.v4)), (V6, shared.sockets.v6.as_ref())] {
                let Some(socket) = socket.filter(|_| ready.has(place)) else { continue };
                for _ in 0..TURN {
                    if !receive(socket, &mut inbox) {
                        break;
                    }
                    // After receiving: a session that was installed before its first datagram was sent is found.
                    self.locals.follow(tables.load());
                    self.take_batch(&mut inbox);
                    if !inbox.is_full() {
                        break;
                    }
                    inbox.plan();
                }
                inbox.plan();
            }
            self.locals.follow(tables.load());
            self.locals.expire(&shared, now());
        }
        Ok(())
    }

    fn take_batch(&mut self, inbox: &mut Inbox) {
        let at = now();
        for place in 0..inbox.len() {
            let Some((incoming, message)) = inbox.get(place) else { break };
            let Incoming { from, local, mark, segment, .. } = incoming;
            for (index, datagram) in message.chunks_mut(segment).enumerate() {
                if let Err(reason) = self.take(Arrival { at, from, local, mark, first: index == 0 }, datagram) {
                    self.shared.drops.count(reason);
                }
            }
            if message_is_empty(&incoming) {
                self.shared.drops.count(Drop::DatagramMalformed);
            }
        }
        self.sender.flush(&self.shared);
    }

    fn take(&mut self, arrival: Arrival, datagram: &mut [u8]) -> Result<(), Drop> {
        let kind = *datagram.first().ok_or(Drop::DatagramMalformed)?;
        if arrival.from.port() == 0 {
            return Err(Drop::DatagramMalformed);
        }
        match kind {
            KIND_FRAME => self.take_frame(arrival, datagram),
            KIND_CONTROL => self.take_control(arrival, datagram),
            kind if is_handshake_kind(kind) => self.take_handshake(arrival, datagram),
            DHT_REPLY => self.take_dht_reply(arrival, datagram),
            _ => Err(Drop::UnknownKind),
        }
    }

    fn take_dht_reply(&mut self, arrival: Arrival, datagram: &[u8]) -> Result<(), Drop> {
        self.admission.admit_dht_reply(arrival.at, datagram)?;
        let (at, from, datagram) = (arrival.at, arrival.from, datagram.to_vec());
        self.shared.push(Event::Datagram { at, from, datagram, proven: false });
        Ok(())
    }

    fn take_handshake(&mut self, arrival: Arrival, datagram: &[u8]) -> Result<(), Drop> {
        match self.admission.admit(arrival.at, arrival.from, datagram) {
            Admitted::Pass { proven } => {
                let (at, from, datagram) = (arrival.at, arrival.from, datagram.to_vec());
                self.shared.push(Event::Datagram { at, from, datagram, proven });
                Ok(())
            }
            Admitted::Answer(cookie) => {
                self.sender.send(&self.shared, arrival.back(), &cookie);
                Err(Drop::HandshakeCookie)
            }
            Admitted::Refused(reason) => Err(reason),
        }
    }

    fn take_frame(&mut self, arrival: Arrival, datagram: &mut [u8]) -> Result<(), Drop> {
        let part = Part::parse(datagram).ok_or(Drop::DatagramMalformed)?;
        let prefix = Prefix::parse(datagram).ok_or(Drop::DatagramMalformed)?;
        let found = find(&mut self.locals, arrival, prefix)?;
        match prefix.cut {
            CUT_WHOLE => take_whole(&self.shared, found, arrival, (prefix, part), datagram),
            CUT_BYTES => take_piece(&self.shared, found, arrival, (prefix, part), datagram),
            CUT_SEGMENTS => take_segment(&self.shared, found, arrival, (prefix, part), datagram),
            _ => {
                open(&self.shared, found, arrival, (&prefix, HEADER), datagram)?;
                Err(Drop::CutUnsupported)
            }
        }
    }

    fn take_control(&mut self, arrival: Arrival, datagram: &mut [u8]) -> Result<(), Drop> {
        let prefix = Prefix::parse(datagram).ok_or(Drop::DatagramMalformed)?;
        let found = find(&mut self.locals, arrival, prefix)?;
        let (plaintext, found) = open(&self.shared, found, arrival, (&prefix, PREFIX), datagram)?;
        let messages = control::parse(plaintext).ok_or(Drop::ControlMalformed)?;
        if !found.state.may_control(arrival.at) {
            return Err(Drop::ControlBudget);
        }
        if !messages.challenges.is_empty() {
            let answer = control::answer(&messages.challenges, arrival.from);
            let datagram = found.session.sealer.seal_control(Lane::Answers, &answer).map_err(|_| Drop::SendFailed)?;
            self.sender.send(&self.shared, arrival.back(), &datagram);
        }
        if !messages.others.is_empty() {
            let (at, from, messages) = (arrival.at, arrival.from, messages.others);
            let (peer, local_index) = (found.peer.handle, found.session.local_index);
            self.shared.push(Event::Control { at, peer, local_index, from, messages });
        }
        Ok(())
    }
}

/// False when there is nothing, or an ICMP error or too little memory, which say nothing about the socket.
fn receive(socket: &impl UdpSocket, inbox: &mut Inbox) -> bool {
    socket.receive(inbox).is_ok() && !inbox.is_empty()
}

/// A message without bytes holds no datagram that could be looked at.
fn message_is_empty(incoming: &Incoming) -> bool {
    incoming.length == 0
}

/// The session that a datagram names, if its time isn't over.
fn find(locals: &mut Locals, arrival: Arrival, prefix: Prefix) -> Result<Found<'_>, Drop> {
    let found = locals.find(prefix.receiver)?;
    if arrival.at >= found.session.ends_at {
        return Err(Drop::SessionOver);
    }
    Ok(found)
}

/// Opens a datagram in its own buffer, and notes what that says about its peer.
fn open<'a, 'd>(
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
    if session.is_first_heard() {
        shared.seal_if_installed(session, peer);
        let (at, from) = (arrival.at, arrival.from);
        shared.push(Event::SessionHeard { at, peer: peer.handle, local_index: session.local_index, from });
    }
    if let Some(path) = peer.path.load().as_ref().filter(|path| path.endpoint == arrival.from) {
        path.learn_source(arrival.local);
    }
    if found.state.may_stray(arrival.at, arrival.from, peer) {
        shared.push(Event::Strayed { at: arrival.at, peer: peer.handle, from: arrival.from });
    }
}
