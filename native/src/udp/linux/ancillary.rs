//! What goes along with a message: our own address, DSCP and ECN, the size of its datagrams.
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::udp::batch::Outgoing;

/// Room for an IPV6_PKTINFO (40 bytes with its header), an IPV6_TCLASS (24) and a UDP_GRO (24) message, and some to spare.
const ROOM: usize = 128;

#[repr(C, align(8))]
pub struct Ancillary([u8; ROOM]);

/// What the kernel said about a message.
#[derive(Default)]
pub struct Received {
    pub local: Option<IpAddr>,
    pub mark: u8,
    pub segment: Option<usize>,
}

impl Ancillary {
    pub const EMPTY: Self = Self([0; ROOM]);

    /// Room for what the kernel has to say.
    pub fn offer(&mut self, header: &mut libc::msghdr) {
        header.msg_control = self.0.as_mut_ptr().cast();
        header.msg_controllen = ROOM as _;
    }

    /// What we have to say about a message, if anything.
    pub fn write(&mut self, header: &mut libc::msghdr, message: &Outgoing) {
        let mut at = 0;
        match message.route.source {
            Some(IpAddr::V4(ip)) => {
                let address = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
                let info =
                    libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: address, ipi_addr: libc::in_addr { s_addr: 0 } };
                self.put(&mut at, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
            }
            Some(IpAddr::V6(ip)) => {
                let address = libc::in6_addr { s6_addr: ip.octets() };
                let info = libc::in6_pktinfo { ipi6_addr: address, ipi6_ifindex: 0 };
                self.put(&mut at, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
            }
            None => {}
        }
        let mark = libc::c_int::from(message.route.mark);
        match message.route.to.ip() {
            _ if mark == 0 => {}
            IpAddr::V4(_) => self.put(&mut at, libc::IPPROTO_IP, libc::IP_TOS, mark),
            IpAddr::V6(_) => self.put(&mut at, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, mark),
        }
        if message.is_joined() {
            self.put(&mut at, libc::SOL_UDP, libc::UDP_SEGMENT, message.segment as u16);
        }
        if at > 0 {
            header.msg_control = self.0.as_mut_ptr().cast();
            header.msg_controllen = at as _;
        }
    }

    /// Appends a control message; the three that `write` makes fit.
    fn put<T>(&mut self, at: &mut usize, level: libc::c_int, kind: libc::c_int, data: T) {
        let length = size_of::<T>() as libc::c_uint;
        // SAFETY: all three only compute sizes.
        let (space, whole, start) = unsafe { (libc::CMSG_SPACE(length), libc::CMSG_LEN(length), libc::CMSG_LEN(0)) };
        let Some(room) = self.0.get_mut(*at..*at + space as usize) else { return };
        *at += space as usize;
        // SAFETY: a cmsghdr is integers only, for which zeros are valid.
        let mut message: libc::cmsghdr = unsafe { std::mem::zeroed() };
        (message.cmsg_level, message.cmsg_type, message.cmsg_len) = (level, kind, whole as _);
        // SAFETY: `room` is as long as a header and the data with their padding.
        unsafe {
            room.as_mut_ptr().cast::<libc::cmsghdr>().write_unaligned(message);
            room.as_mut_ptr().add(start as usize).cast::<T>().write_unaligned(data);
        }
    }
}

/// Reads what the kernel said about a message that it has filled in.
pub fn read(header: &libc::msghdr) -> Received {
    let mut received = Received::default();
    // SAFETY: the kernel filled the header of a message that has arrived; its ancillary data is alive.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: `next` is null or a control message that the kernel wrote.
    while let Some(message) = unsafe { next.as_ref() } {
        // SAFETY: as above; the data begins behind the message's header.
        let data = unsafe { libc::CMSG_DATA(message) };
        // SAFETY: the kernel writes the type that belongs to the level and kind.
        unsafe { take(&mut received, message, data) };
        // SAFETY: as above.
        next = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    received
}

/// # Safety
/// `data` must hold what the kernel writes for the message's level and type.
unsafe fn take(received: &mut Received, message: &libc::cmsghdr, data: *const u8) {
    match (message.cmsg_level, message.cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            // SAFETY: the kernel writes an in_pktinfo for this type.
            let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
            let ip = Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes());
            received.local = (!ip.is_unspecified() && !ip.is_multicast()).then_some(ip.into());
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            // SAFETY: the kernel writes an in6_pktinfo for this type.
            let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
            let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            received.local = (!ip.is_unspecified() && !ip.is_multicast()).then_some(ip.into());
        }
        // SAFETY: the kernel writes one byte for this type.
        (libc::IPPROTO_IP, libc::IP_TOS) => received.mark = unsafe { data.read() },
        (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
            // SAFETY: the kernel writes an int for this type.
            received.mark = unsafe { data.cast::<libc::c_int>().read_unaligned() } as u8;
        }
        (libc::SOL_UDP, libc::UDP_GRO) => {
            // SAFETY: the kernel writes an int for this type.
            let segment = unsafe { data.cast::<libc::c_int>().read_unaligned() };
            received.segment = usize::try_from(segment).ok();
        }
        _ => {}
    }
}
