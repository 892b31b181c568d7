//! Cookies: proof that who sends a handshake receives at its source address (docs/protocol.md section 5). Nothing is
//! remembered per cookie, so making one costs no memory.
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::xaes;
use super::{COOKIE, HANDSHAKE_1, MAC, VERSION, mac_of};
use crate::clock::{Nanos, SECOND};
use crate::control::address_bytes;
use crate::way::Way;

/// How long one secret makes cookies. A cookie is good for its own period and the next.
const PERIOD: Nanos = 120 * SECOND;
const COOKIE_BYTES: usize = 16;

/// Makes and checks cookies. Clones agree with each other, on any thread.
#[derive(Clone)]
pub struct Cookies {
    /// Each period's secret is derived from this one.
    root: hmac::Key,
    cookie_key: Zeroizing<[u8; 32]>,
    network: hmac::Key,
}

impl Cookies {
    pub fn new(cookie_key: &[u8; 32], network: hmac::Key) -> Result<Self, Unspecified> {
        let mut root = Zeroizing::new([0; 32]);
        rand::fill(&mut *root)?;
        let root = hmac::Key::new(hmac::HMAC_SHA256, &*root);
        Ok(Self { root, cookie_key: Zeroizing::new(*cookie_key), network })
    }

    /// The 80-byte answer to a handshake 1 that came from `source`; `answered` is the MAC of that message.
    pub fn reply(
        &self,
        now: Nanos,
        source: &Way,
        receiver: [u8; 4],
        answered: &[u8; MAC],
    ) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; xaes::NONCE];
        rand::fill(&mut nonce)?;
        let sealed = xaes::seal(&self.cookie_key, &nonce, answered, &self.cookie(now / PERIOD, source))?;
        let mut reply = vec![COOKIE, VERSION, 0, 0];
        reply.extend_from_slice(&receiver);
        reply.extend_from_slice(&nonce);
        reply.extend_from_slice(&sealed);
        reply.extend_from_slice(&mac_of(&self.network, &reply));
        Ok(reply)
    }

    /// Whether a handshake 1 carries the MAC of a cookie that its source was given.
    pub fn proves(&self, now: Nanos, source: &Way, handshake: &[u8]) -> bool {
        let Some(end) = handshake.len().checked_sub(MAC) else { return false };
        let Some(start) = end.checked_sub(COOKIE_BYTES) else { return false };
        if handshake[0] != HANDSHAKE_1 || handshake[start..end] == [0; COOKIE_BYTES] {
            return false;
        }
        let period = now / PERIOD;
        [Some(period), period.checked_sub(1)].into_iter().flatten().any(|period| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &self.cookie(period, source));
            verify_slices_are_equal(&mac_of(&key, &handshake[..start]), &handshake[start..end]).is_ok()
        })
    }

    fn cookie(&self, period: u64, source: &Way) -> [u8; COOKIE_BYTES] {
        let secret = hmac::sign(&self.root, &period.to_be_bytes());
        mac_of(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()), &source_bytes(source))
    }
}

/// What stands for a source: its address, or the relay and who it says that it is there.
fn source_bytes(source: &Way) -> Vec<u8> {
    match source {
        Way::Direct(address) => address_bytes(*address).to_vec(),
        Way::Relayed { relay, pseudonym } => {
            [&address_bytes(relay.address)[..], relay.transport.name().as_bytes(), pseudonym].concat()
        }
    }
}

#[cfg(any(test, fuzzing))]
impl Cookies {
    /// A handshake 1 as an initiator sends it that has opened our cookie.
    pub fn prove(&self, now: Nanos, source: &Way, handshake: &mut [u8]) {
        let end = handshake.len() - MAC;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.cookie(now / PERIOD, source));
        let mac = mac_of(&key, &handshake[..end - COOKIE_BYTES]);
        handshake[end - COOKIE_BYTES..end].copy_from_slice(&mac);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies() -> Cookies {
        Cookies::new(&[1; 32], hmac::Key::new(hmac::HMAC_SHA256, &[2; 32])).expect("random bytes")
    }

    fn way(text: &str) -> Way {
        Way::parse(text).expect("a way")
    }

    #[test]
    fn behind_a_relay_a_pseudonym_is_a_source() {
        let cookies = cookies();
        let source = way("udp/192.0.2.1:4910/0102030405060708");
        let mut handshake = vec![HANDSHAKE_1; 1032];
        cookies.prove(0, &source, &mut handshake);
        assert!(cookies.proves(0, &source, &handshake));
        for other in [
            "192.0.2.1:4910",
            "udp/192.0.2.1:4910/0102030405060709",
            "tls/192.0.2.1:4910/0102030405060708",
            "udp/192.0.2.2:4910/0102030405060708",
        ] {
            assert!(!cookies.proves(0, &way(other), &handshake), "{other}");
        }
    }

    #[test]
    fn a_cookie_is_good_for_its_source_and_two_periods() {
        let cookies = cookies();
        let source = way("192.0.2.1:4900");
        let other = way("192.0.2.1:4901");
        let mut handshake = vec![HANDSHAKE_1; 1032];
        cookies.prove(PERIOD, &source, &mut handshake);
        assert!(cookies.proves(PERIOD, &source, &handshake));
        assert!(cookies.proves(2 * PERIOD, &source, &handshake));
        assert!(!cookies.proves(3 * PERIOD, &source, &handshake));
        assert!(!cookies.proves(PERIOD, &other, &handshake));
        handshake[500] ^= 1;
        assert!(!cookies.proves(PERIOD, &source, &handshake));
    }

    #[test]
    fn no_cookie_proves_nothing() {
        let source = way("192.0.2.1:4900");
        let mut handshake = vec![HANDSHAKE_1; 1032];
        handshake[1000..1016].fill(0);
        assert!(!cookies().proves(0, &source, &handshake));
    }

    #[test]
    fn a_reply_has_its_length_and_mac() {
        let cookies = cookies();
        let source = way("192.0.2.1:4900");
        let reply = cookies.reply(0, &source, [1, 2, 3, 4], &[5; 16]).expect("a reply");
        assert_eq!(reply.len(), 80);
        assert_eq!(reply[..8], [COOKIE, VERSION, 0, 0, 1, 2, 3, 4]);
        assert_eq!(reply[64..], mac_of(&cookies.network, &reply[..64]));
    }
}
