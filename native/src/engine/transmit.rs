//! From the interface to peers, and the deadlines: whoever of a queue's threads carries does this.
use arc_swap::Cache;

use super::Shared;
use super::behind::{FLOODS, flood_cost};
use super::outbound::{Frame, send};
use super::peer::Peer;
use super::queue::{Load, Side, TAP, WAKER};
use super::sender::{Patience, Sender};
use super::tables::Tables;
use super::timers::Timers;
use crate::clock::{Nanos, now};
use crate::counters::Drop;
use crate::packet::{HEADROOM, MAX_FRAME, Mac, Offload, addresses, is_group};
use crate::switch::Outbound;
use crate::switch::learned::Place;
use crate::tap::{Device, Tap};

/// Frames that are read before the deadlines and the stop signal are looked at again.
pub const TURN: usize = 256;
/// How long frames wait for room in the socket's buffer, in ms.
const PATIENCE: i32 = 20;
/// Bytes of datagrams that are worth a system call: what waits is sent then, though there may be more frames.
const WORTHWHILE: usize = 32 * 1_024;

/// The transmitting thread: carries while there's much to do. Runs until the device is told to stop; an error means that it
/// can't go on.
pub fn run(shared: &Shared, number: usize) -> Result<(), String> {
    let queue = &shared.queues[number];
    let mut tables = Cache::new(&shared.tables);
    while !shared.is_stopping() {
        let left = queue.carrier(Side::Transmit).and_then(|carrier| carrier.time_left());
        let ready = queue.wait(Side::Transmit, left).map_err(|error| format!("waiting for the interface: {error}"))?;
        let Some(mut carrier) = queue.carrier(Side::Transmit) else { continue };
        let tables = tables.load();
        let load = if ready.has(TAP) { carrier.carry(shared, tables, TURN)? } else { Load::default() };
        carrier.keep_deadlines(shared, tables, ready.has(WAKER));
        drop(carrier);
        queue.end_turn(Side::Transmit, load, &shared.tap);
    }
    Ok(())
}

/// What carrying needs.
pub struct Carrier {
    sender: Sender,
    timers: Timers,
    buffer: Box<[u8]>,
}

impl Carrier {
    pub fn new(queue: usize) -> Self {
        // One byte more than the longest frame, so that a longer one is seen to be too long.
        let buffer = vec![0; HEADROOM + MAX_FRAME + 1].into_boxed_slice();
        Self { sender: Sender::new(queue, Patience::Wait(PATIENCE)), timers: Timers::default(), buffer }
    }

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
            match shared.tap.read(self.sender.queue(), &mut buffer) {
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
        let sent = target(shared, tables, &room[HEADROOM..], now).and_then(|target| {
            let mut frame = Frame::new(room, offload)?;
            match target {
                Some(peer) => send(shared, &mut self.sender, peer, &mut frame, now),
                None => self.flood(shared, tables, &mut frame, now),
            }
        });
        if let Err(reason) = sent {
            shared.drops.count(reason);
        }
    }

    /// To all that are connected; it's no loss that the others get nothing.
    fn flood(&mut self, shared: &Shared, tables: &Tables, frame: &mut Frame, now: Nanos) -> Result<(), Drop> {
        if !shared.floods.take_some(now, FLOODS, flood_cost(frame.bytes().len())) {
            return Err(Drop::BroadcastLimited);
        }
        for peer in tables.peers.values() {
            match send(shared, &mut self.sender, peer, frame, now) {
                Ok(()) | Err(Drop::NoSession | Drop::NoEndpoint) => {}
                Err(reason) => shared.drops.count(reason),
            }
        }
        Ok(())
    }
}

/// The peer that a frame of our interface goes to; None for all of them.
fn target<'a>(shared: &Shared, tables: &'a Tables, frame: &[u8], now: Nanos) -> Result<Option<&'a Peer>, Drop> {
    let (destination, source) = addresses(frame).ok_or(Drop::FrameMalformed)?;
    if shared.bridge && !tables.switch.is_own(&source) && !is_group(&source) {
        shared.behind.note(&source, Place::Here, now)?;
    }
    match tables.switch.outbound(frame) {
        Outbound::Refused(reason) => Err(reason),
        Outbound::To(peer) => Ok(Some(peer)),
        Outbound::Flood if is_group(&destination) => Ok(None),
        Outbound::Flood => behind(shared, tables, &destination, now),
    }
}

/// The peer behind which a MAC is that nobody has recorded; None if that isn't known.
fn behind<'a>(shared: &Shared, tables: &'a Tables, mac: &Mac, now: Nanos) -> Result<Option<&'a Peer>, Drop> {
    match shared.behind.find(mac, now) {
        Some(Place::Here) => Err(Drop::NotForUs),
        Some(Place::Peer(handle)) => Ok(tables.peers.get(&handle).map(|peer| &**peer)),
        None => Ok(None),
    }
}
