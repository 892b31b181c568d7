//! Messages of macOS's routing socket (route(4), net/route.h), as far as they tell what matters.

/// rtm_type.
const ADD: u8 = 1;
const DELETE: u8 = 2;
const CHANGE: u8 = 3;
const NEW_ADDRESS: u8 = 0xC;
const DELETED_ADDRESS: u8 = 0xD;
const INTERFACE: u8 = 0xE;

/// Bytes of struct rt_msghdr: length (2), version (1), type (1), index (2), padding (2), flags (4), which addresses follow (4), and
/// what doesn't matter here.
const HEADER: usize = 92;
/// Bit of the destination among the addresses that follow, of which it's the first.
const DESTINATION: u32 = 1;
const ADDRESSES_AT: usize = 12;

/// Whether any of these messages isn't about one route among many: only a default route says that the way out is another.
pub fn matters(mut messages: &[u8]) -> bool {
    while let Some(&[low, high, _, kind]) = messages.first_chunk() {
        let length = usize::from(u16::from_ne_bytes([low, high]));
        let Some((message, rest)) = messages.split_at_checked(length.max(4)) else { return false };
        let is_of_interest = match kind {
            NEW_ADDRESS | DELETED_ADDRESS | INTERFACE => true,
            ADD | DELETE | CHANGE => is_default(message),
            _ => false,
        };
        if is_of_interest {
            return true;
        }
        messages = rest;
    }
    false
}

/// Whether a route's destination is the unspecified address: a sockaddr that begins with its length and family and has no more than
/// zeros where its address stands. 0.0.0.0/1, as VPNs set it, counts as well.
fn is_default(message: &[u8]) -> bool {
    let addresses = message.get(ADDRESSES_AT..ADDRESSES_AT + 4).and_then(|bytes| bytes.first_chunk());
    if addresses.is_none_or(|bytes| u32::from_ne_bytes(*bytes) & DESTINATION == 0) {
        return false;
    }
    let Some(&[length, _family]) = message.get(HEADER..).and_then(|bytes| bytes.first_chunk()) else { return false };
    let address = message.get(HEADER + 2..HEADER + usize::from(length).max(2)).unwrap_or_default();
    // Port (2), and for IPv6 flow (4); a scope behind the address doesn't count.
    address.iter().take(22).all(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, destination: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        bytes[..2].copy_from_slice(&((HEADER + destination.len()) as u16).to_ne_bytes());
        (bytes[2], bytes[3]) = (5, kind);
        bytes[12..16].copy_from_slice(&7u32.to_ne_bytes());
        bytes.extend(destination);
        bytes
    }

    /// sockaddr_in.
    fn v4(address: [u8; 4]) -> Vec<u8> {
        [&[16, 2, 0, 0][..], &address, &[0; 8]].concat()
    }

    #[test]
    fn routes_matter_only_if_they_are_the_default() {
        let default = message(ADD, &v4([0; 4]));
        let other = message(DELETE, &v4([192, 168, 7, 0]));
        let v6 = message(CHANGE, &[&[28, 30][..], &[0; 26]].concat());
        let other_v6 = message(ADD, &[&[28, 30][..], &[0; 6], &[0xFD; 16], &[0; 4]].concat());
        assert!(matters(&default) && matters(&v6));
        assert!(!matters(&other) && !matters(&other_v6));
        assert!(matters(&message(INTERFACE, &[])) && matters(&message(NEW_ADDRESS, &[])));
        assert!(!matters(&message(4, &v4([0; 4]))));
        assert!(!matters(&[other.clone(), other.clone()].concat()));
        assert!(matters(&[other.clone(), default].concat()));
    }

    #[test]
    fn what_is_cut_short_is_nothing() {
        let default = message(ADD, &v4([0; 4]));
        for length in 0..HEADER + 2 {
            assert!(!matters(&default[..length]), "{length}");
        }
        assert!(!matters(&[0; 200]));
    }
}
