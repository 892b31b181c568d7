//! The interface of macOS and Windows, by the crate tun-rs: a pair of `feth` interfaces, an adapter of tap-windows6. With the feature `portable` on Linux as
//! well, a TAP, where tests run it.
//!
//! It's read by a thread of its own, because not every system has a descriptor to wait for. No offload, one queue. How the interface is made, what it's called
//! and what a crash leaves of one differs: a file per system. Addresses and MTU are set by the system's own programs: `../commands/`.
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tun_rs::{InterruptEvent, SyncDevice};

use super::commands::run_all;
use super::frames::Frames;
use super::{Address, Tap, TapConfig};
use crate::error::{Code, OpenError};
use crate::packet::{HEADROOM, MAX_FRAME, Offload};
use crate::poll::Poller;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;
use system::Interface;
#[cfg(windows)]
use windows as system;

pub struct PortableTap {
    device: Arc<SyncDevice>,
    interface: Interface,
    frames: Arc<Frames>,
    interrupt: Arc<InterruptEvent>,
    reader: Option<JoinHandle<()>>,
    /// Those that we gave it.
    addresses: Mutex<Vec<Address>>,
}

impl PortableTap {
    /// Makes the interface and brings it up. What is left of one that a crash has kept from being removed is removed first.
    pub fn open(config: &TapConfig) -> Result<Self, OpenError> {
        let failed = |error| OpenError::io(Code::Failed, "reading the interface", &error);
        let (device, interface) = system::open(config)?;
        let device = Arc::new(device);
        run_all(&interface.set_mtu(config.mtu))?;
        run_all(&interface.give_first(&config.addresses))?;
        run_all(&interface.bring_up())?;
        let frames = Arc::new(Frames::new().map_err(failed)?);
        let interrupt = Arc::new(InterruptEvent::new().map_err(failed)?);
        let reader = start_reader(&device, &frames, &interrupt).map_err(failed)?;
        let addresses = Mutex::new(config.addresses.clone());
        Ok(Self { device, interface, frames, interrupt, reader: Some(reader), addresses })
    }

    /// Has a poller wait until a queue has a frame. `place`: its bit in `Ready`.
    pub fn watch(&self, queue: usize, poller: &Poller, place: usize) -> io::Result<()> {
        only(queue)?;
        self.frames.watch(poller, place)
    }

    /// Has it wait for that no longer.
    pub fn forget(&self, _queue: usize, poller: &Poller) {
        self.frames.forget(poller);
    }
}

impl Drop for PortableTap {
    /// The interface goes with the last who has the device.
    fn drop(&mut self) {
        self.frames.close();
        // It fails only if the reader has been told already.
        let _ = self.interrupt.trigger();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// There's one queue.
fn only(queue: usize) -> io::Result<()> {
    if queue == 0 { Ok(()) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn start_reader(
    device: &Arc<SyncDevice>,
    frames: &Arc<Frames>,
    interrupt: &Arc<InterruptEvent>,
) -> io::Result<JoinHandle<()>> {
    let (device, frames, interrupt) = (Arc::clone(device), Arc::clone(frames), Arc::clone(interrupt));
    let run = move || {
        if let Err(error) = read(&device, &frames, &interrupt) {
            frames.end(&error);
        }
    };
    thread::Builder::new().name("p2p-interface".into()).spawn(run)
}

/// Reads until it's told to stop. An error means that the interface is gone.
fn read(device: &SyncDevice, frames: &Frames, interrupt: &InterruptEvent) -> io::Result<()> {
    // One byte more than the longest frame, so that a longer one is seen to be too long.
    let mut buffer = vec![0; MAX_FRAME + 1];
    loop {
        // Not at once the one that can be interrupted: it waits for the system though frames that came together with the last are there.
        let length = match receive_now(device, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => device.recv_intr(&mut buffer, interrupt),
            result => result,
        };
        match length {
            Ok(length) if frames.push(&buffer[..length]) => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted && interrupt.is_trigger() => return Ok(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            // Longer than the buffer.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(unix)]
fn receive_now(device: &SyncDevice, buffer: &mut [u8]) -> io::Result<usize> {
    device.recv(buffer)
}

#[cfg(windows)]
fn receive_now(device: &SyncDevice, buffer: &mut [u8]) -> io::Result<usize> {
    device.try_recv(buffer)
}

impl Tap for PortableTap {
    fn queues(&self) -> usize {
        1
    }

    fn read(&self, queue: usize, room: &mut [u8]) -> io::Result<(usize, Offload)> {
        only(queue)?;
        let frame = room.get_mut(HEADROOM..).ok_or(io::ErrorKind::InvalidInput)?;
        Ok((self.frames.take(frame)?, Offload::default()))
    }

    fn write(&self, queue: usize, room: &mut [u8], _offload: Offload, _headers: usize) -> io::Result<()> {
        only(queue)?;
        let frame = room.get(HEADROOM..).ok_or(io::ErrorKind::InvalidInput)?;
        self.device.send(frame).map(|_| ())
    }

    fn takes_offload(&self) -> bool {
        false
    }

    fn set_offload(&self, on: bool) -> io::Result<()> {
        if on { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) }
    }

    fn set_addresses(&self, addresses: &[Address]) -> Result<(), OpenError> {
        let mut current = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = run_all(&self.interface.exchange(&current, addresses)) {
            for command in self.interface.exchange(addresses, &current) {
                // What wasn't done needn't be undone.
                let _ = command.output();
            }
            return Err(error);
        }
        *current = addresses.to_vec();
        Ok(())
    }

    fn set_mtu(&self, mtu: u32) -> io::Result<()> {
        run_all(&self.interface.set_mtu(mtu)).map_err(|error| io::Error::other(error.message))?;
        let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        // Below 1,280 bytes there is no IPv6: its addresses may go, are refused, and are wanted again above it.
        for command in self.interface.exchange(&addresses, &addresses) {
            let _ = command.output();
        }
        Ok(())
    }

    /// No setting of these systems that keeps them from it for certain: what members send of that is dropped before the interface.
    fn heeds_routers(&self) -> bool {
        true
    }

    fn is_full(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::WouldBlock || is_without_buffers(error)
    }

    fn is_refused(_error: &io::Error) -> bool {
        false
    }

    fn is_gone(error: &io::Error) -> bool {
        !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
    }
}

#[cfg(unix)]
fn is_without_buffers(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

#[cfg(windows)]
fn is_without_buffers(_error: &io::Error) -> bool {
    false
}
