//! Waiting until a descriptor is readable, with a deadline and a way to be woken (epoll, eventfd).
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::clock::{MILLISECOND, Nanos};

/// Descriptors that one thread waits for at most.
const MAX_READY: usize = 6;

/// Wakes a thread that waits in a `Poller` that watches it.
pub struct Waker(OwnedFd);

impl Waker {
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes two integers and returns a descriptor that nobody else owns, or -1.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })?;
        // SAFETY: `fd` was just opened and is owned by no one else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Wakes the thread, or makes its next wait return at once.
    pub fn wake(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: writes 8 bytes from a live buffer. A full counter means that a wake is pending already.
        unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Takes back all wakes so far.
    pub fn clear(&self) {
        let mut count = [0u8; 8];
        // SAFETY: reads 8 bytes into a live buffer; non-blocking.
        unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Watches descriptors until they're readable; level-triggered. They must stay open as long as it lives.
pub struct Poller(OwnedFd);

/// Which of the watched descriptors, by their places, are readable.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ready(u64);

impl Ready {
    pub fn has(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }
}

impl Poller {
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes an integer and returns a descriptor that nobody else owns, or -1.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: `fd` was just opened and is owned by no one else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Watches a descriptor as well, also while another thread waits. `place`: its bit in `Ready`, below 64.
    pub fn watch(&self, place: usize, fd: BorrowedFd) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: place as u64 };
        // SAFETY: both descriptors are open and `event` is a live epoll_event.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &mut event) })?;
        Ok(())
    }

    /// Watches a descriptor no longer.
    pub fn forget(&self, fd: BorrowedFd) {
        let none = std::ptr::null_mut();
        // SAFETY: both descriptors are open; EPOLL_CTL_DEL reads no event. It fails only for what isn't watched.
        unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, fd.as_raw_fd(), none) };
    }

    /// Waits until something is readable or `left` has passed; None waits for as long as it takes.
    pub fn wait(&self, left: Option<Nanos>) -> io::Result<Ready> {
        let timeout = left.map_or(-1, |left| i32::try_from(left.div_ceil(MILLISECOND)).unwrap_or(i32::MAX));
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MAX_READY];
        // SAFETY: `events` has room for MAX_READY entries.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), MAX_READY as i32, timeout) };
        match check(count) {
            Ok(count) => Ok(Ready(events.iter().take(count as usize).fold(0, |ready, event| ready | 1 << event.u64))),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Ready::default()),
            Err(error) => Err(error),
        }
    }
}

/// Waits until `fd` takes bytes again, `ms` at most. False if it didn't.
pub fn wait_writable(fd: BorrowedFd, ms: i32) -> bool {
    let mut watched = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: `watched` is one live pollfd.
    unsafe { libc::poll(&mut watched, 1, ms) > 0 }
}

/// What a system call returned, or the error that it left.
pub fn check(returned: RawFd) -> io::Result<RawFd> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_is_seen_once() {
        let waker = Waker::new().expect("an eventfd");
        let poller = Poller::new().expect("an epoll");
        poller.watch(5, waker.as_fd()).expect("watches");
        assert!(!poller.wait(Some(0)).expect("waits").has(5));
        waker.wake();
        waker.wake();
        assert!(poller.wait(None).expect("waits").has(5));
        waker.clear();
        assert!(!poller.wait(Some(0)).expect("waits").has(5));
    }

    #[test]
    fn what_was_ready_is_seen_where_it_is_watched_from_now_on() {
        let waker = Waker::new().expect("an eventfd");
        let (before, after) = (Poller::new().expect("an epoll"), Poller::new().expect("an epoll"));
        before.watch(1, waker.as_fd()).expect("watches");
        waker.wake();
        after.watch(2, waker.as_fd()).expect("watches");
        before.forget(waker.as_fd());
        assert!(!before.wait(Some(0)).expect("waits").has(1));
        assert!(after.wait(None).expect("waits").has(2));
        assert!(after.watch(2, waker.as_fd()).is_err());
    }
}
