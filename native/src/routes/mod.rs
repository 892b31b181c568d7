//! Routes to subnets behind members, in the system's own table. They go with the interface that they lead through.
use std::net::IpAddr;

use crate::tap::Address;

#[cfg(target_os = "linux")]
mod linux;
// Those two make commands, which are text, and so are built and tested on every system.
pub mod macos;
pub mod windows;

#[cfg(target_os = "linux")]
pub use linux::{add, remove};
#[cfg(target_os = "macos")]
pub use macos::{add, remove};
#[cfg(windows)]
pub use windows::{add, remove};

/// A subnet, and the way to it.
pub struct Subnet {
    /// Its network address.
    pub destination: Address,
    /// On the interface's link, of the same family.
    pub gateway: IpAddr,
    pub interface: String,
    /// The greater, the later it's taken. macOS has none: there whoever came first keeps the subnet.
    pub metric: u32,
}

/// What's to be done with a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Add,
    Delete,
}

impl Change {
    /// As route(8) and netsh have it.
    fn verb(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Delete => "delete",
        }
    }
}

#[cfg(test)]
fn subnet(destination: &str, gateway: &str, interface: &str) -> Subnet {
    let destination = Address::parse(destination).expect("a subnet");
    let gateway = gateway.parse().expect("an address");
    Subnet { destination, gateway, interface: interface.into(), metric: 5_000 }
}
