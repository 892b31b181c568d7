//! Opening: the other direction of a session, with a replay window per lane.
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use aws_lc_rs::error::Unspecified;

use crate::counters::Drop;
use crate::packet::{MAX_LANES, Prefix, TAG};
use crate::replay::{Verdict, Window};
use crate::seal::aes_key;

pub struct Opener {
    key: LessSafeKey,
}

impl Opener {
    pub fn new(key: &[u8; 32]) -> Result<Self, Unspecified> {
        Ok(Self { key: aes_key(key)? })
    }

    /// Opens a datagram in its own buffer and gives the plaintext. The window is looked at before and marked after, so that
    /// neither a replay costs a decryption nor a forgery moves the window.
    pub fn open<'a>(
        &self,
        windows: &mut Windows,
        prefix: &Prefix,
        header: usize,
        datagram: &'a mut [u8],
    ) -> Result<&'a mut [u8], Drop> {
        if datagram.len() < header + TAG {
            return Err(Drop::DatagramMalformed);
        }
        windows.check(prefix)?;
        let (header, sealed) = datagram.split_at_mut(header);
        let nonce = Nonce::assume_unique_for_key(prefix.nonce());
        let plaintext = self.key.open_in_place(nonce, Aad::from(header), sealed).map_err(|_| Drop::Forged)?;
        windows.mark(prefix);
        Ok(plaintext)
    }

    /// The same, but writes the plaintext to `out`, which must be as long as it.
    pub fn open_to(
        &self,
        windows: &mut Windows,
        prefix: &Prefix,
        header: usize,
        datagram: &[u8],
        out: &mut [u8],
    ) -> Result<(), Drop> {
        if datagram.len() < header + TAG {
            return Err(Drop::DatagramMalformed);
        }
        windows.check(prefix)?;
        let (header, sealed) = datagram.split_at(header);
        let (ciphertext, tag) = sealed.split_at(sealed.len() - TAG);
        let nonce = Nonce::assume_unique_for_key(prefix.nonce());
        let opened = self.key.open_separate_gather(nonce, Aad::from(header), ciphertext, tag, out);
        opened.map_err(|_| Drop::Forged)?;
        windows.mark(prefix);
        Ok(())
    }
}

/// The replay windows of a session. A lane's window exists once a datagram on it has opened.
#[derive(Default)]
pub struct Windows([Option<Box<Window>>; MAX_LANES]);

impl Windows {
    fn check(&self, prefix: &Prefix) -> Result<(), Drop> {
        let lane = self.0.get(usize::from(prefix.lane)).ok_or(Drop::UnknownLane)?;
        match lane.as_ref().map_or(Verdict::Fresh, |window| window.check(prefix.counter)) {
            Verdict::Fresh => Ok(()),
            Verdict::Replayed => Err(Drop::Replayed),
            Verdict::TooOld => Err(Drop::TooOld),
        }
    }

    fn mark(&mut self, prefix: &Prefix) {
        if let Some(lane) = self.0.get_mut(usize::from(prefix.lane)) {
            lane.get_or_insert_default().mark(prefix.counter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::PREFIX;
    use crate::seal::{Lane, Sealer};

    fn pair() -> (Sealer, Opener) {
        (Sealer::new(&[1; 32], 7).expect("a key"), Opener::new(&[1; 32]).expect("a key"))
    }

    fn open(opener: &Opener, windows: &mut Windows, mut datagram: Vec<u8>) -> Result<Vec<u8>, Drop> {
        let prefix = Prefix::parse(&datagram).ok_or(Drop::DatagramMalformed)?;
        opener.open(windows, &prefix, PREFIX, &mut datagram).map(|plaintext| plaintext.to_vec())
    }

    #[test]
    fn opens_once() {
        let (sealer, opener) = pair();
        let mut windows = Windows::default();
        let datagram = sealer.seal_control(Lane::CONTROL, b"hello").expect("seals");
        assert_eq!(open(&opener, &mut windows, datagram.clone()), Ok(b"hello".to_vec()));
        assert_eq!(open(&opener, &mut windows, datagram), Err(Drop::Replayed));
    }

    #[test]
    fn opens_elsewhere_alike() {
        let (sealer, opener) = pair();
        let mut windows = Windows::default();
        let datagram = sealer.seal_control(Lane::CONTROL, b"hello").expect("seals");
        let prefix = Prefix::parse(&datagram).expect("a prefix");
        assert_eq!(opener.open_to(&mut windows, &prefix, PREFIX, &datagram, &mut [0; 4]), Err(Drop::Forged));
        let mut out = [0; 5];
        assert_eq!(opener.open_to(&mut windows, &prefix, PREFIX, &datagram, &mut out), Ok(()));
        assert_eq!(&out, b"hello");
        assert_eq!(opener.open_to(&mut windows, &prefix, PREFIX, &datagram, &mut out), Err(Drop::Replayed));
    }

    #[test]
    fn a_forgery_leaves_the_window_as_it_was() {
        let (sealer, opener) = pair();
        let mut windows = Windows::default();
        let datagram = sealer.seal_control(Lane::CONTROL, b"hello").expect("seals");
        let mut forged = datagram.clone();
        forged[8..16].copy_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(open(&opener, &mut windows, forged), Err(Drop::Forged));
        assert_eq!(open(&opener, &mut windows, datagram), Ok(b"hello".to_vec()));
    }

    #[test]
    fn every_bit_is_authenticated() {
        let (sealer, opener) = pair();
        let datagram = sealer.seal_control(Lane::answers(0), b"hold").expect("seals");
        for bit in 0..datagram.len() * 8 {
            let mut windows = Windows::default();
            let mut changed = datagram.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&opener, &mut windows, changed).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn lanes_are_bounded_and_apart() {
        let (sealer, opener) = pair();
        let mut windows = Windows::default();
        let first = sealer.seal_control(Lane::answers(0), b"a").expect("seals");
        let second = sealer.seal_control(Lane::CONTROL, b"b").expect("seals");
        assert!(open(&opener, &mut windows, first.clone()).is_ok());
        assert!(open(&opener, &mut windows, second).is_ok());
        let mut far = first;
        far[3] = 16;
        assert_eq!(open(&opener, &mut windows, far), Err(Drop::UnknownLane));
    }
}
