//! The envelope of a relayed datagram, and the kinds of datagrams between a relay and its clients (docs/protocol.md
//! section 11).

pub const LOGIN_1: u8 = 0x28;
pub const LOGIN_COOKIE: u8 = 0x29;
pub const LOGIN_2: u8 = 0x2a;
pub const LOGIN_3: u8 = 0x2b;
pub const ENVELOPE_KIND: u8 = 0x48;
pub const MESSAGE: u8 = 0x49;

/// Bytes of an envelope, before the datagram that it carries.
pub const ENVELOPE: usize = 16;
/// Bytes of the receiver's index at the beginning of envelopes and relay messages, and what stands before it.
const INDEX: std::ops::Range<usize> = 4..8;

/// By whom a client is known at a relay for a day.
pub type Pseudonym = [u8; 8];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The receiver's index: the relay's towards the relay, the client's towards the client.
    pub index: u32,
    /// Towards the relay the receiver's, towards the client the sender's.
    pub pseudonym: Pseudonym,
}

impl Envelope {
    /// None if it isn't one, or there's nothing inside.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        let bytes: &[u8; ENVELOPE] = datagram.first_chunk()?;
        if bytes[0] != ENVELOPE_KIND || datagram.len() == ENVELOPE {
            return None;
        }
        let pseudonym = *bytes.last_chunk()?;
        Some(Self { index: index_of(datagram)?, pseudonym })
    }

    pub fn emit(&self) -> [u8; ENVELOPE] {
        let mut bytes = [0; ENVELOPE];
        bytes[0] = ENVELOPE_KIND;
        bytes[INDEX].copy_from_slice(&self.index.to_be_bytes());
        bytes[8..].copy_from_slice(&self.pseudonym);
        bytes
    }
}

/// The receiver's index of an envelope or a relay message.
pub fn index_of(datagram: &[u8]) -> Option<u32> {
    datagram.get(INDEX)?.try_into().ok().map(u32::from_be_bytes)
}

/// Whether a first byte is one of this section: none of them may be inside an envelope.
pub fn is_relay_kind(kind: u8) -> bool {
    (LOGIN_1..=LOGIN_3).contains(&kind) || kind == ENVELOPE_KIND || kind == MESSAGE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_envelope_has_its_bytes() {
        let envelope = Envelope { index: 0x0102_0304, pseudonym: [5; 8] };
        assert_eq!(envelope.emit(), [0x48, 0, 0, 0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5]);
        assert_eq!(Envelope::parse(&envelope.emit()), None);
    }

    proptest! {
        #[test]
        fn what_is_emitted_is_parsed(index: u32, pseudonym: [u8; 8], inside in proptest::collection::vec(any::<u8>(), 1..40)) {
            let envelope = Envelope { index, pseudonym };
            prop_assert_eq!(Envelope::parse(&[&envelope.emit()[..], &inside].concat()), Some(envelope));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let parsed = Envelope::parse(&bytes);
            prop_assert_eq!(parsed.is_some(), bytes.len() > ENVELOPE && bytes[0] == ENVELOPE_KIND);
            let _ = index_of(&bytes);
        }
    }
}
