//! Options of sockets that socket2 has no names for.
use std::io;

use crate::poll::Source;

/// Sets an option whose value is one integer. `level` and `option`: the system's own numbers.
#[cfg(unix)]
pub fn set(socket: Source, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the socket is open, and `value` is one integer that lives through the call.
    let returned = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), length) };
    crate::poll::check(returned).map(drop)
}

/// Sets an option whose value is one integer. `level` and `option`: the system's own numbers.
#[cfg(windows)]
pub fn set(socket: Source, level: i32, option: i32, value: i32) -> io::Result<()> {
    use std::os::windows::io::AsRawSocket;
    use windows_sys::Win32::Networking::WinSock::{SOCKET, setsockopt};

    let length = size_of::<i32>() as i32;
    // SAFETY: the socket is open, and `value` is one integer that lives through the call.
    let returned =
        unsafe { setsockopt(socket.as_raw_socket() as SOCKET, level, option, (&raw const value).cast(), length) };
    if returned == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
