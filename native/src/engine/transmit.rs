//! The thread that carries frames from the interface to peers, and keeps the deadlines.
use std::os::fd::AsFd;
use std::sync::Arc;

use arc_swap::Cache;

use super::Shared;
use super::events::Event;
use super::peer::Peer;
use super::sender::{Patience, Sender};
use super::tables::Tables;
use super::timers::Timers;
use crate::clock::{Nanos, now};
use crate::counters::Drop;
use crate::cut::Cut;
use crate::packet::{MAX_FRAME, OVERHEAD, Offload};
use crate::poll::Poller;
use crate::seal::{Lane, Place};
use crate::switch::Outbound;
use crate::tap::{Device, Tap};

/// Frames that are read before the deadlines and the stop signal are looked at again.
const TURN: usize = 256;
/// How long frames wait for room in the socket's buffer, in ms.
const PATIENCE: i32 = 20;

const TAP: usize = 0;
const WAKER: usize = 1;

pub struct Transmitter {
    shared: Arc<Shared>,
    sender: Sender,
    timers: Timers,
    buffer: Box<[u8]>,
}

impl Transmitter {
    pub fn new(shared: Arc<Shared>) -> Self {
        let sender = Sender::new(Patience::Wait(PATIENCE));
        // One byte more than the longest frame, so that a longer one is seen to be too long.
        Self { shared, sender, timers: Timers::default(), buffer: vec![0; MAX_FRAME + 1].into_boxed_slice() }
    }

    /// Runs until the device is told to stop. An error means that it can't go on.
    pub fn run(&mut self) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        let poller = Poller::new(&[shared.tap.as_fd(), shared.transmit_waker.as_fd()])
            .map_err(|error| format!("watching the interface: {error}"))?;
        let mut tables = Cache::new(&shared.tables);
        while !shared.is_stopping() {
            let left = self.timers.next().map(|at| at.saturating_sub(now()));
            let ready = poller.wait(left).map_err(|error| format!("waiting for the interface: {error}"))?;
            let tables = tables.load();
            if ready.has(WAKER) {
                shared.transmit_waker.clear();
                self.timers.look_again(tables);
            }
            if ready.has(TAP) {
                self.carry(tables)?;
            }
            self.timers.run(&shared, tables, now());
        }
        Ok(())
    }

    /// Reads the interface until it's empty, or a turn is over.
    fn carry(&mut self, tables: &Tables) -> Result<(), String> {
        let now = now();
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut result = Ok(());
        for _ in 0..TURN {
            match self.shared.tap.read(&mut buffer) {
                Ok((length, offload)) => self.forward(tables, &buffer[..length], offload, now),
                Err(error) if Device::is_gone(&error) => {
                    result = Err(format!("reading the interface: {error}"));
                    break;
                }
                Err(_) => break,
            }
        }
        self.sender.flush(&self.shared);
        self.timers.sent(now);
        self.buffer = buffer;
        result
    }

    fn forward(&mut self, tables: &Tables, frame: &[u8], offload: Offload, now: Nanos) {
        let sent = match tables.switch.outbound(frame) {
            Outbound::Refused(reason) => Err(reason),
            Outbound::To(peer) => self.send(peer, frame, offload, now),
            Outbound::Flood => {
                self.flood(tables, frame, offload, now);
                Ok(())
            }
        };
        if let Err(reason) = sent {
            self.shared.drops.count(reason);
        }
    }

    /// To all that are connected; it's no loss that the others get nothing.
    fn flood(&mut self, tables: &Tables, frame: &[u8], offload: Offload, now: Nanos) {
        for peer in tables.peers.values() {
            match self.send(peer, frame, offload, now) {
                Ok(()) | Err(Drop::NoSession | Drop::NoEndpoint) => {}
                Err(reason) => self.shared.drops.count(reason),
            }
        }
    }

    fn send(&mut self, peer: &Peer, frame: &[u8], offload: Offload, now: Nanos) -> Result<(), Drop> {
        let session = peer.sealing.load();
        let session = session.as_ref().ok_or(Drop::NoSession)?;
        let path = peer.path.load();
        let path = path.as_ref().ok_or(Drop::NoEndpoint)?;
        if now >= session.ends_at {
            return Err(Drop::SessionOver);
        }
        let cut = Cut::plan(frame.len(), path.max_datagram).ok_or(Drop::FrameMalformed)?;
        let source = path.source();
        let first = session.sealer.take(Lane::Frames, u64::from(cut.count()));
        for (part, range) in cut.parts() {
            let bytes = &frame[range];
            let place = Place { lane: Lane::Frames, counter: first + u64::from(part.index), cut: cut.kind() };
            let out =
                self.sender.add(&self.shared, path.endpoint, source, bytes.len() + OVERHEAD).ok_or(Drop::SendFailed)?;
            if session.sealer.seal_part(place, part, offload, bytes, out).is_err() {
                self.sender.undo();
                return Err(Drop::SendFailed);
            }
        }
        peer.sent.add(frame.len());
        peer.note_sent(now);
        if session.sealer.has_worn() {
            self.shared.push(Event::SessionWorn { at: now, peer: peer.handle, local_index: session.local_index });
        }
        Ok(())
    }
}
