//! A peer's frame on its way to our interface: may the peer send it, does it hold together, what is left to do for it.
use std::sync::Arc;

use super::Shared;
use super::behind::{FLOODS, flood_cost};
use super::peer::Peer;
use crate::clock::now;
use crate::counters::Drop;
use crate::frame::assemble::Sink;
use crate::frame::congestion;
use crate::frame::headers::is_router_advertisement;
use crate::frame::layout::Layout;
use crate::frame::mss;
use crate::frame::offload::{Shape, each_complete, for_interface, shape};
use crate::packet::{HEADROOM, OVERHEAD, Offload, addresses};
use crate::switch::learned::Place;
use crate::switch::{Destination, Inbound, Switch};
use crate::tap::{Device, Tap};

pub struct Delivery<'a> {
    pub shared: &'a Shared,
    pub switch: &'a Switch<Arc<Peer>>,
    pub peer: &'a Arc<Peer>,
    /// Of the interface, to write to.
    pub queue: usize,
}

impl Sink for Delivery<'_> {
    fn take(&mut self, room: &mut [u8], offload: Offload, mark: u8) {
        if let Err(reason) = self.frame(room, offload, mark) {
            self.shared.drops.count(reason);
        }
    }

    fn take_super(&mut self, room: &mut [u8], offload: Offload, layout: &Layout, mark: u8) {
        if let Err(reason) = self.shaped(room, offload, Shape::Super(*layout), mark) {
            self.shared.drops.count(reason);
        }
    }
}

impl Delivery<'_> {
    /// Hands a frame with `HEADROOM` bytes before it to the interface. `mark`: DSCP and ECN of the datagrams it came in.
    pub fn frame(&self, room: &mut [u8], offload: Offload, mark: u8) -> Result<(), Drop> {
        let shape = shape(&room[HEADROOM..], &offload)?;
        self.shaped(room, offload, shape, mark)
    }

    fn shaped(&self, room: &mut [u8], offload: Offload, shape: Shape, mark: u8) -> Result<(), Drop> {
        let frame = &mut room[HEADROOM..];
        let inbound = self.switch.inbound(self.peer, frame)?;
        if inbound != ORDINARY {
            self.check_others(inbound, frame)?;
        }
        if self.shared.tap.heeds_routers() && is_router_advertisement(frame) {
            return Err(Drop::RouterAdvertisement);
        }
        self.shared.note_claim(frame);
        congestion::propagate(mark, frame)?;
        // What a segment may hold that our side sends there is bounded by our way to the peer.
        if let Some(path) = self.peer.path.load().as_ref().filter(|_| self.shared.mss_clamp) {
            mss::clamp(frame, path.max_datagram.saturating_sub(OVERHEAD), offload.wants_checksum());
        }
        let length = frame.len();
        self.write(room, offload, shape)?;
        self.peer.received.add(self.queue, length);
        Ok(())
    }

    /// For frames from others than the peer, or to others than us.
    fn check_others(&self, Inbound { to, from_behind }: Inbound, frame: &[u8]) -> Result<(), Drop> {
        let now = now();
        let (destination, source) = addresses(frame).ok_or(Drop::FrameMalformed)?;
        if from_behind {
            self.shared.behind.note(&source, Place::Peer(self.peer.handle), now)?;
        }
        let is_flood = match to {
            Destination::Us => false,
            Destination::Group => true,
            Destination::Unrecorded => match self.shared.behind.find(&destination, now) {
                Some(Place::Here) => false,
                Some(Place::Peer(_)) => return Err(Drop::NotForUs),
                None => true,
            },
        };
        if is_flood && !self.peer.floods.take_some(now, FLOODS, flood_cost(frame.len())) {
            return Err(Drop::BroadcastLimited);
        }
        Ok(())
    }

    fn write(&self, room: &mut [u8], offload: Offload, shape: Shape) -> Result<(), Drop> {
        let tap = &self.shared.tap;
        let (told, headers) = for_interface(&shape, offload);
        if told.is_complete() {
            return tap.write(self.queue, room, told, 0).map_err(|error| reason(&error));
        }
        if !tap.takes_offload() {
            return self.write_complete(room, told, shape);
        }
        match tap.write(self.queue, room, told, headers) {
            Err(error) if Device::is_refused(&error) => self.write_complete(room, told, shape),
            result => result.map_err(|error| reason(&error)),
        }
    }

    /// For an interface that takes no offload.
    fn write_complete(&self, room: &mut [u8], offload: Offload, shape: Shape) -> Result<(), Drop> {
        each_complete(room, offload, &shape, |room| {
            self.shared.tap.write(self.queue, room, Offload::default(), 0).map_err(|error| reason(&error))
        })
    }
}

/// From the peer itself, to us.
const ORDINARY: Inbound = Inbound { to: Destination::Us, from_behind: false };

fn reason(error: &std::io::Error) -> Drop {
    if Device::is_full(error) { Drop::TapFull } else { Drop::TapDown }
}
