//! Who is behind our interface and behind peers that bridge, and how much may be flooded.
use std::sync::{PoisonError, RwLock};

use crate::admission::bucket::Rate;
use crate::clock::Nanos;
use crate::counters::Drop;
use crate::packet::Mac;
use crate::switch::learned::{Learned, Place};

/// Broadcast, multicast and unknown destinations: of one member that we take, and of our own that we send. In units of
/// `FLOOD_UNIT` bytes, a frame at least one. ARP and mDNS of a thousand hosts are some hundred a second; a storm is what a link carries.
pub const FLOODS: Rate = Rate { burst: 4_096, per_second: 2_048 };
const FLOOD_UNIT: usize = 2_048;

/// What a frame costs of `FLOODS`.
pub fn flood_cost(length: usize) -> u64 {
    1 + (length / FLOOD_UNIT) as u64
}

/// The MACs that are learned. Only frames from or to a MAC that nobody has recorded come here; those that change nothing share
/// the lock.
#[derive(Default)]
pub struct Behind(RwLock<Learned>);

impl Behind {
    /// A frame came from a MAC at that place; an error if it mustn't.
    pub fn note(&self, mac: &Mac, place: Place, now: Nanos) -> Result<(), Drop> {
        if self.0.read().unwrap_or_else(PoisonError::into_inner).is_fresh(mac, place, now) {
            return Ok(());
        }
        self.0.write().unwrap_or_else(PoisonError::into_inner).note(mac, place, now)
    }

    pub fn find(&self, mac: &Mac, now: Nanos) -> Option<Place> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).find(mac, now)
    }

    /// A peer is gone, or bridges no more.
    pub fn forget(&self, peer: u32) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).forget(peer);
    }
}
