//! The data sockets of Linux: recvmmsg with UDP_GRO, sendmmsg with UDP_SEGMENT, the local address of every datagram
//! (IP_PKTINFO), and its DSCP and ECN (IP_TOS, IPV6_TCLASS).
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, PoisonError};

use super::batch::{BATCH, FEW, Inbox, Incoming, Outgoing};
use super::{CutFailure, Fragments, UdpSocket};
use crate::errno;
use crate::{poll, sockopt};
use ancillary::{Ancillary, Received};
use names::{address_of, sockaddr};

mod ancillary;
mod bpf;
pub(crate) mod names;
mod sessions;
mod share;

pub use sessions::Passing;

/// Bytes that the kernel may queue for us. What has arrived must wait while this thread doesn't run: 8 MiB are 7 ms at 10 Gbit/s.
const RECEIVE_BUFFER: libc::c_int = 8 * 1_024 * 1_024;
/// Bytes that we may queue in the kernel, which allows twice as much for its own administration. This is what stands before
/// a slow uplink: a few super-frames, 40 ms at 100 Mbit/s. Frames behind wait in the interface's queue.
const SEND_BUFFER: libc::c_int = 512 * 1_024;
/// The same for what isn't a session's: some hundred handshakes, as many as are read in a few hundredths of a second.
const STRANGERS_BUFFER: libc::c_int = 1_024 * 1_024;

pub struct LinuxUdp {
    fd: OwnedFd,
    /// AF_INET or AF_INET6.
    family: libc::c_int,
    /// Held while the socket lets datagrams leave in fragments, and while one leaves that must not.
    fragmenting: Mutex<()>,
    /// Datagrams that the kernel had dropped when it was last asked.
    unread: AtomicU32,
}

impl LinuxUdp {
    /// Bound to that address.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = Self::unbound(address)?;
        let (name, length) = sockaddr(address);
        // SAFETY: `name` lives through the call and is at least `length` long.
        poll::check(unsafe { libc::bind(socket.fd.as_raw_fd(), (&raw const name).cast(), length) })?;
        Ok(socket)
    }

    /// With all options, for an address of this family.
    fn unbound(address: SocketAddr) -> io::Result<Self> {
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: takes integers and returns a descriptor that nobody else owns, or -1.
        let fd = poll::check(unsafe { libc::socket(family, kind, 0) })?;
        // SAFETY: `fd` was just opened and is owned by no one else.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let socket = Self { fd, family, fragmenting: Mutex::default(), unread: AtomicU32::new(0) };
        socket.set_options(address)?;
        Ok(socket)
    }

    fn set_options(&self, address: SocketAddr) -> io::Result<()> {
        self.set_receive_buffer(RECEIVE_BUFFER)?;
        self.set_buffer((libc::SO_SNDBUFFORCE, libc::SO_SNDBUF), SEND_BUFFER)?;
        self.set_fragments(Fragments::Never)?;
        if address.is_ipv4() {
            self.set(libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
            return self.set(libc::IPPROTO_IP, libc::IP_RECVTOS, 1);
        }
        self.set(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        self.set(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
        self.set(libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1)
    }

    fn set_receive_buffer(&self, bytes: libc::c_int) -> io::Result<()> {
        self.set_buffer((libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), bytes)
    }

    /// Room for less than what sessions send.
    pub fn expect_strangers(&self) -> io::Result<()> {
        self.set_receive_buffer(STRANGERS_BUFFER)
    }

    fn set_buffer(&self, (forced, plain): (libc::c_int, libc::c_int), bytes: libc::c_int) -> io::Result<()> {
        let set = self.set(libc::SOL_SOCKET, forced, bytes);
        set.or_else(|_| self.set(libc::SOL_SOCKET, plain, bytes))
    }

    /// PROBE sets DF, and only the interface's own MTU limits a datagram: what the system believes to know of a path, from
    /// ICMP messages that anyone can send, isn't used (ip(7)). We measure.
    fn set_fragments(&self, fragments: Fragments) -> io::Result<()> {
        if self.family == libc::AF_INET {
            let value = match fragments {
                Fragments::Never => libc::IP_PMTUDISC_PROBE,
                Fragments::IfNeeded => libc::IP_PMTUDISC_DONT,
            };
            return self.set(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, value);
        }
        let value = match fragments {
            Fragments::Never => libc::IPV6_PMTUDISC_PROBE,
            Fragments::IfNeeded => libc::IPV6_PMTUDISC_DONT,
        };
        self.set(libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, value)
    }

    fn set(&self, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        sockopt::set(self.fd.as_fd(), level, option, value)
    }
}

impl AsFd for LinuxUdp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl LinuxUdp {
    // What the kernel is given is zeroed each time: for one message, the usual number of super-frames, that's much less.

    fn receive_up_to<const N: usize>(&self, inbox: &mut Inbox) -> io::Result<()> {
        // SAFETY: all three are integers and pointers only, for which zeros are valid.
        let (mut names, mut vectors, mut headers): ([libc::sockaddr_in6; N], [libc::iovec; N], [libc::mmsghdr; N]) =
            unsafe { zeroed() };
        let mut ancillary = [const { Ancillary::EMPTY }; N];
        let mut wanted = 0;
        for (at, buffer) in inbox.buffers().take(N).enumerate() {
            vectors[at] = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            let header = &mut headers[at].msg_hdr;
            header.msg_name = (&raw mut names[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            (header.msg_iov, header.msg_iovlen) = (&raw mut vectors[at], 1);
            ancillary[at].offer(header);
            wanted = at + 1;
        }
        // SAFETY: every header points to a name, a vector, a buffer and ancillary room that live through the call.
        let count = poll::check(unsafe {
            libc::recvmmsg(self.fd.as_raw_fd(), headers.as_mut_ptr(), wanted as _, 0, std::ptr::null_mut())
        })?;
        for at in 0..count as usize {
            let length = headers[at].msg_len as usize;
            let Received { local, mark, segment } = ancillary::read(&headers[at].msg_hdr);
            let segment = segment.filter(|&segment| segment > 0).unwrap_or(length.max(1));
            // A message of no known family keeps its place, so that places and buffers agree; it has no bytes.
            let from = address_of(&names[at]);
            let length = if from.is_some() { length } else { 0 };
            let from = from.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
            inbox.messages.push(Incoming { from, local, mark, length, segment });
        }
        Ok(())
    }

    fn send_up_to<const N: usize>(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize> {
        // SAFETY: all three are integers and pointers only, for which zeros are valid.
        let (mut names, mut vectors, mut headers): ([libc::sockaddr_in6; N], [libc::iovec; N], [libc::mmsghdr; N]) =
            unsafe { zeroed() };
        let mut ancillary = [const { Ancillary::EMPTY }; N];
        let count = messages.len().min(N);
        for (at, message) in messages.iter().take(count).enumerate() {
            let bytes = arena.get(message.bytes.clone()).ok_or(io::ErrorKind::InvalidInput)?;
            vectors[at] = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            let (name, length) = sockaddr(message.route.to);
            names[at] = name;
            let header = &mut headers[at].msg_hdr;
            (header.msg_name, header.msg_namelen) = ((&raw mut names[at]).cast(), length);
            (header.msg_iov, header.msg_iovlen) = (&raw mut vectors[at], 1);
            ancillary[at].write(header, message);
        }
        // SAFETY: every header points to a name, a vector, bytes and ancillary data that live through the call.
        let sent = poll::check(unsafe {
            libc::sendmmsg(self.fd.as_raw_fd(), headers.as_mut_ptr(), count as _, libc::MSG_NOSIGNAL)
        })?;
        Ok(sent as usize)
    }
}

impl UdpSocket for LinuxUdp {
    fn receive(&self, inbox: &mut Inbox) -> io::Result<()> {
        inbox.messages.clear();
        match inbox.wanted() {
            1 => self.receive_up_to::<1>(inbox),
            2..=FEW => self.receive_up_to::<FEW>(inbox),
            _ => self.receive_up_to::<BATCH>(inbox),
        }
    }

    fn send(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize> {
        match messages.len() {
            1 => self.send_up_to::<1>(arena, messages),
            _ => self.send_up_to::<BATCH>(arena, messages),
        }
    }

    fn send_fragmented(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize> {
        let _switched = self.fragmenting.lock().unwrap_or_else(PoisonError::into_inner);
        self.set_fragments(Fragments::IfNeeded)?;
        let sent = self.send(arena, messages);
        self.set_fragments(Fragments::Never)?;
        sent
    }

    fn send_unfragmented(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize> {
        let _unswitched = self.fragmenting.lock().unwrap_or_else(PoisonError::into_inner);
        self.send(arena, messages)
    }

    fn set_mark(&self, mark: u32) -> io::Result<()> {
        self.set(libc::SOL_SOCKET, libc::SO_MARK, mark.cast_signed())
    }

    fn set_joining(&self, on: bool) -> io::Result<()> {
        self.set(libc::SOL_UDP, libc::UDP_GRO, libc::c_int::from(on))
    }

    fn can_cut(&self) -> bool {
        // Sets what is set already: no size that all messages are cut to.
        self.set(libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok()
    }

    fn cut_failure(error: &io::Error) -> CutFailure {
        match error.raw_os_error() {
            _ if errno::is_unable(error) => CutFailure::Unable,
            Some(libc::EINVAL | libc::EMSGSIZE) => CutFailure::Size,
            _ => CutFailure::Other,
        }
    }

    fn is_too_large(error: &io::Error) -> bool {
        errno::is_too_large(error)
    }

    fn says_unreachable(error: &io::Error) -> bool {
        const NO_WAY: [libc::c_int; 9] = [
            libc::ENETUNREACH,
            libc::EHOSTUNREACH,
            libc::ENETDOWN,
            libc::EHOSTDOWN,
            libc::EADDRNOTAVAIL,
            libc::ENODEV,
            // A firewall, a broadcast address, a zone that isn't there.
            libc::EPERM,
            libc::EACCES,
            libc::EINVAL,
        ];
        error.raw_os_error().is_some_and(|code| NO_WAY.contains(&code))
    }

    fn wait_writable(&self, ms: i32) -> bool {
        poll::wait_writable(self.fd.as_fd(), ms)
    }

    fn take_unread(&self) -> u64 {
        self.count_unread()
    }
}
