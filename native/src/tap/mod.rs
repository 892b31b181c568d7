//! The network interface: a trait, Linux's own, and that of the other systems.
use std::io;
use std::net::IpAddr;

use crate::error::OpenError;
use crate::packet::{Mac, Offload};

#[cfg(any(test, not(all(target_os = "linux", not(feature = "portable")))))]
mod commands;
#[cfg(any(test, not(all(target_os = "linux", not(feature = "portable")))))]
mod frames;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) mod netlink;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod portable;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod setup;
#[cfg(any(test, fuzzing, all(target_os = "linux", not(feature = "portable"))))]
pub(crate) mod vnet;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use linux::LinuxTap as Device;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub use portable::PortableTap as Device;

/// How the interface is to look.
#[derive(Clone, Debug)]
pub struct TapConfig {
    /// Taken literally.
    pub name: String,
    pub mac: Mac,
    /// Bytes, without the Ethernet header.
    pub mtu: u32,
    pub addresses: Vec<Address>,
    /// Whether the system may leave checksums and segmentation to us, and we to it.
    pub offload: bool,
    /// How many threads are to read it side by side, each a queue of its own, if the system can do that.
    pub queues: usize,
}

/// An address with its prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub ip: IpAddr,
    pub prefix: u8,
}

impl Address {
    /// Reads `10.10.10.1/24`.
    pub fn parse(text: &str) -> Option<Self> {
        let (ip, prefix) = text.split_once('/')?;
        let (ip, prefix): (IpAddr, u8) = (ip.parse().ok()?, prefix.parse().ok()?);
        let bits = if ip.is_ipv4() { 32 } else { 128 };
        (prefix <= bits).then_some(Self { ip, prefix })
    }
}

/// An Ethernet interface whose other end we are. Reading and writing don't block. It has one queue or several; the system keeps
/// the frames of a flow in one, and moves a flow to the queue that the frames of its other direction are written to. A frame stands in a room: `HEADROOM` bytes
/// that belong to the interface, then the frame.
pub trait Tap: Send + Sync {
    fn queues(&self) -> usize;

    /// The next frame that the interface sends on a queue, into a room: the frame's length and what is left to do for it.
    /// `WouldBlock` when there is none.
    fn read(&self, queue: usize, room: &mut [u8]) -> io::Result<(usize, Offload)>;

    /// Lets the interface receive a frame, on a queue. `headers`: bytes of a super-frame's headers, else 0.
    fn write(&self, queue: usize, room: &mut [u8], offload: Offload, headers: usize) -> io::Result<()>;

    /// Whether frames may be written with offload fields.
    fn takes_offload(&self) -> bool;

    /// Has the system leave checksums and segmentation to us, or do them itself.
    fn set_offload(&self, on: bool) -> io::Result<()>;

    /// Gives the interface these addresses in place of those that it was given before; an error leaves it those that it had.
    fn set_addresses(&self, addresses: &[Address]) -> Result<(), OpenError>;
    /// Sets the interface's MTU, in bytes without the Ethernet header.
    fn set_mtu(&self, mtu: u32) -> io::Result<()>;

    /// Whether the system might heed router advertisements that this interface receives.
    fn heeds_routers(&self) -> bool;

    /// Whether an error of `write` means that the interface's queue is full.
    fn is_full(error: &io::Error) -> bool;

    /// Whether an error of `write` means that the system doesn't take such a frame.
    fn is_refused(error: &io::Error) -> bool;

    /// Whether an error of `read` means that the interface is gone for good.
    fn is_gone(error: &io::Error) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_a_prefix_of_their_family() {
        assert!(Address::parse("10.10.10.1/24").is_some());
        assert!(Address::parse("2001:db8::1/64").is_some());
        for text in ["10.10.10.1", "10.10.10.1/33", "2001:db8::1/129", "10.10.10/24", "10.10.10.1/", "/24", "a/b"] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
