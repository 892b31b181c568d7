//! What this process gives up for itself, and how it speaks with the service manager and with syslog.
use std::io;

#[cfg(unix)]
mod datagram;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use datagram::send_unix_datagram;
#[cfg(target_os = "linux")]
use linux::steps;
#[cfg(target_os = "macos")]
use macos::steps;
#[cfg(windows)]
use windows::steps;

/// What couldn't be done, should it fail, and whether it did.
type Step = (&'static str, io::Result<()>);

/// Nobody who isn't root may look into this process, it leaves no core dump, and the programs that it starts get none of
/// its capabilities, as far as the system has a way to. To be called on the thread that starts them: capabilities are a thread's. Tries all;
/// what the system refused, in words.
pub fn lock_down() -> Vec<String> {
    steps().into_iter().filter_map(|(what, done)| done.err().map(|error| format!("{what}: {error}"))).collect()
}

#[cfg(windows)]
pub fn send_unix_datagram(_socket: &str, _message: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Starting a program makes its process dumpable again; it inherits this limit.
#[cfg(unix)]
fn no_core() -> io::Result<()> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` outlives the call, which only reads it.
    crate::poll::check(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) }).map(drop)
}
