//! MACs that nobody has recorded: of those behind our own interface, and behind peers that bridge. Learned from what they send,
//! and bounded in number, age and how fast one moves. Takes the time; keeps no clock.
use std::collections::HashMap;

use crate::clock::{Nanos, SECOND};
use crate::counters::Drop;
use crate::packet::Mac;

/// A MAC that isn't heard for so long is forgotten (the default of IEEE 802.1Q section 8.8.3).
pub const AGE: Nanos = 300 * SECOND;
/// MACs that one peer may have behind it.
pub const MAX_OF_PEER: usize = 1_024;
/// MACs behind our own interface.
pub const MAX_HERE: usize = 4_096;
/// All that are learned.
pub const MAX_LEARNED: usize = 16_384;
/// A MAC moves from one peer to another at most once in this time: two that send under one MAC don't take it from each other by the frame.
pub const MOVES: Nanos = 5 * SECOND;
/// How old what is noted of a MAC may be before it's noted anew.
const FRESH: Nanos = 10 * SECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Behind our interface.
    Here,
    Peer(u32),
}

impl Place {
    fn most(self) -> usize {
        match self {
            Self::Here => MAX_HERE,
            Self::Peer(_) => MAX_OF_PEER,
        }
    }
}

#[derive(Default)]
pub struct Learned {
    macs: HashMap<Mac, Entry>,
    /// MACs of each place that has any.
    counts: HashMap<Place, usize>,
    swept_at: Nanos,
}

struct Entry {
    place: Place,
    heard_at: Nanos,
    came_at: Nanos,
}

impl Learned {
    /// Where a MAC was heard last.
    pub fn find(&self, mac: &Mac, now: Nanos) -> Option<Place> {
        self.macs.get(mac).filter(|entry| now < entry.heard_at + AGE).map(|entry| entry.place)
    }

    /// Whether noting the MAC there would change next to nothing.
    pub fn is_fresh(&self, mac: &Mac, place: Place, now: Nanos) -> bool {
        self.macs.get(mac).is_some_and(|entry| entry.place == place && now < entry.heard_at + FRESH)
    }

    /// A frame from that MAC has come from that place; an error if it mustn't.
    pub fn note(&mut self, mac: &Mac, place: Place, now: Nanos) -> Result<(), Drop> {
        match self.macs.get_mut(mac) {
            Some(entry) if now >= entry.heard_at + AGE => self.forget_mac(mac),
            Some(entry) if entry.place == place => {
                entry.heard_at = now;
                return Ok(());
            }
            Some(Entry { place: Place::Here, .. }) => return Err(Drop::SourceMac),
            Some(entry) if place != Place::Here && now < entry.came_at + MOVES => return Err(Drop::MacMoves),
            Some(_) | None => {}
        }
        self.make_room(place, now)?;
        self.forget_mac(mac);
        self.macs.insert(*mac, Entry { place, heard_at: now, came_at: now });
        *self.counts.entry(place).or_default() += 1;
        Ok(())
    }

    /// Forgets what was behind a peer.
    pub fn forget(&mut self, peer: u32) {
        if self.counts.remove(&Place::Peer(peer)).is_some() {
            self.macs.retain(|_, entry| entry.place != Place::Peer(peer));
        }
    }

    fn make_room(&mut self, place: Place, now: Nanos) -> Result<(), Drop> {
        if self.is_full(place) {
            self.sweep(now);
        }
        if self.is_full(place) { Err(Drop::MacsFull) } else { Ok(()) }
    }

    fn is_full(&self, place: Place) -> bool {
        self.macs.len() >= MAX_LEARNED || self.counts.get(&place).is_some_and(|&count| count >= place.most())
    }

    /// At most once a second: it looks at all of them.
    fn sweep(&mut self, now: Nanos) {
        if now < self.swept_at + SECOND {
            return;
        }
        self.swept_at = now;
        self.macs.retain(|_, entry| now < entry.heard_at + AGE);
        self.counts.clear();
        for entry in self.macs.values() {
            *self.counts.entry(entry.place).or_default() += 1;
        }
    }

    fn forget_mac(&mut self, mac: &Mac) {
        let Some(entry) = self.macs.remove(mac) else { return };
        if let Some(count) = self.counts.get_mut(&entry.place) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&entry.place);
            }
        }
    }
}

#[cfg(test)]
mod tests;
