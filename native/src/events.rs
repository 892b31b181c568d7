//! What a control plane is told. Threads put events into one bounded queue; the first wakes JavaScript, which then takes
//! all of them at once. So a flood of events is one call, and nothing waits for JavaScript.
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::counters::{Drop, Drops};

/// Events of which more may be lost that wait for JavaScript: datagrams, control messages, hints.
const MAX_WAITING: usize = 1_024;
/// Events of any kind; those that must not be lost are few per session, client and device.
const MAX_VITAL: usize = 16_384;

pub trait Queued {
    /// Whether the control plane would believe something false without it.
    fn is_vital(&self) -> bool;

    /// Whether nothing follows.
    fn is_last(&self) -> bool;
}

struct Queue<E> {
    waiting: Vec<E>,
    /// The device is gone or closed: nothing follows.
    ended: bool,
}

pub struct Events<E> {
    queue: Mutex<Queue<E>>,
    /// Makes JavaScript call `take`; must not block.
    wake: Box<dyn Fn() + Send + Sync>,
}

impl<E: Queued> Events<E> {
    pub fn new(wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { queue: Mutex::new(Queue { waiting: Vec::new(), ended: false }), wake }
    }

    pub fn push(&self, event: E, drops: &Drops) {
        let mut queue = self.lock();
        if queue.ended {
            return;
        }
        let room = if event.is_vital() { MAX_VITAL } else { MAX_WAITING };
        if queue.waiting.len() >= room {
            drops.count(Drop::EventOverflow);
            return;
        }
        queue.ended = event.is_last();
        queue.waiting.push(event);
        let first = queue.waiting.len() == 1;
        drop(queue);
        if first {
            (self.wake)();
        }
    }

    /// All that happened since the last call, in order.
    pub fn take(&self) -> Vec<E> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Forgets what waits; nothing follows.
    pub fn end(&self) {
        let mut queue = self.lock();
        queue.ended = true;
        queue.waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Queue<E>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Event;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn events() -> (Events<Event>, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&wakes);
        let wake = Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        (Events::new(wake), wakes)
    }

    #[test]
    fn many_events_wake_once() {
        let (events, wakes) = events();
        let drops = Drops::default();
        events.push(Event::Silent { at: 1, peer: 1 }, &drops);
        events.push(Event::Silent { at: 2, peer: 2 }, &drops);
        assert_eq!((events.take().len(), wakes.load(Ordering::Relaxed)), (2, 1));
        events.push(Event::Silent { at: 3, peer: 1 }, &drops);
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn what_must_arrive_has_room_when_hints_overflow() {
        let (events, _) = events();
        let drops = Drops::default();
        for _ in 0..MAX_WAITING + 5 {
            events.push(Event::Silent { at: 1, peer: 1 }, &drops);
        }
        events.push(Event::SessionGone { at: 2, peer: 1, local_index: 3 }, &drops);
        assert_eq!(drops.get(Drop::EventOverflow), 5);
        assert_eq!(events.take().last(), Some(&Event::SessionGone { at: 2, peer: 1, local_index: 3 }));
    }

    #[test]
    fn nothing_follows_the_end_of_the_device() {
        let (events, _) = events();
        let drops = Drops::default();
        events.push(Event::DeviceGone { at: 1, error: "deleted".into() }, &drops);
        events.push(Event::Silent { at: 2, peer: 1 }, &drops);
        assert_eq!(events.take().len(), 1);
    }
}
