//! Text that the control plane hands in.
use crate::edge::convert::{endpoint_of, help_of, key_of, mac_of, relay_of, way_of};
use crate::relay::origin::Origin;
use crate::tap::Address;
use crate::way::Way;

/// What's read is written so that it's read as the same; all else is refused.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(way) = Way::parse(&text) {
        assert_eq!(Way::parse(&way.to_string()), Some(way));
        assert!(way_of(&text).is_ok_and(|converted| converted == way));
    }
    if let Some(origin) = Origin::parse(&text) {
        assert_eq!(Origin::parse(&origin.to_string()), Some(origin));
    }
    if let Some(address) = Address::parse(&text) {
        let written = format!("{}/{}", address.ip, address.prefix);
        assert_eq!(Address::parse(&written), Some(address));
    }
    if let Ok(endpoint) = endpoint_of(&text) {
        assert_eq!(Way::parse(&text), Some(Way::Direct(endpoint)));
    }
    if let Ok(relay) = relay_of(&text, "tls") {
        assert_eq!(text.parse(), Ok(relay.address));
    }
    assert!(help_of(&text).is_err() || ["tap-offload", "udp-gso", "udp-gro"].contains(&text.as_ref()));
    assert_eq!(mac_of(data).is_ok(), data.len() == 6);
    assert_eq!(key_of("test key", data).is_ok(), data.len() == 32);
}
