//! Tells when this machine's interfaces, addresses or default routes change (rtnetlink multicast groups).
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::clock::{MILLISECOND, Nanos, now};
use crate::poll::{Poller, Waker};

/// Changes come in bursts; this long after the first of a burst all of them are told at once.
const SETTLE: Nanos = 200 * MILLISECOND;
/// Bytes of one datagram of notifications that are read; there's at most a page of them.
const NOTIFICATION: usize = 4_096;

/// Bytes of a message's header.
const HEADER: usize = 16;

const SOCKET: usize = 0;
const WAKER: usize = 1;

struct Control {
    stopping: AtomicBool,
    waker: Waker,
}

/// Watches until it's dropped.
pub struct AddressWatch {
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

impl AddressWatch {
    /// `on_change` is called from a thread of its own and must not block.
    pub fn open(on_change: Box<dyn Fn() + Send>) -> io::Result<Self> {
        let groups = libc::RTMGRP_LINK
            | libc::RTMGRP_IPV4_IFADDR
            | libc::RTMGRP_IPV6_IFADDR
            | libc::RTMGRP_IPV4_ROUTE
            | libc::RTMGRP_IPV6_ROUTE;
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, groups as u32))?;
        socket.set_non_blocking(true)?;
        let control = Arc::new(Control { stopping: AtomicBool::new(false), waker: Waker::new()? });
        let poller = Poller::new()?;
        poller.watch(SOCKET, socket.as_fd())?;
        poller.watch_waker(WAKER, &control.waker)?;
        let watched = Arc::clone(&control);
        let run = move || watch(&watched, &poller, &socket, &*on_change);
        let thread = Some(thread::Builder::new().name("p2p-addresses".into()).spawn(run)?);
        Ok(Self { control, thread })
    }
}

fn watch(control: &Control, poller: &Poller, socket: &Socket, on_change: &dyn Fn()) {
    let mut tell_at: Option<Nanos> = None;
    while !control.stopping.load(Ordering::Relaxed) {
        let Ok(ready) = poller.wait(tell_at.map(|at| at.saturating_sub(now()))) else { return };
        if ready.has(SOCKET) && drain(socket) {
            tell_at.get_or_insert(now() + SETTLE);
        }
        if tell_at.is_some_and(|at| at <= now()) {
            tell_at = None;
            on_change();
        }
    }
}

/// Reads what is there; true if any of it matters. An overrun says that there were changes which nobody will name.
fn drain(socket: &Socket) -> bool {
    let mut notifications = Vec::with_capacity(NOTIFICATION);
    let mut some_matters = false;
    loop {
        notifications.clear();
        match socket.recv(&mut notifications, 0) {
            Ok(_) => some_matters |= matters(&notifications),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return some_matters,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return true,
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

impl Drop for AddressWatch {
    fn drop(&mut self) {
        self.control.stopping.store(true, Ordering::Relaxed);
        self.control.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
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
