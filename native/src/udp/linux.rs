//! The data sockets of Linux: recvmmsg and sendmmsg, and the local address of every datagram (IP_PKTINFO).
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::UdpSocket;
use super::batch::{BATCH, Inbox, Incoming, MAX_INCOMING, Outgoing};
use crate::error::{Code, OpenError};
use crate::poll;

/// Bytes that the kernel may queue in each direction.
const BUFFER: libc::c_int = 8 * 1_024 * 1_024;

/// Room for one IP_PKTINFO or IPV6_PKTINFO message.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Ancillary([u8; 64]);

pub struct LinuxUdp(OwnedFd);

impl LinuxUdp {
    pub fn open_v4(port: u16) -> Result<Self, OpenError> {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        Self::open(address).map_err(|error| refused(address, &error))
    }

    /// None if this host has no IPv6.
    pub fn open_v6(port: u16) -> Result<Option<Self>, OpenError> {
        let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        match Self::open(address) {
            Ok(socket) => Ok(Some(socket)),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)) => Ok(None),
            Err(error) => Err(refused(address, &error)),
        }
    }

    fn open(address: SocketAddr) -> io::Result<Self> {
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // SAFETY: takes integers and returns a descriptor that nobody else owns, or -1.
        let fd = poll::check(unsafe { libc::socket(family, kind, 0) })?;
        // SAFETY: `fd` was just opened and is owned by no one else.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        socket.set_options(address)?;
        let (name, length) = sockaddr(address);
        // SAFETY: `name` lives through the call and is at least `length` long.
        poll::check(unsafe { libc::bind(socket.0.as_raw_fd(), (&raw const name).cast(), length) })?;
        Ok(socket)
    }

    fn set_options(&self, address: SocketAddr) -> io::Result<()> {
        for (forced, plain) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)] {
            let forced = self.set(libc::SOL_SOCKET, forced, BUFFER);
            forced.or_else(|_| self.set(libc::SOL_SOCKET, plain, BUFFER))?;
        }
        // Until the path MTU is measured, a datagram that is too large goes in fragments rather than nowhere.
        if address.is_ipv4() {
            self.set(libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
            return self.set(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DONT);
        }
        self.set(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        self.set(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
        self.set(libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DONT)
    }

    fn set(&self, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
        let length = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: `value` is one integer that lives through the call.
        poll::check(unsafe { libc::setsockopt(self.0.as_raw_fd(), level, option, (&raw const value).cast(), length) })?;
        Ok(())
    }
}

fn refused(address: SocketAddr, error: &io::Error) -> OpenError {
    let code = if error.kind() == io::ErrorKind::AddrInUse { Code::PortTaken } else { Code::Failed };
    OpenError::io(code, format_args!("opening UDP {address}"), error)
}

impl AsFd for LinuxUdp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl UdpSocket for LinuxUdp {
    fn receive(&self, inbox: &mut Inbox) -> io::Result<()> {
        inbox.datagrams.clear();
        // SAFETY: all three are integers and pointers only, for which zeros are valid.
        let (mut names, mut vectors, mut headers): (
            [libc::sockaddr_in6; BATCH],
            [libc::iovec; BATCH],
            [libc::mmsghdr; BATCH],
        ) = unsafe { zeroed() };
        let mut ancillary = [Ancillary([0; 64]); BATCH];
        for (at, buffer) in inbox.buffers().enumerate() {
            vectors[at] = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: MAX_INCOMING };
            let header = &mut headers[at].msg_hdr;
            header.msg_name = (&raw mut names[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            (header.msg_iov, header.msg_iovlen) = (&raw mut vectors[at], 1);
            header.msg_control = ancillary[at].0.as_mut_ptr().cast();
            header.msg_controllen = ancillary[at].0.len() as _;
        }
        // SAFETY: every header points to a name, a vector, a buffer and ancillary room that live through the call.
        let count = poll::check(unsafe {
            libc::recvmmsg(self.0.as_raw_fd(), headers.as_mut_ptr(), BATCH as _, 0, std::ptr::null_mut())
        })?;
        for at in 0..count as usize {
            let length = headers[at].msg_len as usize;
            // A datagram of no known family keeps its place, so that places and buffers agree; it has no bytes.
            let unknown = Incoming { from: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), local: None, length: 0 };
            let known = address_of(&names[at]).map(|from| Incoming {
                from,
                local: local_address(&headers[at].msg_hdr),
                length,
            });
            inbox.datagrams.push(known.unwrap_or(unknown));
        }
        Ok(())
    }

    fn send(&self, arena: &[u8], datagrams: &[Outgoing]) -> io::Result<usize> {
        // SAFETY: all three are integers and pointers only, for which zeros are valid.
        let (mut names, mut vectors, mut headers): (
            [libc::sockaddr_in6; BATCH],
            [libc::iovec; BATCH],
            [libc::mmsghdr; BATCH],
        ) = unsafe { zeroed() };
        let mut ancillary = [Ancillary([0; 64]); BATCH];
        let count = datagrams.len().min(BATCH);
        for (at, datagram) in datagrams.iter().take(count).enumerate() {
            let bytes = arena.get(datagram.bytes.clone()).ok_or(io::ErrorKind::InvalidInput)?;
            vectors[at] = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            let (name, length) = sockaddr(datagram.to);
            names[at] = name;
            let header = &mut headers[at].msg_hdr;
            (header.msg_name, header.msg_namelen) = ((&raw mut names[at]).cast(), length);
            (header.msg_iov, header.msg_iovlen) = (&raw mut vectors[at], 1);
            if let Some(source) = datagram.source {
                leave_from(header, &mut ancillary[at], source);
            }
        }
        // SAFETY: every header points to a name, a vector, bytes and ancillary data that live through the call.
        let sent = poll::check(unsafe {
            libc::sendmmsg(self.0.as_raw_fd(), headers.as_mut_ptr(), count as _, libc::MSG_NOSIGNAL)
        })?;
        Ok(sent as usize)
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
        poll::wait_writable(self.0.as_fd(), ms)
    }
}

/// An address as the kernel takes it. A sockaddr_in lies at the start of what has room for either.
fn sockaddr(address: SocketAddr) -> (libc::sockaddr_in6, libc::socklen_t) {
    // SAFETY: a sockaddr_in6 is integers only, for which zeros are valid.
    let mut name: libc::sockaddr_in6 = unsafe { zeroed() };
    match address {
        SocketAddr::V4(address) => {
            let v4 = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: a sockaddr_in6 is longer than a sockaddr_in and at least as strictly aligned.
            unsafe { (&raw mut name).cast::<libc::sockaddr_in>().write(v4) };
            (name, size_of::<libc::sockaddr_in>() as libc::socklen_t)
        }
        SocketAddr::V6(address) => {
            name.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            name.sin6_port = address.port().to_be();
            name.sin6_addr.s6_addr = address.ip().octets();
            name.sin6_scope_id = address.scope_id();
            (name, size_of::<libc::sockaddr_in6>() as libc::socklen_t)
        }
    }
}

fn address_of(name: &libc::sockaddr_in6) -> Option<SocketAddr> {
    match i32::from(name.sin6_family) {
        libc::AF_INET => {
            // SAFETY: the kernel wrote a sockaddr_in here, as the family says, and there is room for one.
            let v4 = unsafe { (&raw const *name).cast::<libc::sockaddr_in>().read() };
            let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            let (ip, port) = (Ipv6Addr::from(name.sin6_addr.s6_addr), u16::from_be(name.sin6_port));
            Some(SocketAddrV6::new(ip, port, 0, name.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Which of our addresses a received datagram came to.
fn local_address(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel filled the header of a message that has arrived; its ancillary data is alive.
    let message = unsafe { libc::CMSG_FIRSTHDR(header).as_ref()? };
    // SAFETY: `message` is a control message that the kernel wrote.
    let data = unsafe { libc::CMSG_DATA(message) };
    match (message.cmsg_level, message.cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            // SAFETY: the kernel writes an in_pktinfo for this type.
            let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
            let ip = Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes());
            (!ip.is_unspecified() && !ip.is_multicast()).then_some(ip.into())
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            // SAFETY: the kernel writes an in6_pktinfo for this type.
            let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
            let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            (!ip.is_unspecified() && !ip.is_multicast()).then_some(ip.into())
        }
        _ => None,
    }
}

/// Says which of our addresses a datagram is to leave from. The interface is left to routing and to the zone.
fn leave_from(header: &mut libc::msghdr, room: &mut Ancillary, source: IpAddr) {
    header.msg_control = room.0.as_mut_ptr().cast();
    match source {
        IpAddr::V4(ip) => {
            let address = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
            let info =
                libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: libc::in_addr { s_addr: 0 } };
            attach(header, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        }
        IpAddr::V6(ip) => {
            let address = libc::in6_addr { s6_addr: ip.octets() };
            let info = libc::in6_pktinfo { ipi6_addr: address, ipi6_ifindex: 0 };
            attach(header, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
    }
}

/// Writes one control message; `header.msg_control` points to an `Ancillary`, which has room for it.
fn attach<T>(header: &mut libc::msghdr, level: libc::c_int, kind: libc::c_int, data: T) {
    let length = size_of::<T>() as libc::c_uint;
    // SAFETY: both only compute sizes.
    let (space, message_length) = unsafe { (libc::CMSG_SPACE(length), libc::CMSG_LEN(length)) };
    header.msg_controllen = space as _;
    // SAFETY: `msg_control` points to 64 aligned bytes, more than a header and an in6_pktinfo take.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(header);
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = message_length as _;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(data);
    }
}

#[cfg(test)]
mod tests;
