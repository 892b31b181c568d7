//! Datagrams of one thread on their way to relays that are reached over TLS.
use std::ops::Range;
use std::sync::Arc;

use super::relay::Relay;
use crate::counters::{Drop, Drops};

/// Bytes that wait for one flush.
pub const ARENA: usize = 256 * 1_024;

#[derive(Default)]
pub struct Links {
    arena: Vec<u8>,
    waiting: Vec<(Arc<Relay>, Range<usize>)>,
}

impl Links {
    pub fn has_room(&self, length: usize) -> bool {
        self.arena.len() + length <= ARENA
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        self.arena.len()
    }

    /// Appends a datagram of `length` bytes and gives the place to write it to.
    pub fn add(&mut self, relay: &Arc<Relay>, length: usize) -> &mut [u8] {
        let start = self.arena.len();
        self.arena.resize(start + length, 0);
        self.waiting.push((Arc::clone(relay), start..start + length));
        &mut self.arena[start..]
    }

    /// Takes back the datagram that was added last.
    pub fn undo(&mut self) {
        if let Some((_, bytes)) = self.waiting.pop() {
            self.arena.truncate(bytes.start);
        }
    }

    /// Hands all to their relays' links.
    pub fn flush(&mut self, drops: &Drops) {
        let mut last: Option<Arc<Relay>> = None;
        for (relay, bytes) in self.waiting.drain(..) {
            let Some(link) = &relay.link else { continue };
            drops.add(Drop::TlsQueue, link.push(&self.arena[bytes]));
            if let Some(before) = last.replace(Arc::clone(&relay)).filter(|before| !Arc::ptr_eq(before, &relay)) {
                before.wake();
            }
        }
        if let Some(relay) = last {
            relay.wake();
        }
        self.arena.clear();
    }
}
