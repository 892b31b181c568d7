//! The thread that carries frames from the interface to peers, and keeps the deadlines.
use std::os::fd::AsFd;
use std::sync::Arc;

use arc_swap::Cache;

use super::Shared;
use super::outbound::{Frame, send};
use super::sender::{Patience, Sender};
use super::tables::Tables;
use super::timers::Timers;
use crate::clock::{Nanos, now};
use crate::counters::Drop;
use crate::packet::{HEADROOM, MAX_FRAME, Offload};
use crate::poll::Poller;
use crate::switch::Outbound;
use crate::tap::{Device, Tap};

/// Frames that are read before the deadlines and the stop signal are looked at again.
const TURN: usize = 256;
/// How long frames wait for room in the socket's buffer, in ms.
const PATIENCE: i32 = 20;
/// Bytes of datagrams that are worth a system call: what waits is sent then, though there may be more frames.
const WORTHWHILE: usize = 32 * 1_024;

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
        Self { shared, sender, timers: Timers::default(), buffer: vec![0; HEADROOM + MAX_FRAME + 1].into_boxed_slice() }
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
                Ok((length, offload)) => {
                    self.forward(tables, &mut buffer[..HEADROOM + length], offload, now);
                    if self.sender.waiting() >= WORTHWHILE {
                        self.sender.flush(&self.shared);
                    }
                }
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

    fn forward(&mut self, tables: &Tables, room: &mut [u8], offload: Offload, now: Nanos) {
        let sent = match tables.switch.outbound(&room[HEADROOM..]) {
            Outbound::Refused(reason) => Err(reason),
            Outbound::To(peer) => Frame::new(room, offload)
                .and_then(|mut frame| send(&self.shared, &mut self.sender, peer, &mut frame, now)),
            Outbound::Flood => Frame::new(room, offload).map(|mut frame| self.flood(tables, &mut frame, now)),
        };
        if let Err(reason) = sent {
            self.shared.drops.count(reason);
        }
    }

    /// To all that are connected; it's no loss that the others get nothing.
    fn flood(&mut self, tables: &Tables, frame: &mut Frame, now: Nanos) {
        for peer in tables.peers.values() {
            match send(&self.shared, &mut self.sender, peer, frame, now) {
                Ok(()) | Err(Drop::NoSession | Drop::NoEndpoint) => {}
                Err(reason) => self.shared.drops.count(reason),
            }
        }
    }
}
