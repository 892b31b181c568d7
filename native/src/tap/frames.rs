//! Frames on their way from the thread that reads an interface to the thread that carries them: a bounded queue that wakes whoever waits.
use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::poll::{Poller, Waker};

/// Frames that wait to be carried. Enough for a burst while nobody takes them; the rest waits in the system's queue, which drops what's too much.
pub const MAX_WAITING: usize = 256;

pub struct Frames {
    state: Mutex<State>,
    has_room: Condvar,
    /// Woken as long as there's something to take.
    waker: Waker,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// Buffers of frames that were taken, for those to come.
    spare: Vec<Vec<u8>>,
    /// Why no more will come.
    ended: Option<(io::ErrorKind, String)>,
    closed: bool,
}

impl Frames {
    pub fn new() -> io::Result<Self> {
        Ok(Self { state: Mutex::default(), has_room: Condvar::new(), waker: Waker::new()? })
    }

    /// Adds a frame as soon as there's room. False if nobody will take it: the queue is closed.
    pub fn push(&self, frame: &[u8]) -> bool {
        let is_full = |state: &mut State| !state.closed && state.waiting.len() >= MAX_WAITING;
        let mut state = self.has_room.wait_while(self.state(), is_full).unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return false;
        }
        let mut buffer = state.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(frame);
        state.waiting.push_back(buffer);
        if state.waiting.len() == 1 {
            self.waker.wake();
        }
        true
    }

    /// No frame will follow: whoever has taken the last one is told why.
    pub fn end(&self, error: &io::Error) {
        self.state().ended = Some((error.kind(), error.to_string()));
        self.waker.wake();
    }

    /// Nobody takes frames any more.
    pub fn close(&self) {
        self.state().closed = true;
        self.has_room.notify_all();
    }

    /// Takes the next frame; what doesn't fit into `room` is cut off. Its length. `WouldBlock` if there's none.
    pub fn take(&self, room: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        let Some(frame) = state.waiting.pop_front() else {
            let Some((kind, text)) = &state.ended else {
                // While the lock is held: a frame that comes now wakes again.
                self.waker.clear();
                return Err(io::ErrorKind::WouldBlock.into());
            };
            return Err(io::Error::new(*kind, text.clone()));
        };
        let length = frame.len().min(room.len());
        room[..length].copy_from_slice(&frame[..length]);
        state.spare.push(frame);
        self.has_room.notify_one();
        Ok(length)
    }

    pub fn watch(&self, poller: &Poller, place: usize) -> io::Result<()> {
        poller.watch_waker(place, &self.waker)
    }

    pub fn forget(&self, poller: &Poller) {
        poller.forget_waker(&self.waker);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    const PLACE: usize = 3;

    fn taken(frames: &Frames) -> io::Result<Vec<u8>> {
        let mut room = [0; 16];
        frames.take(&mut room).map(|length| room[..length].to_vec())
    }

    fn is_ready(poller: &Poller) -> bool {
        poller.wait(Some(0)).expect("waits").has(PLACE)
    }

    #[test]
    fn frames_are_taken_in_their_order_and_told_of_while_there_are_some() {
        let frames = Frames::new().expect("a queue");
        let poller = Poller::new().expect("a poller");
        frames.watch(&poller, PLACE).expect("watches");
        assert!(!is_ready(&poller));
        assert!(frames.push(b"one") && frames.push(b"another"));
        assert!(is_ready(&poller));
        assert_eq!(taken(&frames).expect("a frame"), b"one");
        assert!(is_ready(&poller));
        assert_eq!(taken(&frames).expect("a frame"), b"another");
        assert_eq!(taken(&frames).expect_err("none").kind(), io::ErrorKind::WouldBlock);
        assert!(!is_ready(&poller));
        assert!(frames.push(b"third"));
        assert!(is_ready(&poller));
    }

    #[test]
    fn who_takes_over_is_told_of_what_waits_already() {
        let frames = Frames::new().expect("a queue");
        let (before, after) = (Poller::new().expect("a poller"), Poller::new().expect("a poller"));
        frames.watch(&before, PLACE).expect("watches");
        assert!(frames.push(b"one"));
        frames.watch(&after, PLACE).expect("watches");
        frames.forget(&before);
        assert!(!is_ready(&before));
        assert!(is_ready(&after));
    }

    #[test]
    fn who_reads_the_interface_waits_for_room() {
        let frames = Arc::new(Frames::new().expect("a queue"));
        let reader = {
            let frames = Arc::clone(&frames);
            thread::spawn(move || (0..3 * MAX_WAITING).all(|number| frames.push(&number.to_ne_bytes())))
        };
        for number in 0..3 * MAX_WAITING {
            let frame = loop {
                assert!(frames.state().waiting.len() <= MAX_WAITING);
                match taken(&frames) {
                    Ok(frame) => break frame,
                    Err(_) => thread::yield_now(),
                }
            };
            assert_eq!(frame, number.to_ne_bytes());
        }
        assert!(reader.join().expect("ends"));
        assert!(frames.state().spare.len() <= MAX_WAITING + 1);
    }

    #[test]
    fn closing_frees_who_waits_for_room() {
        let frames = Arc::new(Frames::new().expect("a queue"));
        let reader = {
            let frames = Arc::clone(&frames);
            thread::spawn(move || while frames.push(b"frame") {})
        };
        while frames.state().waiting.len() < MAX_WAITING {
            thread::yield_now();
        }
        frames.close();
        reader.join().expect("ends");
    }

    #[test]
    fn the_end_is_told_after_the_last_frame() {
        let frames = Frames::new().expect("a queue");
        let poller = Poller::new().expect("a poller");
        frames.watch(&poller, PLACE).expect("watches");
        assert!(frames.push(b"last"));
        frames.end(&io::Error::other("deleted"));
        assert_eq!(taken(&frames).expect("a frame"), b"last");
        assert!(is_ready(&poller));
        assert_eq!(taken(&frames).expect_err("the end").to_string(), "deleted");
        assert!(is_ready(&poller));
    }
}
