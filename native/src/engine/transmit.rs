//! From the interface to peers, and the deadlines: whoever of a queue's threads carries does this.
use std::os::fd::AsFd;

use arc_swap::Cache;

use super::Shared;
use super::outbound::{Frame, send};
use super::queue::{Load, Side, TAP, WAKER};
use super::sender::{Patience, Sender};
use super::tables::Tables;
use super::timers::Timers;
use crate::clock::{Nanos, now};
use crate::counters::Drop;
use crate::packet::{HEADROOM, MAX_FRAME, Offload};
use crate::switch::Outbound;
use crate::tap::{Device, Tap};

/// Frames that are read before the deadlines and the stop signal are looked at again.
pub const TURN: usize = 256;
/// How long frames wait for room in the socket's buffer, in ms.
const PATIENCE: i32 = 20;
/// Bytes of datagrams that are worth a system call: what waits is sent then, though there may be more frames.
const WORTHWHILE: usize = 32 * 1_024;

/// The transmitting thread: carries while there's much to do. Runs until the device is told to stop; an error means that it
/// can't go on.
pub fn run(shared: &Shared) -> Result<(), String> {
    let queue = &shared.queue;
    let mut tables = Cache::new(&shared.tables);
    while !shared.is_stopping() {
        let left = queue.carrier(Side::Transmit).and_then(|carrier| carrier.time_left());
        let ready = queue.wait(Side::Transmit, left).map_err(|error| format!("waiting for the interface: {error}"))?;
        let Some(mut carrier) = queue.carrier(Side::Transmit) else { continue };
        let tables = tables.load();
        let load = if ready.has(TAP) { carrier.carry(shared, tables, TURN)? } else { Load::default() };
        carrier.keep_deadlines(shared, tables, ready.has(WAKER));
        drop(carrier);
        queue.end_turn(Side::Transmit, load, shared.tap.as_fd());
    }
    Ok(())
}

/// What carrying needs.
pub struct Carrier {
    sender: Sender,
    timers: Timers,
    buffer: Box<[u8]>,
}

impl Default for Carrier {
    fn default() -> Self {
        // One byte more than the longest frame, so that a longer one is seen to be too long.
        let buffer = vec![0; HEADROOM + MAX_FRAME + 1].into_boxed_slice();
        Self { sender: Sender::new(Patience::Wait(PATIENCE)), timers: Timers::default(), buffer }
    }
}

impl Carrier {
    /// Until the next deadline.
    pub fn time_left(&self) -> Option<Nanos> {
        self.timers.next().map(|at| at.saturating_sub(now()))
    }

    /// `changed`: the control plane has changed something.
    pub fn keep_deadlines(&mut self, shared: &Shared, tables: &Tables, changed: bool) {
        if changed {
            self.timers.look_again(tables);
        }
        self.timers.run(shared, tables, now());
    }

    /// Reads the interface until it's empty, or has given as many frames as it may.
    pub fn carry(&mut self, shared: &Shared, tables: &Tables, most: usize) -> Result<Load, String> {
        let now = now();
        let mut load = Load::default();
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut result = Ok(());
        for frame in 0..most {
            match shared.tap.read(&mut buffer) {
                Ok((length, offload)) => {
                    load.add(length);
                    self.forward(shared, tables, (&mut buffer[..HEADROOM + length], offload), now);
                    // The first of few is most likely alone: whether there's another is asked when it's on its way.
                    if self.sender.waiting() >= WORTHWHILE || (frame == 0 && most < TURN) {
                        self.sender.flush(shared);
                    }
                }
                Err(error) if Device::is_gone(&error) => {
                    result = Err(format!("reading the interface: {error}"));
                    break;
                }
                Err(_) => break,
            }
        }
        self.sender.flush(shared);
        if !load.is_none() {
            self.timers.sent(now);
        }
        self.buffer = buffer;
        result.map(|()| load)
    }

    fn forward(&mut self, shared: &Shared, tables: &Tables, (room, offload): (&mut [u8], Offload), now: Nanos) {
        let sent = match tables.switch.outbound(&room[HEADROOM..]) {
            Outbound::Refused(reason) => Err(reason),
            Outbound::To(peer) => {
                Frame::new(room, offload).and_then(|mut frame| send(shared, &mut self.sender, peer, &mut frame, now))
            }
            Outbound::Flood => Frame::new(room, offload).map(|mut frame| self.flood(shared, tables, &mut frame, now)),
        };
        if let Err(reason) = sent {
            shared.drops.count(reason);
        }
    }

    /// To all that are connected; it's no loss that the others get nothing.
    fn flood(&mut self, shared: &Shared, tables: &Tables, frame: &mut Frame, now: Nanos) {
        for peer in tables.peers.values() {
            match send(shared, &mut self.sender, peer, frame, now) {
                Ok(()) | Err(Drop::NoSession | Drop::NoEndpoint) => {}
                Err(reason) => shared.drops.count(reason),
            }
        }
    }
}
