//! The data sockets: a trait, batches in both directions, and one file per operating system.
pub mod batch;

use std::io;
use std::net::SocketAddr;

use crate::error::OpenError;
use batch::{Inbox, Outgoing};

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub use linux::LinuxUdp as Socket;

/// A UDP socket of one address family, bound to a port of all local addresses. It doesn't block.
pub trait UdpSocket: Send + Sync {
    /// Takes what has arrived, up to a batch. `WouldBlock` when nothing has.
    fn receive(&self, inbox: &mut Inbox) -> io::Result<()>;

    /// Sends datagrams whose bytes stand in `arena`, in order; gives how many were taken. An error is that of the first.
    fn send(&self, arena: &[u8], datagrams: &[Outgoing]) -> io::Result<usize>;

    /// Whether an error of `send` says that the address can't be reached now.
    fn says_unreachable(error: &io::Error) -> bool;

    /// Waits until the socket takes datagrams again, `ms` at most.
    fn wait_writable(&self, ms: i32) -> bool;
}

/// The sockets of a network: the same port of both families.
pub struct Sockets {
    pub v4: Socket,
    /// None where the host has no IPv6.
    pub v6: Option<Socket>,
}

impl Sockets {
    pub fn open(port: u16) -> Result<Self, OpenError> {
        Ok(Self { v4: Socket::open_v4(port)?, v6: Socket::open_v6(port)? })
    }

    /// The one that reaches an address.
    pub fn towards(&self, to: SocketAddr) -> Option<&Socket> {
        if to.is_ipv4() { Some(&self.v4) } else { self.v6.as_ref() }
    }
}
