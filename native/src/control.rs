//! Control messages, as far as the data plane knows them: challenges, which it answers itself (docs/protocol.md section 8).
use std::net::{IpAddr, SocketAddr};

use crate::cut::MAX_DATAGRAM;
use crate::packet::{PREFIX, TAG};

const PADDING: u8 = 0;
const CHALLENGE: u8 = 1;
const ANSWER: u8 = 2;
const MESSAGE_HEADER: usize = 3;
const TOKEN: usize = 8;
const ADDRESS: usize = 18;
/// A challenge is at least as long as its answer.
const MIN_CHALLENGE: usize = TOKEN + ADDRESS;

/// Plaintext of a control datagram, in bytes, but for a probe's.
pub const MAX_CONTROL: usize = 1_200;
/// Plaintext of a probe: one challenge, as large as a datagram can be.
pub const MAX_PROBE: usize = MAX_DATAGRAM - PREFIX - TAG;

/// What came in a control datagram.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Messages {
    pub challenges: Vec<[u8; TOKEN]>,
    /// All other messages, as they came.
    pub others: Vec<u8>,
}

/// None if the messages don't fit the datagram or a challenge is too short to be answered.
pub fn parse(plaintext: &[u8]) -> Option<Messages> {
    if plaintext.len() > MAX_CONTROL && !is_probe(plaintext) {
        return None;
    }
    let mut messages = Messages::default();
    let mut rest = plaintext;
    while !rest.is_empty() {
        let header: &[u8; MESSAGE_HEADER] = rest.first_chunk()?;
        let end = MESSAGE_HEADER + usize::from(u16::from_be_bytes([header[1], header[2]]));
        let body = rest.get(MESSAGE_HEADER..end)?;
        match header[0] {
            PADDING => {}
            CHALLENGE if body.len() < MIN_CHALLENGE => return None,
            CHALLENGE => messages.challenges.push(*body.first_chunk()?),
            _ => messages.others.extend_from_slice(rest.get(..end)?),
        }
        rest = rest.get(end..)?;
    }
    Some(messages)
}

/// Whether control messages are one challenge, padded to measure a path.
pub fn is_probe(plaintext: &[u8]) -> bool {
    let Some(&[CHALLENGE, high, low]) = plaintext.first_chunk::<MESSAGE_HEADER>() else { return false };
    let length = MESSAGE_HEADER + usize::from(u16::from_be_bytes([high, low]));
    plaintext.len() == length && length <= MAX_PROBE
}

/// The answers to challenges that came from `from` (None, and zeros: through a relay): never longer than the challenges were.
pub fn answer(challenges: &[[u8; TOKEN]], from: Option<SocketAddr>) -> Vec<u8> {
    let observed = from.map_or([0; ADDRESS], address_bytes);
    let length = (TOKEN + ADDRESS) as u8;
    let mut answers = Vec::with_capacity(challenges.len() * (MESSAGE_HEADER + usize::from(length)));
    for token in challenges {
        answers.extend_from_slice(&[ANSWER, 0, length]);
        answers.extend_from_slice(token);
        answers.extend_from_slice(&observed);
    }
    answers
}

/// IP (16 bytes, IPv4 mapped), port (2 bytes).
pub fn address_bytes(address: SocketAddr) -> [u8; ADDRESS] {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let mut bytes = [0; ADDRESS];
    bytes[..16].copy_from_slice(&ip.octets());
    bytes[16..].copy_from_slice(&address.port().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, (body.len() >> 8) as u8, body.len() as u8], body].concat()
    }

    #[test]
    fn challenges_are_taken_out() {
        let challenge = [&[5; 8][..], &[0; 30]].concat();
        let plaintext = [message(7, &[]), message(1, &challenge), message(0, &[0; 9]), message(4, b"want")].concat();
        let messages = parse(&plaintext).expect("well formed");
        assert_eq!(messages.challenges, [[5; 8]]);
        assert_eq!(messages.others, [message(7, &[]), message(4, b"want")].concat());
    }

    #[test]
    fn malformed_is_none() {
        assert_eq!(parse(&[7, 0]), None);
        assert_eq!(parse(&[7, 0, 1]), None);
        assert_eq!(parse(&message(1, &[0; MIN_CHALLENGE - 1])), None);
        assert_eq!(parse(&message(0, &[0; MAX_CONTROL])), None);
    }

    #[test]
    fn only_a_challenge_may_be_large() {
        let probe = message(CHALLENGE, &[5; 9_000]);
        assert_eq!(parse(&probe).map(|messages| messages.challenges), Some(vec![[5; 8]]));
        assert_eq!(parse(&[probe, message(0, &[])].concat()), None);
        assert_eq!(parse(&message(4, &[0; MAX_CONTROL])), None);
        assert!(!is_probe(&message(CHALLENGE, &[0; MAX_PROBE])) && is_probe(&message(CHALLENGE, &[0; MAX_PROBE - 3])));
    }

    #[test]
    fn an_answer_says_where_the_challenge_came_from() {
        let from: SocketAddr = "192.0.2.1:4900".parse().expect("an address");
        let answer = answer(&[[5; 8]], Some(from));
        assert_eq!(answer[..11], [2, 0, 26, 5, 5, 5, 5, 5, 5, 5, 5]);
        assert_eq!(answer[11..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1, 0x13, 0x24]);
    }

    #[test]
    fn through_a_relay_no_address_is_seen() {
        assert_eq!(answer(&[[5; 8]], None)[11..], [0; ADDRESS]);
    }

    proptest! {
        #[test]
        fn no_answer_is_longer_than_its_question(plaintext in proptest::collection::vec(0u8..4, 0..200)) {
            if let Some(messages) = parse(&plaintext) {
                let from = "[2001:db8::1]:1".parse().ok();
                prop_assert!(answer(&messages.challenges, from).len() + messages.others.len() <= plaintext.len());
            }
        }
    }
}
