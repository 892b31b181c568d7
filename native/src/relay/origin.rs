//! Where a client's datagrams come from.
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    Udp(SocketAddr),
    /// The number of a TLS connection; no other of the same device ever has it.
    Tls(u64),
}

impl Origin {
    /// `udp/192.0.2.1:4900` or `tls/7`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('/')? {
            ("udp", address) => address.parse().ok().map(Self::Udp),
            ("tls", number) => number.parse().ok().map(Self::Tls),
            _ => None,
        }
    }
}

impl Display for Origin {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(address) => write!(formatter, "udp/{address}"),
            Self::Tls(number) => write!(formatter, "tls/{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_it_is_written() {
        for text in ["udp/192.0.2.1:4900", "udp/[2001:db8::1]:4900", "tls/18446744073709551615"] {
            assert_eq!(Origin::parse(text).map(|origin| origin.to_string()).as_deref(), Some(text));
        }
        for text in ["", "udp", "udp/192.0.2.1", "tls/", "tls/-1", "tls/192.0.2.1:1", "tcp/1"] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }
}
