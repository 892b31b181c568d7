//! Tells when this machine's interfaces, addresses or default routes change: one file per system says how it's noticed.
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crate::clock::{MILLISECOND, Nanos, now};
use crate::poll::{Poller, Waker};

/// Changes come in bursts; this long after the first of a burst all of them are told at once.
const SETTLE: Nanos = 200 * MILLISECOND;

const CHANGES: usize = 0;
const WAKER: usize = 1;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
// What comes from the routing socket is bytes, and so is read and tested on every system.
pub mod routing;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux::Changes;
#[cfg(target_os = "macos")]
use macos::Changes;
#[cfg(windows)]
use windows::Changes;

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
        let changes = Changes::open()?;
        let control = Arc::new(Control { stopping: AtomicBool::new(false), waker: Waker::new()? });
        let poller = Poller::new()?;
        changes.watch(&poller, CHANGES)?;
        poller.watch_waker(WAKER, &control.waker)?;
        let watched = Arc::clone(&control);
        let run = move || watch(&watched, &poller, &changes, &*on_change);
        let thread = Some(thread::Builder::new().name("p2p-addresses".into()).spawn(run)?);
        Ok(Self { control, thread })
    }
}

fn watch(control: &Control, poller: &Poller, changes: &Changes, on_change: &dyn Fn()) {
    let mut tell_at: Option<Nanos> = None;
    while !control.stopping.load(Ordering::Relaxed) {
        let Ok(ready) = poller.wait(tell_at.map(|at| at.saturating_sub(now()))) else { return };
        if ready.has(CHANGES) && changes.drain() {
            tell_at.get_or_insert(now() + SETTLE);
        }
        if tell_at.is_some_and(|at| at <= now()) {
            tell_at = None;
            on_change();
        }
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
