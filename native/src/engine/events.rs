//! What the control plane is told. Threads put events into one bounded queue; the first wakes JavaScript, which then takes
//! all of them at once. So a flood of events is one call, and nothing waits for JavaScript.
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::switches::Help;
use crate::clock::Nanos;
use crate::counters::{Drop, Drops};

/// Events of which more may be lost that wait for JavaScript: datagrams, control messages, hints.
const MAX_WAITING: usize = 1_024;
/// Events of any kind; those that must not be lost are few per session and device.
const MAX_VITAL: usize = 16_384;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Datagram {
        at: Nanos,
        from: SocketAddr,
        datagram: Vec<u8>,
        proven: bool,
    },
    Control {
        at: Nanos,
        peer: u32,
        local_index: u32,
        from: SocketAddr,
        messages: Vec<u8>,
    },
    SessionHeard {
        at: Nanos,
        peer: u32,
        local_index: u32,
        from: SocketAddr,
    },
    SessionWorn {
        at: Nanos,
        peer: u32,
        local_index: u32,
    },
    SessionGone {
        at: Nanos,
        peer: u32,
        local_index: u32,
    },
    Strayed {
        at: Nanos,
        peer: u32,
        from: SocketAddr,
    },
    Silent {
        at: Nanos,
        peer: u32,
    },
    Unreachable {
        at: Nanos,
        to: SocketAddr,
        error: String,
    },
    /// A datagram of so many bytes is larger than what the interface towards this address takes.
    TooLarge {
        at: Nanos,
        to: SocketAddr,
        bytes: usize,
    },
    /// Datagrams leave for the peer that are larger than any path is sure to take.
    Bulk {
        at: Nanos,
        peer: u32,
    },
    /// The system refused to mark what our sockets send.
    Unmarked {
        at: Nanos,
        error: String,
    },
    /// The system refused a help, which is off from here on.
    Fallback {
        at: Nanos,
        help: Help,
        error: String,
    },
    DeviceGone {
        at: Nanos,
        error: String,
    },
}

impl Event {
    /// Whether the control plane would believe something false without it.
    fn is_vital(&self) -> bool {
        matches!(
            self,
            Self::SessionHeard { .. } | Self::SessionWorn { .. } | Self::SessionGone { .. } | Self::DeviceGone { .. }
        )
    }
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Event>,
    /// The device is gone or closed: nothing follows.
    ended: bool,
}

pub struct Events {
    queue: Mutex<Queue>,
    /// Makes JavaScript call `take`; must not block.
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Events {
    pub fn new(wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { queue: Mutex::default(), wake }
    }

    pub fn push(&self, event: Event, drops: &Drops) {
        let mut queue = self.lock();
        if queue.ended {
            return;
        }
        let room = if event.is_vital() { MAX_VITAL } else { MAX_WAITING };
        if queue.waiting.len() >= room {
            drops.count(Drop::EventOverflow);
            return;
        }
        queue.ended = matches!(event, Event::DeviceGone { .. });
        queue.waiting.push(event);
        let first = queue.waiting.len() == 1;
        drop(queue);
        if first {
            (self.wake)();
        }
    }

    /// All that happened since the last call, in order.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Forgets what waits; nothing follows.
    pub fn end(&self) {
        let mut queue = self.lock();
        queue.ended = true;
        queue.waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn events() -> (Events, Arc<AtomicUsize>) {
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
