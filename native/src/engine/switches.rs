//! What is used of the system's help to move more at once. Each can be switched off, for kernels and cards that get it wrong,
//! and goes off by itself where the system refuses it.
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Shared;
use super::events::Event;
use crate::clock::now;
use crate::tap::Tap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Help {
    /// Checksums and segmentation between the system and us.
    TapOffload,
    /// Cutting one message into datagrams as it's sent.
    UdpGso,
    /// Joining datagrams to one message as they arrive.
    UdpGro,
}

impl Help {
    /// The stable name that the control plane knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::TapOffload => "tap-offload",
            Self::UdpGso => "udp-gso",
            Self::UdpGro => "udp-gro",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::TapOffload, Self::UdpGso, Self::UdpGro].into_iter().find(|help| help.name() == name)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub udp_gso: bool,
    pub udp_gro: bool,
}

#[derive(Default)]
pub struct Switches {
    udp_gso: AtomicBool,
    forward_only: AtomicBool,
}

impl Switches {
    pub fn udp_gso(&self) -> bool {
        self.udp_gso.load(Ordering::Relaxed)
    }

    /// Nothing goes out or comes in but to and from relays.
    pub fn forward_only(&self) -> bool {
        self.forward_only.load(Ordering::Relaxed)
    }

    pub(super) fn set_forward_only(&self, on: bool) {
        self.forward_only.store(on, Ordering::Relaxed);
    }
}

impl Shared {
    /// Switches on what is wanted at the start.
    pub(super) fn switch_on(&self, tap_offload: bool, wanted: Wanted) {
        if tap_offload && !self.tap.takes_offload() {
            self.fell_back(Help::TapOffload, "the system's TAP interfaces have none");
        }
        for (help, on) in [(Help::UdpGso, wanted.udp_gso), (Help::UdpGro, wanted.udp_gro)] {
            if on {
                self.switch(help, true);
            }
        }
    }

    /// Switches a help on or off; one that the system refuses stays off and is told of.
    pub(super) fn switch(&self, help: Help, on: bool) {
        let result = match help {
            Help::TapOffload => self.tap.set_offload(on),
            Help::UdpGro => self.queues.iter().try_for_each(|queue| queue.set_joining(on)),
            Help::UdpGso if on && !self.queues.iter().all(|queue| queue.sockets.can_cut()) => {
                Err(std::io::ErrorKind::Unsupported.into())
            }
            Help::UdpGso => {
                self.switches.udp_gso.store(on, Ordering::Relaxed);
                Ok(())
            }
        };
        if let Err(error) = result {
            self.fell_back(help, error);
        }
    }

    /// UDP_SEGMENT turned out not to work. Told once.
    pub(super) fn gso_failed(&self, error: impl Display) {
        if self.switches.udp_gso.swap(false, Ordering::Relaxed) {
            self.fell_back(Help::UdpGso, error);
        }
    }

    fn fell_back(&self, help: Help, error: impl Display) {
        self.push(Event::Fallback { at: now(), help, error: error.to_string() });
    }
}
