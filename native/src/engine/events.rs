//! What the control plane of a device is told.
use std::net::{Ipv4Addr, SocketAddr};

use super::switches::Help;
use crate::clock::Nanos;
use crate::events::Queued;
use crate::frame::arp::Claimant;
use crate::way::{RelayName, Way};

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Datagram {
        at: Nanos,
        from: Way,
        datagram: Vec<u8>,
        proven: bool,
    },
    Control {
        at: Nanos,
        peer: u32,
        local_index: u32,
        from: Way,
        messages: Vec<u8>,
    },
    SessionHeard {
        at: Nanos,
        peer: u32,
        local_index: u32,
        from: Way,
    },
    SessionWorn {
        at: Nanos,
        peer: u32,
        local_index: u32,
    },
    SessionGone {
        at: Nanos,
        peer: u32,
        local_index: u32,
    },
    Strayed {
        at: Nanos,
        peer: u32,
        from: Way,
    },
    Silent {
        at: Nanos,
        peer: u32,
    },
    Unreachable {
        at: Nanos,
        to: SocketAddr,
        error: String,
    },
    /// A datagram of so many bytes is larger than what the interface towards this address takes.
    TooLarge {
        at: Nanos,
        to: SocketAddr,
        bytes: usize,
    },
    /// Datagrams leave for the peer that are larger than any path is sure to take.
    Bulk {
        at: Nanos,
        peer: u32,
    },
    /// A frame claims the address that is asked for.
    AddressInUse {
        at: Nanos,
        ip: Ipv4Addr,
        claimant: Claimant,
    },
    /// The system refused to mark what our sockets send.
    Unmarked {
        at: Nanos,
        error: String,
    },
    /// The system refused a help, which is off from here on.
    Fallback {
        at: Nanos,
        help: Help,
        error: String,
    },
    /// The TLS connection to a relay stands.
    RelayOpen {
        at: Nanos,
        relay: RelayName,
    },
    /// It couldn't be made, or has ended.
    RelayClosed {
        at: Nanos,
        relay: RelayName,
        error: String,
    },
    /// A login cookie, login 2 or relay message of an open relay.
    RelayDatagram {
        at: Nanos,
        relay: RelayName,
        datagram: Vec<u8>,
    },
    DeviceGone {
        at: Nanos,
        error: String,
    },
}

impl Queued for Event {
    fn is_vital(&self) -> bool {
        matches!(
            self,
            Self::SessionHeard { .. }
                | Self::RelayOpen { .. }
                | Self::RelayClosed { .. }
                | Self::SessionWorn { .. }
                | Self::SessionGone { .. }
                | Self::DeviceGone { .. }
        )
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::DeviceGone { .. })
    }
}
