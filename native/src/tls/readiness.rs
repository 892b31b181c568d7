//! Waiting for many descriptors, for reading and writing (epoll). Watched itself, it's readable when one of them is ready.
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::poll::check;

/// Descriptors that are told of at once.
const AT_ONCE: usize = 64;

pub struct Readiness(OwnedFd);

impl Readiness {
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes an integer and returns a descriptor that nobody else owns, or -1.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: `fd` was just opened and is owned by no one else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
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

impl AsFd for Readiness {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
