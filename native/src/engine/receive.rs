//! The thread that carries what arrives: handshakes to the control plane, frames to the interface.
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use arc_swap::Cache;

use super::Shared;
use super::events::Event;
use super::local::{Found, Locals};
use super::peer::Peer;
use super::sender::{Patience, Sender};
use crate::admission::{Admission, Admitted, is_handshake_kind};
use crate::clock::{Nanos, now};
use crate::control;
use crate::counters::Drop;
use crate::cut::place;
use crate::packet::{CUT_BYTES, CUT_WHOLE, HEADER, KIND_CONTROL, KIND_FRAME, OFFLOAD, Offload, PREFIX, Part, Prefix};
use crate::poll::Poller;
use crate::rejoin::FrameId;
use crate::seal::Lane;
use crate::switch::Switch;
use crate::tap::{Device, Tap};
use crate::udp::UdpSocket;
use crate::udp::batch::{Inbox, Incoming};

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
            let ready = poller.wait(None).map_err(|error| format!("waiting for datagrams: {error}"))?;
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
                }
            }
            self.locals.follow(tables.load());
        }
        Ok(())
    }

    fn take_batch(&mut self, inbox: &mut Inbox) {
        let at = now();
        for place in 0..inbox.len() {
            let Some((Incoming { from, local, .. }, datagram)) = inbox.get(place) else { break };
            if let Err(reason) = self.take(Arrival { at, from, local }, datagram) {
                self.shared.drops.count(reason);
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
            _ => Err(Drop::UnknownKind),
        }
    }

    fn take_handshake(&mut self, arrival: Arrival, datagram: &[u8]) -> Result<(), Drop> {
        match self.admission.admit(arrival.at, arrival.from, datagram) {
            Admitted::Pass { proven } => {
                let (at, from, datagram) = (arrival.at, arrival.from, datagram.to_vec());
                self.shared.push(Event::Datagram { at, from, datagram, proven });
                Ok(())
            }
            Admitted::Answer(cookie) => {
                self.sender.send(&self.shared, arrival.from, arrival.local, &cookie);
                Err(Drop::HandshakeCookie)
            }
            Admitted::Refused(reason) => Err(reason),
        }
    }

    fn take_frame(&mut self, arrival: Arrival, datagram: &mut [u8]) -> Result<(), Drop> {
        let part = Part::parse(datagram).ok_or(Drop::DatagramMalformed)?;
        let Opened { prefix, plaintext, found } = open(&self.shared, &mut self.locals, arrival, HEADER, datagram)?;
        let (offload, bytes) = plaintext.split_first_chunk::<OFFLOAD>().ok_or(Drop::FrameMalformed)?;
        let offload = Offload::parse(offload);
        let frame = match prefix.cut {
            CUT_WHOLE if part.count == 1 => place(part, bytes.len()).map(|_| bytes).ok_or(Drop::PartMalformed)?,
            CUT_WHOLE => return Err(Drop::PartMalformed),
            CUT_BYTES => {
                let first = prefix.counter.checked_sub(u64::from(part.index)).ok_or(Drop::PartMalformed)?;
                let id = FrameId { session: prefix.receiver, lane: prefix.lane, first };
                match found.state.rejoin(arrival.at, id, part, bytes, &self.shared.drops)? {
                    Some(frame) => frame,
                    None => return Ok(()),
                }
            }
            _ => return Err(Drop::CutUnsupported),
        };
        deliver(&self.shared, found.switch, found.peer, frame, offload)
    }

    fn take_control(&mut self, arrival: Arrival, datagram: &mut [u8]) -> Result<(), Drop> {
        let Opened { plaintext, found, .. } = open(&self.shared, &mut self.locals, arrival, PREFIX, datagram)?;
        let messages = control::parse(plaintext).ok_or(Drop::ControlMalformed)?;
        if !found.state.may_control(arrival.at) {
            return Err(Drop::ControlBudget);
        }
        if !messages.challenges.is_empty() {
            let answer = control::answer(&messages.challenges, arrival.from);
            let datagram = found.session.sealer.seal_control(Lane::Answers, &answer).map_err(|_| Drop::SendFailed)?;
            self.sender.send(&self.shared, arrival.from, arrival.local, &datagram);
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

struct Opened<'a, 'd> {
    prefix: Prefix,
    plaintext: &'d [u8],
    found: Found<'a>,
}

/// Opens a datagram of a session, and notes what that says about its peer.
fn open<'a, 'd>(
    shared: &Shared,
    locals: &'a mut Locals,
    arrival: Arrival,
    header: usize,
    datagram: &'d mut [u8],
) -> Result<Opened<'a, 'd>, Drop> {
    let prefix = Prefix::parse(datagram).ok_or(Drop::DatagramMalformed)?;
    let found = locals.find(prefix.receiver)?;
    if arrival.at >= found.session.ends_at {
        return Err(Drop::SessionOver);
    }
    let plaintext = found.session.opener.open(found.windows, &prefix, header, datagram)?;
    note_heard(shared, &found, arrival);
    if found.state.may_stray(arrival.at, arrival.from, found.peer) {
        shared.push(Event::Strayed { at: arrival.at, peer: found.peer.handle, from: arrival.from });
    }
    Ok(Opened { prefix, plaintext, found })
}

/// An authenticated datagram of the peer has come.
fn note_heard(shared: &Shared, found: &Found, arrival: Arrival) {
    let (session, peer) = (found.session, found.peer);
    peer.note_heard(arrival.at);
    if session.is_first_heard() {
        shared.seal_if_installed(session, peer);
        let (at, from) = (arrival.at, arrival.from);
        shared.push(Event::SessionHeard { at, peer: peer.handle, local_index: session.local_index, from });
    }
    if let Some(path) = peer.path.load().as_ref().filter(|path| path.endpoint == arrival.from) {
        path.learn_source(arrival.local);
    }
}

/// Hands a peer's frame to the interface, if the peer may send it.
fn deliver(
    shared: &Shared,
    switch: &Switch<Arc<Peer>>,
    peer: &Arc<Peer>,
    frame: &[u8],
    offload: Offload,
) -> Result<(), Drop> {
    if !offload.is_complete() {
        return Err(Drop::OffloadUnsupported);
    }
    switch.inbound(peer, frame)?;
    match shared.tap.write(frame, offload) {
        Ok(()) => {
            peer.received.add(frame.len());
            Ok(())
        }
        Err(error) if Device::is_full(&error) => Err(Drop::TapFull),
        Err(_) => Err(Drop::TapDown),
    }
}
