//! Waiting for sockets, with a deadline and a way to be woken from other threads: one file per way of waiting.
#[cfg(unix)]
use std::io;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod portable;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use linux::{Lookout, Poller, Readiness, Waker, wait_writable};
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub use portable::{Lookout, Poller, Readiness, Waker, wait_writable};

/// What can be waited for: a descriptor, and on Windows a socket.
#[cfg(unix)]
pub type Source<'a> = std::os::fd::BorrowedFd<'a>;
#[cfg(windows)]
pub type Source<'a> = std::os::windows::io::BorrowedSocket<'a>;

pub trait AsSource {
    fn as_source(&self) -> Source<'_>;
}

#[cfg(unix)]
impl<T: std::os::fd::AsFd> AsSource for T {
    fn as_source(&self) -> Source<'_> {
        self.as_fd()
    }
}

#[cfg(windows)]
impl<T: std::os::windows::io::AsSocket> AsSource for T {
    fn as_source(&self) -> Source<'_> {
        self.as_socket()
    }
}

/// What a socket is waited for to do. Neither: only the waker ends the wait for certain.
#[derive(Clone, Copy, Debug)]
pub struct Interest {
    pub reading: bool,
    pub writing: bool,
}

impl Interest {
    pub const READING: Self = Self { reading: true, writing: false };
    pub const WRITING: Self = Self { reading: false, writing: true };
}

/// Which of what's watched, by their places, are readable or have been woken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ready(u64);

impl Ready {
    /// Places are below this.
    pub const PLACES: usize = 64;

    pub fn has(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }
}

/// What a system call returned, or the error that it left.
#[cfg(unix)]
pub fn check(returned: std::os::fd::RawFd) -> io::Result<std::os::fd::RawFd> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

#[cfg(test)]
mod tests;
