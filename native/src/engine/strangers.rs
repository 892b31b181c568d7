//! What isn't a session's: handshakes, answers of the DHT, garbage. It comes to sockets of its own, so that a flood of it pushes out no
//! session's datagram, and has a budget: what's over it stays unread, and the kernel drops it at the cost of who sent it.
use super::Shared;
use super::tables::Tables;
use crate::admission::bucket::{Bucket, Rate};
use crate::clock::{MILLISECOND, Nanos};
use crate::counters::Drop;
use crate::udp::Passing;
use crate::udp::batch::Inbox;

/// Datagrams that are read: as many as MACs are checked.
const READS: Rate = Rate { burst: 8_192, per_second: 32_768 };
/// How long nothing is read when that's spent.
const PAUSE: Nanos = 10 * MILLISECOND;

/// Of the thread that reads them.
#[derive(Default)]
pub struct Strangers {
    pub inbox: Inbox,
    reads: Bucket,
    paused_until: Option<Nanos>,
}

impl Strangers {
    /// So many were read. True if a pause begins.
    pub fn note(&mut self, now: Nanos, count: usize) -> bool {
        let spent = (0..count).filter(|_| !self.reads.take(now, READS)).count() > 0;
        if spent {
            self.paused_until = Some(now + PAUSE);
        }
        spent
    }

    /// Of the pause, if there's one; 0 if it's over.
    pub fn time_left(&self, now: Nanos) -> Option<Nanos> {
        self.paused_until.map(|until| until.saturating_sub(now))
    }

    pub fn end_pause(&mut self) {
        self.paused_until = None;
    }
}

impl Shared {
    /// Has the kernel refuse what names no session, where that has sockets of its own. `current` is what it lets pass.
    pub(super) fn let_pass(&self, tables: &Tables, current: &mut Option<Passing>) {
        if self.queues.iter().all(|queue| queue.strangers.is_none()) {
            return;
        }
        let relays = tables.relays.iter().any(|relay| relay.link.is_none());
        let wanted = Passing::new(tables.sessions.keys().copied(), relays);
        if current.as_ref() == Some(&wanted) {
            return;
        }
        for queue in &self.queues {
            // Where the system refuses a program everything passes, as it does without one.
            let _ = queue.sockets.let_pass(&wanted);
        }
        *current = Some(wanted);
    }

    /// Counts what the kernel has dropped since this was called last.
    pub(super) fn count_unread(&self) {
        for queue in &self.queues {
            self.drops.add(Drop::UnreadSession, queue.sockets.take_unread());
            self.drops.add(Drop::Unread, queue.strangers.as_ref().map_or(0, |sockets| sockets.take_unread()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SECOND;

    #[test]
    fn a_flood_is_read_at_a_rate_and_left_alone_in_between() {
        let mut strangers = Strangers::default();
        let (start, mut read) = (100 * SECOND, 0);
        for step in 0..10 * SECOND / (MILLISECOND / 100) {
            let now = start + step * (MILLISECOND / 100);
            if strangers.time_left(now).is_none_or(|left| left == 0) {
                strangers.end_pause();
                read += 32;
                strangers.note(now, 32);
            }
        }
        let most = READS.burst + 10 * READS.per_second;
        assert!((most - READS.burst..=most + 10 * 3_200).contains(&read), "{read} were read");
    }

    #[test]
    fn what_comes_now_and_then_is_read_at_once() {
        let mut strangers = Strangers::default();
        for at in 1..1_000 {
            assert!(!strangers.note(at * SECOND, 256));
            assert_eq!(strangers.time_left(at * SECOND), None);
        }
    }
}
