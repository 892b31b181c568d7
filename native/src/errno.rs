//! What the systems' error numbers say where `io::ErrorKind` has no word for it.
use std::io;

#[cfg(unix)]
mod numbers {
    use libc::c_int;

    pub const TOO_LARGE: c_int = libc::EMSGSIZE;
    pub const UNABLE: [c_int; 3] = [libc::EIO, libc::EOPNOTSUPP, libc::ENOPROTOOPT];
    pub const OUT_OF_ROOM: [c_int; 3] = [libc::EMFILE, libc::ENFILE, libc::ENOMEM];
    pub const UNKNOWN_ADDRESS: [c_int; 2] = [libc::EAFNOSUPPORT, libc::EADDRNOTAVAIL];
}

#[cfg(windows)]
mod numbers {
    use windows_sys::Win32::Networking::WinSock;

    pub const TOO_LARGE: i32 = WinSock::WSAEMSGSIZE;
    pub const UNABLE: [i32; 2] = [WinSock::WSAEOPNOTSUPP, WinSock::WSAENOPROTOOPT];
    pub const OUT_OF_ROOM: [i32; 2] = [WinSock::WSAEMFILE, WinSock::WSAENOBUFS];
    pub const UNKNOWN_ADDRESS: [i32; 2] = [WinSock::WSAEAFNOSUPPORT, WinSock::WSAEADDRNOTAVAIL];
}

/// A datagram is larger than the interface that it would leave by takes.
pub fn is_too_large(error: &io::Error) -> bool {
    error.raw_os_error() == Some(numbers::TOO_LARGE)
}

/// The system or the network card can't do what was asked for at all.
pub fn is_unable(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| numbers::UNABLE.contains(&number))
}

/// The system has no descriptor or memory to give.
pub fn is_out_of_room(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| numbers::OUT_OF_ROOM.contains(&number))
}

/// This host has no such address, or none of its family.
pub fn is_unknown_address(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| numbers::UNKNOWN_ADDRESS.contains(&number))
}
