//! From JavaScript's shapes to ours and back. Bytes are copied at once: JavaScript may change its buffers.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use napi::bindgen_prelude::{Either, Null, Uint8Array};
use napi::{Error, Result, Status};
use zeroize::Zeroizing;

use super::types::{NativeConfig, NativeEvent, NativeKeys, NativeProxy};
use crate::clock::{MILLISECOND, Nanos, as_ms};
use crate::engine::{Config, Event, Help, Keys, Use, Wanted};
use crate::error::{Code, OpenError};
use crate::frame::addresses::address_of;
use crate::packet::Mac;
use crate::seal::MAX_QUEUES;
use crate::switch::Rights;
use crate::tap::{Address, TapConfig};
use crate::tls::proxy::Proxy;
use crate::way::{RelayName, Transport, Way};

pub fn config_of(config: &NativeConfig) -> std::result::Result<Config, OpenError> {
    let key = |name: &str, bytes: &[u8]| key_of(name, bytes).map_err(|message| OpenError::new(Code::Failed, message));
    let mac = mac_of(&config.mac).map_err(|message| OpenError::new(Code::Failed, message))?;
    Ok(Config {
        tap: TapConfig {
            name: config.name.clone(),
            mac,
            mtu: config.mtu,
            addresses: addresses_of(&config.addresses)?,
            offload: config.tap_offload,
            queues: (config.threads as usize).clamp(1, MAX_QUEUES),
        },
        wanted: Wanted { udp_gso: config.udp_gso, udp_gro: config.udp_gro },
        port: config.port,
        fwmark: config.fwmark,
        mss_clamp: config.mss_clamp,
        bridge: config.bridge,
        network_admission_key: key("network admission key", &config.network_admission_key)?,
        own_admission_key: key("own admission key", &config.own_admission_key)?,
        cookie_key: key("cookie key", &config.cookie_key)?,
    })
}

pub fn addresses_of(texts: &[String]) -> std::result::Result<Vec<Address>, OpenError> {
    let parse = |text: &String| {
        let message = || format!("expected an address with its prefix length, such as 10.10.10.1/24, got {text:?}");
        Address::parse(text).ok_or_else(|| OpenError::new(Code::AddressRefused, message()))
    };
    texts.iter().map(parse).collect()
}

pub fn ipv4_of(text: &str) -> Result<Ipv4Addr> {
    text.parse().map_err(|_| invalid(format!("expected an IPv4 address such as 10.10.10.1, got {text:?}")))
}

pub fn keys_of(keys: &NativeKeys) -> Result<Keys> {
    let used = match keys.r#use.as_str() {
        "seal-now" => Use::SealNow,
        "seal-when-heard" => Use::SealWhenHeard,
        other => return Err(invalid(format!("expected seal-now or seal-when-heard, got {other:?}"))),
    };
    Ok(Keys {
        peer: keys.peer,
        local_index: keys.local_index,
        remote_index: keys.remote_index,
        seal_key: key_of("seal key", &keys.seal_key).map_err(invalid)?,
        open_key: key_of("open key", &keys.open_key).map_err(invalid)?,
        used,
        lifetime: (keys.lifetime.max(0.0) * MILLISECOND as f64) as Nanos,
    })
}

pub fn event_of(event: Event) -> NativeEvent {
    match event {
        Event::Datagram { at, from, datagram, proven } => {
            NativeEvent::Datagram { at: as_ms(at), from: from.to_string(), datagram: datagram.into(), proven }
        }
        Event::Control { at, peer, local_index, from, messages } => {
            let messages = messages.into();
            NativeEvent::Control { at: as_ms(at), peer, local_index, from: from.to_string(), messages }
        }
        Event::SessionHeard { at, peer, local_index, from } => {
            NativeEvent::SessionHeard { at: as_ms(at), peer, local_index, from: from.to_string() }
        }
        Event::SessionWorn { at, peer, local_index } => NativeEvent::SessionWorn { at: as_ms(at), peer, local_index },
        Event::SessionGone { at, peer, local_index } => NativeEvent::SessionGone { at: as_ms(at), peer, local_index },
        Event::Strayed { at, peer, from } => NativeEvent::Strayed { at: as_ms(at), peer, from: from.to_string() },
        Event::Silent { at, peer } => NativeEvent::Silent { at: as_ms(at), peer },
        Event::Unreachable { at, to, error } => NativeEvent::Unreachable { at: as_ms(at), to: to.to_string(), error },
        Event::TooLarge { at, to, bytes } => {
            NativeEvent::TooLarge { at: as_ms(at), to: to.to_string(), bytes: bytes as u32 }
        }
        Event::Bulk { at, peer } => NativeEvent::Bulk { at: as_ms(at), peer },
        Event::AddressInUse { at, ip, claimant } => {
            let (mac, asks) = (claimant.mac.to_vec().into(), claimant.asks);
            NativeEvent::AddressInUse { at: as_ms(at), ip: ip.to_string(), mac, asks }
        }
        Event::Unmarked { at, error } => NativeEvent::Unmarked { at: as_ms(at), error },
        Event::Fallback { at, help, error } => NativeEvent::Fallback { at: as_ms(at), help: help.name().into(), error },
        Event::RelayOpen { at, relay } => {
            let (relay, transport) = (relay.address.to_string(), relay.transport.name().into());
            NativeEvent::RelayOpen { at: as_ms(at), relay, transport }
        }
        Event::RelayClosed { at, relay, error } => {
            let (relay, transport) = (relay.address.to_string(), relay.transport.name().into());
            NativeEvent::RelayClosed { at: as_ms(at), relay, transport, error }
        }
        Event::RelayDatagram { at, relay, datagram } => {
            let (relay, transport) = (relay.address.to_string(), relay.transport.name().into());
            NativeEvent::RelayDatagram { at: as_ms(at), relay, transport, datagram: datagram.into() }
        }
        Event::DeviceGone { at, error } => NativeEvent::DeviceGone { at: as_ms(at), error },
    }
}

pub fn help_of(name: &str) -> Result<Help> {
    Help::named(name).ok_or_else(|| invalid(format!("expected tap-offload, udp-gso or udp-gro, got {name:?}")))
}

pub fn key_of(name: &str, bytes: &[u8]) -> std::result::Result<Zeroizing<[u8; 32]>, String> {
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return Err(format!("expected a {name} of 32 bytes, got {}", bytes.len()));
    }
    // Straight to where it's wiped: an array that's moved there would leave a copy on the stack.
    key.copy_from_slice(bytes);
    Ok(key)
}

pub fn mac_of(bytes: &[u8]) -> std::result::Result<Mac, String> {
    Mac::try_from(bytes).map_err(|_| format!("expected a MAC of 6 bytes, got {}", bytes.len()))
}

pub fn rights_of(macs: &[Uint8Array], addresses: &[String], bridge: bool) -> Result<Rights> {
    let address = |text: &String| {
        let expected = || invalid(format!("expected an IP address such as 10.10.10.1, got {text:?}"));
        text.parse::<IpAddr>().map(address_of).map_err(|_| expected())
    };
    Ok(Rights {
        macs: macs.iter().map(|mac| mac_of(mac)).collect::<std::result::Result<_, _>>().map_err(invalid)?,
        addresses: addresses.iter().map(address).collect::<Result<_>>()?,
        bridge,
    })
}

pub fn endpoint_of(text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| invalid(format!("expected an endpoint such as 192.0.2.1:4900, got {text:?}")))
}

pub fn relay_of(relay: &str, transport: &str) -> Result<RelayName> {
    let unknown = || invalid(format!("expected a transport udp or tls, got {transport:?}"));
    let transport = Transport::named(transport).ok_or_else(unknown)?;
    Ok(RelayName { transport, address: endpoint_of(relay)? })
}

pub fn proxy_of(proxy: &Either<NativeProxy, Null>) -> Result<Option<Proxy>> {
    let Either::A(NativeProxy { endpoint, authorization }) = proxy else { return Ok(None) };
    let authorization = match authorization {
        Either::A(text) => Some(Zeroizing::new(text.clone())),
        Either::B(Null) => None,
    };
    // Its value is a secret, so the message doesn't have it.
    let expected = || invalid("expected a proxy authorization of 1 to 1024 printable ASCII characters".into());
    Proxy::new(endpoint_of(endpoint)?, authorization).ok_or_else(expected).map(Some)
}

pub fn way_of(text: &str) -> Result<Way> {
    let expected = "expected an endpoint such as 192.0.2.1:4900 or a way such as udp/192.0.2.1:4910/1a2b3c4d5e6f7081";
    Way::parse(text).ok_or_else(|| invalid(format!("{expected}, got {text:?}")))
}

pub fn optional_way(text: &Either<String, Null>) -> Result<Option<Way>> {
    match text {
        Either::A(text) => way_of(text).map(Some),
        Either::B(Null) => Ok(None),
    }
}

pub fn invalid(message: String) -> Error {
    Error::new(Status::InvalidArg, message)
}
