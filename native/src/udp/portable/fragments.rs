//! Whether datagrams may leave in fragments. As on Linux, what the system believes to know of a path isn't used.
use std::io;

use crate::poll::Source;
use crate::sockopt;
use crate::udp::Fragments;

#[cfg(windows)]
type Number = i32;
#[cfg(unix)]
type Number = libc::c_int;

/// An option's level and number, and its values for never and if needed.
type Setting = (Number, Number, Number, Number);

pub fn set(socket: Source, is_v4: bool, fragments: Fragments) -> io::Result<()> {
    let settings = if is_v4 { &V4[..] } else { &V6[..] };
    settings.iter().try_for_each(|&(level, option, never, if_needed)| {
        let value = match fragments {
            Fragments::Never => never,
            Fragments::IfNeeded => if_needed,
        };
        sockopt::set(socket, level, option, value)
    })
}

#[cfg(target_os = "linux")]
const V4: [Setting; 1] = [(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE, libc::IP_PMTUDISC_DONT)];
#[cfg(target_os = "linux")]
const V6: [Setting; 2] = [
    (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_PROBE, libc::IPV6_PMTUDISC_DONT),
    (libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 1, 0),
];

#[cfg(target_os = "macos")]
const V4: [Setting; 1] = [(libc::IPPROTO_IP, libc::IP_DONTFRAG, 1, 0)];
#[cfg(target_os = "macos")]
const V6: [Setting; 1] = [(libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 1, 0)];

#[cfg(windows)]
use windows_sys::Win32::Networking::WinSock::{IP_DONTFRAGMENT, IPPROTO_IP, IPPROTO_IPV6, IPV6_DONTFRAG};
#[cfg(windows)]
const V4: [Setting; 1] = [(IPPROTO_IP, IP_DONTFRAGMENT, 1, 0)];
#[cfg(windows)]
const V6: [Setting; 1] = [(IPPROTO_IPV6, IPV6_DONTFRAG, 1, 0)];
