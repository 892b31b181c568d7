//! Tells when this machine's interfaces or addresses change (rtnetlink multicast groups).
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
/// Bytes of one notification that are read; what it says isn't looked at.
const NOTIFICATION: usize = 4_096;

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
        let groups = libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, groups as u32))?;
        socket.set_non_blocking(true)?;
        let control = Arc::new(Control { stopping: AtomicBool::new(false), waker: Waker::new()? });
        let poller = Poller::new()?;
        poller.watch(SOCKET, socket.as_fd())?;
        poller.watch(WAKER, control.waker.as_fd())?;
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
        if ready.has(SOCKET) {
            drain(socket);
            tell_at.get_or_insert(now() + SETTLE);
        }
        if tell_at.is_some_and(|at| at <= now()) {
            tell_at = None;
            on_change();
        }
    }
}

/// An overrun says that there were changes too, so errors need no telling apart.
fn drain(socket: &Socket) {
    let mut notification = Vec::with_capacity(NOTIFICATION);
    while socket.recv(&mut notification, 0).is_ok() {
        notification.clear();
    }
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
