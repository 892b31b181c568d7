//! A TAP interface of Linux. The kernel removes it when its descriptor is closed, so nothing stays behind however we end.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use super::{Tap, TapConfig, netlink};
use crate::error::{Code, OpenError};
use crate::packet::Offload;
use crate::poll::check;

const DEVICE: &str = "/dev/net/tun";
/// Not in libc: fail if an interface of that name exists, also one that we could attach to.
const IFF_TUN_EXCL: libc::c_short = 0x8000_u16 as libc::c_short;

pub struct LinuxTap {
    file: File,
}

impl LinuxTap {
    /// Makes the interface and brings it up.
    pub fn open(config: &TapConfig) -> Result<Self, OpenError> {
        let name = name_bytes(&config.name)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(DEVICE)
            .map_err(|error| OpenError::io(Code::NoTun, format_args!("opening {DEVICE}"), &error))?;
        attach(&file, name).map_err(|error| {
            let code = if error.raw_os_error() == Some(libc::EBUSY) { Code::NameTaken } else { Code::Failed };
            OpenError::io(code, format_args!("making the interface {}", config.name), &error)
        })?;
        ignore_routers(&config.name);
        netlink::configure(config)?;
        Ok(Self { file })
    }
}

/// Names that the kernel takes literally, with their terminating zero.
fn name_bytes(name: &str) -> Result<[u8; libc::IFNAMSIZ], OpenError> {
    let forbidden = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'/' | b':' | b'%');
    let usable =
        (1..libc::IFNAMSIZ).contains(&name.len()) && !name.bytes().any(forbidden) && name != "." && name != "..";
    if !usable {
        let message = format!("expected an interface name of 1 to 15 characters without / : % or spaces, got {name:?}");
        return Err(OpenError::new(Code::Failed, message));
    }
    let mut bytes = [0; libc::IFNAMSIZ];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Ok(bytes)
}

fn attach(file: &File, name: [u8; libc::IFNAMSIZ]) -> io::Result<()> {
    let flags = libc::IFF_TAP as libc::c_short | libc::IFF_NO_PI as libc::c_short | IFF_TUN_EXCL;
    // SAFETY: an ifreq is integers only, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name = name.map(|byte| byte as libc::c_char);
    request.ifr_ifru.ifru_flags = flags;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which lives through the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &mut request) })?;
    Ok(())
}

/// A member must not become our router. Where /proc/sys is read-only (a container) or IPv6 is off, the kernel's defaults stay.
fn ignore_routers(name: &str) {
    for setting in ["accept_ra", "autoconf"] {
        let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{name}/{setting}"), "0");
    }
}

impl Tap for LinuxTap {
    fn read(&self, buffer: &mut [u8]) -> io::Result<(usize, Offload)> {
        Ok(((&self.file).read(buffer)?, Offload::default()))
    }

    fn write(&self, frame: &[u8], _offload: Offload) -> io::Result<()> {
        (&self.file).write(frame).map(|_| ())
    }

    fn is_full(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
    }

    fn is_gone(error: &io::Error) -> bool {
        !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
    }
}

impl AsFd for LinuxTap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_kernel_would_change_are_refused() {
        for name in ["", "sixteen-letters-", "p2p%d", "a/b", "a b", "a:0", ".", ".."] {
            assert!(name_bytes(name).is_err(), "{name:?}");
        }
        assert!(name_bytes("fifteen-letters").is_ok());
    }
}
