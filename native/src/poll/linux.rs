//! Linux: epoll, poll, eventfd.
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::{Interest, Ready, check};
use crate::clock::{MILLISECOND, Nanos};

/// Descriptors that one thread waits for at most.
const MAX_READY: usize = 6;
/// Descriptors that are told of at once.
const AT_ONCE: usize = 64;

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

/// Watches descriptors until they're readable; level-triggered. They must stay open as long as it lives.
pub struct Poller(OwnedFd);

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

    /// Watches a waker as well, as `watch` does.
    pub fn watch_waker(&self, place: usize, waker: &Waker) -> io::Result<()> {
        self.watch(place, waker.0.as_fd())
    }

    pub fn forget_waker(&self, waker: &Waker) {
        self.forget(waker.0.as_fd());
    }

    /// Watches a descriptor no longer.
    pub fn forget(&self, fd: BorrowedFd) {
        let none = std::ptr::null_mut();
        // SAFETY: both descriptors are open; EPOLL_CTL_DEL reads no event. It fails only for what isn't watched.
        unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_DEL, fd.as_raw_fd(), none) };
    }

    /// Waits until something is readable or `left` has passed; None waits for as long as it takes.
    pub fn wait(&self, left: Option<Nanos>) -> io::Result<Ready> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MAX_READY];
        // SAFETY: `events` has room for MAX_READY entries.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), MAX_READY as i32, in_ms(left)) };
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

/// Waits for one socket at a time, or until it's woken.
pub struct Lookout<'a>(&'a Waker);

impl<'a> Lookout<'a> {
    pub fn new(waker: &'a Waker) -> io::Result<Self> {
        Ok(Self(waker))
    }

    /// Takes back all wakes so far.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// True if `fd` can do what it's waited for or has failed; false if the waker is woken, or `left` has passed.
    pub fn wait(&self, fd: BorrowedFd, interest: Interest, left: Option<Nanos>) -> io::Result<bool> {
        let Interest { reading, writing } = interest;
        let events = if reading { libc::POLLIN } else { 0 } | if writing { libc::POLLOUT } else { 0 };
        let watched = |fd: BorrowedFd, events| libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
        let mut both = [watched(fd, events), watched(self.0.0.as_fd(), libc::POLLIN)];
        // SAFETY: `both` is two live pollfds.
        match check(unsafe { libc::poll(both.as_mut_ptr(), 2, in_ms(left)) }) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(both[0].revents != 0),
        }
    }
}

/// Milliseconds as epoll and poll take them; for ever if there's no end.
fn in_ms(left: Option<Nanos>) -> i32 {
    left.map_or(-1, |left| i32::try_from(left.div_ceil(MILLISECOND)).unwrap_or(i32::MAX))
}

/// Many descriptors that stand at one place of a poller, for reading and writing. An epoll is readable when one of those in it is ready.
pub struct Readiness(OwnedFd);

impl Readiness {
    pub fn new(poller: &Poller, place: usize) -> io::Result<Self> {
        let Poller(fd) = Poller::new()?;
        poller.watch(place, fd.as_fd())?;
        Ok(Self(fd))
    }

    pub fn watch(&self, fd: BorrowedFd, number: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, libc::EPOLLIN as u32, number)
    }

    /// Whether it's told as well when a descriptor takes bytes.
    pub fn set_writing(&self, fd: BorrowedFd, number: u64, writing: bool) -> io::Result<()> {
        let events = if writing { libc::EPOLLIN | libc::EPOLLOUT } else { libc::EPOLLIN };
        self.control(libc::EPOLL_CTL_MOD, fd, events as u32, number)
    }

    pub fn forget(&self, fd: BorrowedFd) {
        // It fails only for what isn't watched.
        let _ = self.control(libc::EPOLL_CTL_DEL, fd, 0, 0);
    }

    /// The numbers of those that are ready now.
    pub fn ready(&self) -> io::Result<Vec<u64>> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; AT_ONCE];
        // SAFETY: `events` has room for AT_ONCE entries.
        let count = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), AT_ONCE as i32, 0) };
        match check(count) {
            Ok(count) => Ok(events.iter().take(count as usize).map(|event| event.u64).collect()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn control(&self, what: libc::c_int, fd: BorrowedFd, events: u32, number: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: number };
        // SAFETY: both descriptors are open and `event` is a live epoll_event.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), what, fd.as_raw_fd(), &mut event) })?;
        Ok(())
    }
}
