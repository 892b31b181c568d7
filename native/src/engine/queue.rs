//! A queue: two threads and what belongs to them. A device has one, or several side by side. One always reads the sockets. Who reads the interface changes: with little
//! to do the same thread, so that a frame and its answer wake one thread instead of two; with much to do the other.
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::local::Locals;
use super::tables::Tables;
use super::transmit::Carrier;
use crate::clock::{MILLISECOND, Nanos, now};
use crate::poll::{AsSource, Poller, Ready, Waker};
use crate::tap::Device;
use crate::udp::Sockets;

pub const WAKER: usize = 0;
pub const TAP: usize = 1;
pub const V4: usize = 2;
pub const V6: usize = 3;
pub const STRANGERS_V4: usize = 4;
pub const STRANGERS_V6: usize = 5;

/// Load of one turn that's too much for one thread: two threads do it in less time than it takes to wake the second.
const BULK: usize = 32 * 1_024;
/// What a frame or message loads a thread with at least, in bytes: the system calls of a short one take as long.
const SHORTEST: usize = 2 * 1_024;
/// How long there must have been little to do before one thread does it all again.
const CALM: Nanos = 100 * MILLISECOND;

/// What a turn has moved, in bytes; short frames count for more than they are.
#[derive(Clone, Copy, Default)]
pub struct Load(usize);

impl Load {
    pub fn add(&mut self, bytes: usize) {
        self.0 += bytes.max(SHORTEST);
    }

    /// As `add`, of many frames or none.
    pub fn add_some(&mut self, bytes: usize) {
        self.0 += bytes;
    }

    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    pub fn is_bulk(self) -> bool {
        self.0 > BULK
    }

    pub fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

/// The two threads of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Receive,
    Transmit,
}

/// How one thread waits.
struct Waiting {
    poller: Poller,
    waker: Waker,
}

pub struct Queue {
    number: usize,
    // Before the sockets, so that none is closed that's still waited for.
    receive: Waiting,
    transmit: Waiting,
    pub sockets: Sockets,
    /// Where what isn't a session's arrives, if this queue takes that.
    pub strangers: Option<Sockets>,
    inbound: Mutex<Locals>,
    carrier: Mutex<Carrier>,
    duty: Duty,
}

/// Which side reads the interface.
#[derive(Default)]
struct Duty {
    /// Whether it's the transmitting thread, not the receiving one. Changed only by who does.
    is_split: AtomicBool,
    /// When there was last much to do.
    bulk_at: AtomicU64,
}

impl Duty {
    fn side(&self) -> Side {
        if self.is_split.load(Ordering::SeqCst) { Side::Transmit } else { Side::Receive }
    }

    /// After a turn of `side`: whether the other one is to read the interface from here on.
    fn is_to_change(&self, side: Side, load: Load, now: Nanos) -> bool {
        if load.is_bulk() {
            self.bulk_at.store(now, Ordering::Relaxed);
        }
        let calm = now.saturating_sub(self.bulk_at.load(Ordering::Relaxed)) > CALM;
        self.side() == side && if side == Side::Receive { load.is_bulk() } else { calm }
    }

    fn change(&self, to: Side) {
        self.is_split.store(to == Side::Transmit, Ordering::SeqCst);
    }
}

impl Queue {
    pub fn new(
        number: usize,
        tap: &Device,
        sockets: Sockets,
        strangers: Option<Sockets>,
        tables: &Arc<Tables>,
    ) -> io::Result<Self> {
        let receive = Waiting::new()?;
        let transmit = Waiting::new()?;
        tap.watch(number, &receive.poller, TAP)?;
        receive.watch((V4, V6), &sockets)?;
        let (inbound, carrier) = (Mutex::new(Locals::new(number, tables)), Mutex::new(Carrier::new(number)));
        let queue = Self { number, sockets, strangers, inbound, carrier, receive, transmit, duty: Duty::default() };
        queue.watch_strangers()?;
        Ok(queue)
    }

    /// Has the system join datagrams that arrive together, or not. Those of a flood as well: to cut them takes more than to drop them.
    pub fn set_joining(&self, on: bool) -> io::Result<()> {
        self.sockets.set_joining(on)?;
        self.strangers.as_ref().map_or(Ok(()), |sockets| sockets.set_joining(on))
    }

    /// Has the receiving side wake for what isn't a session's.
    pub fn watch_strangers(&self) -> io::Result<()> {
        let watch = |sockets| self.receive.watch((STRANGERS_V4, STRANGERS_V6), sockets);
        self.strangers.as_ref().map_or(Ok(()), watch)
    }

    /// Has it wait there.
    pub fn forget_strangers(&self) {
        let Some(Sockets { v4, v6 }) = &self.strangers else { return };
        self.receive.poller.forget(v4.as_source());
        if let Some(v6) = v6 {
            self.receive.poller.forget(v6.as_source());
        }
    }

    /// For `Held`, which makes it follow the tables.
    pub fn inbound(&self) -> MutexGuard<'_, Locals> {
        self.inbound.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to read the interface, if this side has it. It keeps it until it hands it over itself.
    pub fn carrier(&self, side: Side) -> Option<MutexGuard<'_, Carrier>> {
        (self.duty.side() == side).then(|| self.carrier.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until there's something to do for a side. A wake is taken back; `Ready` still has it.
    pub fn wait(&self, side: Side, left: Option<Nanos>) -> io::Result<Ready> {
        let waiting = self.waiting(side);
        let ready = waiting.poller.wait(left)?;
        if ready.has(WAKER) {
            waiting.waker.clear();
        }
        Ok(ready)
    }

    /// After a turn that moved `load`: has the other side read the interface if that's better from here on.
    pub fn end_turn(&self, side: Side, load: Load, tap: &Device) {
        if self.duty.is_to_change(side, load, now()) {
            self.hand_over(side, tap);
        }
    }

    /// Lets the other side read the interface. Called by who does, without the carrier. Frames that wait make the other one
    /// ready, and the wake has it look at the deadlines. If the system refuses to watch, all stays as it was.
    fn hand_over(&self, from: Side, tap: &Device) {
        let to = if from == Side::Receive { Side::Transmit } else { Side::Receive };
        if tap.watch(self.number, &self.waiting(to).poller, TAP).is_err() {
            return;
        }
        tap.forget(self.number, &self.waiting(from).poller);
        self.duty.change(to);
        self.waiting(to).waker.wake();
    }

    pub fn wake(&self, side: Side) {
        self.waiting(side).waker.wake();
    }

    /// Wakes the side that reads the interface, which keeps the deadlines as well. One that takes over at the same moment
    /// is woken by that.
    pub fn wake_carrying(&self) {
        self.wake(self.duty.side());
    }

    fn waiting(&self, side: Side) -> &Waiting {
        match side {
            Side::Receive => &self.receive,
            Side::Transmit => &self.transmit,
        }
    }
}

impl Waiting {
    fn new() -> io::Result<Self> {
        let (poller, waker) = (Poller::new()?, Waker::new()?);
        poller.watch_waker(WAKER, &waker)?;
        Ok(Self { poller, waker })
    }

    /// A pair of sockets, each at its place.
    fn watch(&self, (first, second): (usize, usize), sockets: &Sockets) -> io::Result<()> {
        self.poller.watch(first, sockets.v4.as_source())?;
        sockets.v6.as_ref().map_or(Ok(()), |v6| self.poller.watch(second, v6.as_source()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SECOND;

    fn load(frames: usize, bytes: usize) -> Load {
        let mut load = Load::default();
        (0..frames).for_each(|_| load.add(bytes));
        load
    }

    #[test]
    fn two_threads_share_what_is_much() {
        let duty = Duty::default();
        assert_eq!(duty.side(), Side::Receive);
        assert!(!duty.is_to_change(Side::Receive, load(1, 60), SECOND));
        assert!(!duty.is_to_change(Side::Receive, load(10, 1_400), SECOND));
        // Many short frames are as much as one long one.
        assert!(duty.is_to_change(Side::Receive, load(17, 60), SECOND));
        assert!(duty.is_to_change(Side::Receive, load(1, 60_000), SECOND));
    }

    #[test]
    fn one_does_it_all_after_a_calm_while() {
        let duty = Duty::default();
        duty.change(Side::Transmit);
        assert!(!duty.is_to_change(Side::Transmit, load(1, 60_000), SECOND));
        assert!(!duty.is_to_change(Side::Transmit, load(1, 60), SECOND + CALM));
        // What the other side receives counts as well.
        assert!(!duty.is_to_change(Side::Receive, load(1, 60_000), SECOND + CALM));
        assert!(!duty.is_to_change(Side::Transmit, load(1, 60), SECOND + CALM + 1));
        assert!(duty.is_to_change(Side::Transmit, load(1, 60), SECOND + 2 * CALM + 1));
        // Only who has the right can hand it over.
        assert!(!duty.is_to_change(Side::Receive, load(1, 60_000), 3 * SECOND));
    }
}
