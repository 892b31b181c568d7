//! What a receiving thread holds while it takes a batch: its own queue's inbound state, or for a datagram of another lane that
//! queue's, never two at a time.
use std::sync::MutexGuard;

use super::Shared;
use super::local::Locals;
use super::queue::Side;

pub struct Held<'a> {
    shared: &'a Shared,
    own: usize,
    at: usize,
    guard: Option<MutexGuard<'a, Locals>>,
}

impl<'a> Held<'a> {
    pub fn new(shared: &'a Shared, own: usize) -> Self {
        Self { shared, own, at: own, guard: None }
    }

    pub fn own(&mut self) -> &mut Locals {
        self.of_queue(self.own)
    }

    /// Of the queue that takes a lane.
    pub fn of_lane(&mut self, lane: u16) -> &mut Locals {
        self.of_queue(usize::from(lane) % self.shared.queues.len())
    }

    fn of_queue(&mut self, queue: usize) -> &mut Locals {
        if queue != self.at {
            self.release();
            self.at = queue;
        }
        let shared = self.shared;
        self.guard.get_or_insert_with(|| shared.inbound(queue))
    }

    /// Another queue's thread must know of a deadline that this one has set.
    fn release(&mut self) {
        let Some(locals) = self.guard.take() else { return };
        if self.at != self.own && locals.is_early() {
            self.shared.queues[self.at].wake(Side::Receive);
        }
    }
}

impl std::ops::Drop for Held<'_> {
    fn drop(&mut self) {
        self.release();
    }
}

impl Shared {
    /// The tables are looked at under the lock, so that nobody goes back to older ones than the last who held it.
    fn inbound(&self, queue: usize) -> MutexGuard<'_, Locals> {
        let mut locals = self.queues[queue].inbound();
        locals.follow(&self.tables.load());
        locals
    }
}
