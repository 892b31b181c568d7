//! Linux: rtnetlink's multicast groups.
use std::io;
use std::os::fd::AsFd;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::poll::Poller;

/// Bytes of one datagram of notifications that are read; there's at most a page of them.
const NOTIFICATION: usize = 4_096;
/// Bytes of a message's header.
const HEADER: usize = 16;

pub struct Changes(Socket);

impl Changes {
    pub fn open() -> io::Result<Self> {
        let groups = libc::RTMGRP_LINK
            | libc::RTMGRP_IPV4_IFADDR
            | libc::RTMGRP_IPV6_IFADDR
            | libc::RTMGRP_IPV4_ROUTE
            | libc::RTMGRP_IPV6_ROUTE;
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, groups as u32))?;
        socket.set_non_blocking(true)?;
        Ok(Self(socket))
    }

    pub fn watch(&self, poller: &Poller, place: usize) -> io::Result<()> {
        poller.watch(place, self.0.as_fd())
    }

    /// Reads what is there; true if any of it matters. An overrun says that there were changes which nobody will name.
    pub fn drain(&self) -> bool {
        let mut notifications = Vec::with_capacity(NOTIFICATION);
        let mut some_matters = false;
        loop {
            notifications.clear();
            match self.0.recv(&mut notifications, 0) {
                Ok(_) => some_matters |= matters(&notifications),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return some_matters,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
    }
}

/// Whether any of these messages (struct nlmsghdr, linux/netlink.h, each with its payload) isn't about one route among many: a machine that
/// routes for others may have new ones every second, and only a default route says that the way out is another.
fn matters(mut messages: &[u8]) -> bool {
    while let Some((header, rest)) = messages.split_first_chunk::<HEADER>() {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        // struct rtmsg (linux/rtnetlink.h): family, length of the destination's prefix in bits.
        let is_one_of_many =
            matches!(kind, libc::RTM_NEWROUTE | libc::RTM_DELROUTE) && rest.get(1).is_some_and(|&bits| bits > 0);
        if !is_one_of_many {
            return true;
        }
        let Some(next) = messages.get(length.max(HEADER).next_multiple_of(4)..) else { return false };
        messages = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER + payload.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn routes_matter_only_if_they_are_the_default() {
        let default = message(libc::RTM_NEWROUTE, &[2, 0, 0, 0]);
        let other = message(libc::RTM_DELROUTE, &[2, 24, 0, 0, 9]);
        let link = message(libc::RTM_NEWLINK, &[0; 16]);
        assert!(matters(&default));
        assert!(matters(&link));
        assert!(!matters(&other));
        assert!(!matters(&[other.clone(), other.clone()].concat()));
        assert!(matters(&[other.clone(), default].concat()));
        assert!(!matters(&[]));
        assert!(!matters(&other[..HEADER + 2]));
    }
}
