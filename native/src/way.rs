//! Where a datagram goes to or came from: straight to an address, or through a relay to whoever has a pseudonym there.
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

use crate::relay::envelope::Pseudonym;

/// How a relay is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Udp,
    Tls,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tls => "tls",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        [Self::Udp, Self::Tls].into_iter().find(|transport| transport.name() == name)
    }
}

/// A relay, as a device knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayName {
    pub transport: Transport,
    pub address: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    Direct(SocketAddr),
    Relayed { relay: RelayName, pseudonym: Pseudonym },
}

impl Way {
    /// `192.0.2.1:4900`, or `udp/192.0.2.1:4910/1a2b3c4d5e6f7081`.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((transport, rest)) = text.split_once('/') else { return text.parse().ok().map(Self::Direct) };
        let (address, pseudonym) = rest.split_once('/')?;
        let relay = RelayName { transport: Transport::named(transport)?, address: address.parse().ok()? };
        Some(Self::Relayed { relay, pseudonym: parse_pseudonym(pseudonym)? })
    }

    /// The address that the far end is seen at; None behind a relay, which doesn't say.
    pub fn observed(&self) -> Option<SocketAddr> {
        match self {
            Self::Direct(address) => Some(*address),
            Self::Relayed { .. } => None,
        }
    }
}

impl From<SocketAddr> for Way {
    fn from(address: SocketAddr) -> Self {
        Self::Direct(address)
    }
}

impl Display for Way {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(address) => address.fmt(formatter),
            Self::Relayed { relay: RelayName { transport, address }, pseudonym } => {
                write!(formatter, "{}/{address}/", transport.name())?;
                pseudonym.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }
    }
}

/// 16 lower-case hex digits.
fn parse_pseudonym(text: &str) -> Option<Pseudonym> {
    if text.len() != 16 || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u64::from_str_radix(text, 16).ok().map(u64::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_way_is_none() {
        for text in [
            "",
            "192.0.2.1",
            "udp/192.0.2.1:4910",
            "tcp/192.0.2.1:4910/1a2b3c4d5e6f7081",
            "udp/192.0.2.1:4910/1a2b3c4d5e6f708",
            "udp/192.0.2.1:4910/+a2b3c4d5e6f7081",
            "udp/192.0.2.1:4910/1A2B3C4D5E6F7081",
            "udp/host:4910/1a2b3c4d5e6f7081",
            "udp/192.0.2.1:4910/1a2b3c4d5e6f7081/",
        ] {
            assert_eq!(Way::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_way_is_read_as_it_is_written(v6: bool, ip: u128, port: u16, tls: bool, pseudonym: Option<[u8; 8]>) {
            let address = if v6 {
                SocketAddr::from((ip.to_be_bytes(), port))
            } else {
                SocketAddr::from(((ip as u32).to_be_bytes(), port))
            };
            let transport = if tls { Transport::Tls } else { Transport::Udp };
            let relay = RelayName { transport, address };
            let way = pseudonym.map_or(Way::Direct(address), |pseudonym| Way::Relayed { relay, pseudonym });
            prop_assert_eq!(Way::parse(&way.to_string()), Some(way));
        }

        #[test]
        fn no_text_panics(text in "[udptls/:.0-9a-f\\[\\]]{0,60}") {
            let _ = Way::parse(&text);
        }
    }
}
