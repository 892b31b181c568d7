//! The Internet checksum (RFC 1071).
use super::headers::{Family, Transport};

/// The sum of 16-bit words, not yet folded or complemented. An odd last byte counts as the high one of its word.
/// Only the last of several pieces may have an odd length.
pub fn sum(bytes: &[u8]) -> u64 {
    // Native words: a one's complement sum comes out the same in either byte order, but for the order itself.
    let words = bytes.chunks_exact(4);
    let rest = words.remainder();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    let native = words.fold(0u64, |sum, word| {
        let word: [u8; 4] = word.try_into().unwrap_or_default();
        sum + u64::from(u32::from_ne_bytes(word))
    }) + u64::from(u32::from_ne_bytes(last));
    u64::from(u16::from_be(fold(native)))
}

/// Folds a sum to 16 bits.
pub fn fold(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

/// The folded, uncomplemented sum of the pseudo-header: what stands in the checksum field of a frame that a kernel is to
/// finish. `length`: of the L4 header and what follows.
pub fn pseudo_header(frame: &[u8], transport: &Transport, length: usize) -> u16 {
    let l3 = transport.network.l3;
    let addresses = match transport.network.family {
        Family::V4 => &frame[l3 + 12..l3 + 20],
        Family::V6 => &frame[l3 + 8..l3 + 40],
    };
    fold(sum(addresses) + length as u64 + u64::from(transport.protocol))
}

/// Sets an IPv4 header's own checksum.
pub fn set_ipv4(header: &mut [u8]) {
    header[10..12].fill(0);
    let checksum = !fold(sum(header));
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
}

/// Sets a checksum right after a 16-bit value has changed (RFC 1624, equation 3); one that was wrong stays so. `field`: where
/// it stands; outside, nothing is done. `odd`: the value doesn't begin at an even distance from where the sum begins, so its
/// bytes count the other way round.
pub fn update(frame: &mut [u8], field: usize, (before, after): (u16, u16), odd: bool) {
    let Some(place) = frame.get_mut(field..).and_then(|rest| rest.first_chunk_mut::<2>()) else { return };
    let word = |value: u16| u64::from(if odd { value.swap_bytes() } else { value });
    let sum = u64::from(!u16::from_be_bytes(*place)) + (0xFFFF - word(before)) + word(after);
    *place = (!fold(sum)).to_be_bytes();
}

/// Completes the checksum of a frame whose field holds the pseudo-header's sum: over everything from `start` on, into the
/// two bytes at `start + field`. False if those aren't inside the frame.
pub fn complete(frame: &mut [u8], start: usize, field: usize) -> bool {
    if start + field + 2 > frame.len() {
        return false;
    }
    let checksum = match !fold(sum(&frame[start..])) {
        // Zero would say that there is none.
        0 => 0xFFFF,
        checksum => checksum,
    };
    frame[start + field..start + field + 2].copy_from_slice(&checksum.to_be_bytes());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As RFC 1071 describes it.
    fn plain(bytes: &[u8]) -> u16 {
        let word = |pair: &[u8]| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u64::from(low));
        fold(bytes.chunks(2).map(word).sum())
    }

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), 0xddf2);
    }

    #[test]
    fn a_field_outside_is_refused() {
        assert!(!complete(&mut [0; 10], 4, 5));
        assert!(complete(&mut [0; 10], 4, 4));
    }

    proptest! {
        #[test]
        fn fast_and_plain_agree(bytes in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            prop_assert_eq!(fold(sum(&bytes)), plain(&bytes));
        }
    }
}
