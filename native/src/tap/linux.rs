//! A TAP interface of Linux. The kernel removes it when its descriptor is closed, so nothing stays behind however we end.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Address, Tap, TapConfig, setup, vnet};
use crate::error::{Code, OpenError};
use crate::packet::{HEADROOM, Offload};
use crate::poll::{Poller, check};

const DEVICE: &str = "/dev/net/tun";
/// Not in libc: fail if an interface of that name exists, also one that we could attach to.
const IFF_TUN_EXCL: libc::c_short = 0x8000_u16 as libc::c_short;

/// Offloads that are asked for, the most first: without UDP segmentation before Linux 6.2, or without any.
const LADDER: [libc::c_uint; 3] = {
    const TCP: libc::c_uint = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
    [TCP | libc::TUN_F_USO4 | libc::TUN_F_USO6, TCP, 0]
};

pub struct LinuxTap {
    /// The first, and one more for each queue that was wanted besides.
    file: File,
    more: Vec<File>,
    /// Whether a virtio-net header comes before each frame; without one there is no offload.
    headed: bool,
    offload: AtomicBool,
    heeds_routers: AtomicBool,
    name: String,
    /// The interface's number; 0 as long as it isn't set up.
    index: u32,
    /// Those that we gave it.
    addresses: Mutex<Vec<Address>>,
}

impl LinuxTap {
    /// Makes the interface and brings it up.
    pub fn open(config: &TapConfig) -> Result<Self, OpenError> {
        let name = name_bytes(&config.name)?;
        let several = if config.queues > 1 { Self::with_queues(name, config.queues) } else { None };
        let (file, more, headed) = match several {
            Some((file, more)) => (file, more, true),
            None => Self::with_one(name, &config.name)?,
        };
        let heeds_routers = AtomicBool::new(!ignores_routers(&config.name));
        let addresses = Mutex::new(config.addresses.clone());
        let offload = AtomicBool::new(false);
        let mut tap =
            Self { file, more, headed, offload, heeds_routers, name: config.name.clone(), index: 0, addresses };
        if config.offload && headed {
            // Where it's refused frames come complete, and `takes_offload` says so.
            let _ = tap.set_offload(true);
        }
        tap.index = setup::configure(config)?;
        Ok(tap)
    }

    fn with_one(name: [u8; libc::IFNAMSIZ], shown: &str) -> Result<(File, Vec<File>, bool), OpenError> {
        let file = device().map_err(|error| OpenError::io(Code::NoTun, format_args!("opening {DEVICE}"), &error))?;
        let headed = attach(&file, name).map_err(|error| {
            let code = if error.raw_os_error() == Some(libc::EBUSY) { Code::NameTaken } else { Code::Failed };
            OpenError::io(code, format_args!("making the interface {shown}"), &error)
        })?;
        Ok((file, Vec::new(), headed))
    }

    /// None, and nothing left behind, if the system refuses anything: one queue tells why, or works.
    fn with_queues(name: [u8; libc::IFNAMSIZ], queues: usize) -> Option<(File, Vec<File>)> {
        const EACH: libc::c_short = (libc::IFF_VNET_HDR | libc::IFF_MULTI_QUEUE) as libc::c_short;
        let file = device().ok()?;
        set_interface(&file, name, EACH | IFF_TUN_EXCL).ok()?;
        set_header(&file).ok()?;
        let another = |_| {
            let file = device().ok()?;
            set_interface(&file, name, EACH).ok()?;
            Some(file)
        };
        Some((file, (1..queues).map(another).collect::<Option<_>>()?))
    }

    fn queue(&self, number: usize) -> io::Result<&File> {
        let file = if number == 0 { Some(&self.file) } else { self.more.get(number - 1) };
        file.ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// Has a poller wait until a queue has a frame. `place`: its bit in `Ready`.
    pub fn watch(&self, queue: usize, poller: &Poller, place: usize) -> io::Result<()> {
        poller.watch(place, self.queue(queue)?.as_fd())
    }

    /// Has it wait for that no longer.
    pub fn forget(&self, queue: usize, poller: &Poller) {
        if let Ok(file) = self.queue(queue) {
            poller.forget(file.as_fd());
        }
    }
}

fn device() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(DEVICE)
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

/// Makes the interface; whether it has a virtio-net header, which kernels may be built without.
fn attach(file: &File, name: [u8; libc::IFNAMSIZ]) -> io::Result<bool> {
    match set_interface(file, name, libc::IFF_VNET_HDR as libc::c_short | IFF_TUN_EXCL) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            set_interface(file, name, IFF_TUN_EXCL)?;
            return Ok(false);
        }
        Err(error) => return Err(error),
    }
    set_header(file)?;
    Ok(true)
}

fn set_header(file: &File) -> io::Result<()> {
    let length = HEADROOM as libc::c_int;
    // SAFETY: TUNSETVNETHDRSZ reads one int, which lives through the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETVNETHDRSZ as _, &raw const length) })?;
    Ok(())
}

fn set_interface(file: &File, name: [u8; libc::IFNAMSIZ], more: libc::c_short) -> io::Result<()> {
    let flags = libc::IFF_TAP as libc::c_short | libc::IFF_NO_PI as libc::c_short | more;
    // SAFETY: an ifreq is integers only, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name = name.map(|byte| byte as libc::c_char);
    request.ifr_ifru.ifru_flags = flags;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which lives through the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &mut request) })?;
    Ok(())
}

/// A member must not become our router. False where the kernel won't be told: /proc/sys is read-only in some containers.
fn ignores_routers(name: &str) -> bool {
    let directory = format!("/proc/sys/net/ipv6/conf/{name}");
    let ignored = ["accept_ra", "autoconf"].map(|setting| fs::write(format!("{directory}/{setting}"), "0").is_ok());
    let no_ipv6 = fs::metadata("/proc/sys/net").is_ok() && fs::metadata(&directory).is_err();
    ignored[0] || no_ipv6
}

impl Tap for LinuxTap {
    fn queues(&self) -> usize {
        1 + self.more.len()
    }

    fn read(&self, queue: usize, room: &mut [u8]) -> io::Result<(usize, Offload)> {
        let mut file = self.queue(queue)?;
        if !self.headed {
            let frame = room.get_mut(HEADROOM..).ok_or(io::ErrorKind::InvalidInput)?;
            return Ok((file.read(frame)?, Offload::default()));
        }
        let length = file.read(room)?;
        let header: &[u8; HEADROOM] = room.first_chunk().ok_or(io::ErrorKind::InvalidInput)?;
        Ok((length.saturating_sub(HEADROOM), vnet::parse(header)))
    }

    fn write(&self, queue: usize, room: &mut [u8], offload: Offload, headers: usize) -> io::Result<()> {
        let mut file = self.queue(queue)?;
        if !self.headed {
            let frame = room.get(HEADROOM..).ok_or(io::ErrorKind::InvalidInput)?;
            return file.write(frame).map(|_| ());
        }
        let header: &mut [u8; HEADROOM] = room.first_chunk_mut().ok_or(io::ErrorKind::InvalidInput)?;
        *header = vnet::emit(&offload, headers as u16);
        file.write(room).map(|_| ())
    }

    fn takes_offload(&self) -> bool {
        self.offload.load(Ordering::Relaxed)
    }

    fn set_offload(&self, on: bool) -> io::Result<()> {
        if on && !self.headed {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let wanted = if on { &LADDER[..2] } else { &LADDER[2..] };
        let mut result = Ok(0);
        for offloads in wanted {
            // SAFETY: TUNSETOFFLOAD takes an integer instead of a pointer.
            result = check(unsafe { libc::ioctl(self.file.as_raw_fd(), libc::TUNSETOFFLOAD as _, *offloads as usize) });
            if result.is_ok() {
                self.offload.store(on, Ordering::Relaxed);
                break;
            }
        }
        result.map(|_| ())
    }

    fn set_addresses(&self, addresses: &[Address]) -> Result<(), OpenError> {
        let mut current = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        setup::replace_addresses(self.index, &current, addresses)?;
        *current = addresses.to_vec();
        Ok(())
    }

    fn set_mtu(&self, mtu: u32) -> io::Result<()> {
        // Below 1,280 bytes the kernel ends IPv6 on an interface. Above, it begins anew: with no address, and heeding routers.
        self.heeds_routers.store(true, Ordering::Relaxed);
        let result = setup::set_mtu(self.index, mtu);
        self.heeds_routers.store(!ignores_routers(&self.name), Ordering::Relaxed);
        let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of IPv6 are refused below that, and are there again above it.
        let _ = setup::replace_addresses(self.index, &addresses, &addresses);
        result
    }

    fn heeds_routers(&self) -> bool {
        self.heeds_routers.load(Ordering::Relaxed)
    }

    fn is_full(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
    }

    fn is_refused(error: &io::Error) -> bool {
        error.raw_os_error() == Some(libc::EINVAL)
    }

    fn is_gone(error: &io::Error) -> bool {
        !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
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
