//! XAES-256-GCM as C2SP specifies it: a 24-byte nonce, so that it may be random, over a key derived per message.
use aws_lc_rs::aead::{Aad, Nonce};
use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use crate::seal::aes_key;

pub const NONCE: usize = 24;

/// Appends the tag to the ciphertext.
pub fn seal(key: &[u8; 32], nonce: &[u8; NONCE], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut rest = [0; 12];
    rest.copy_from_slice(&nonce[12..]);
    let mut sealed = plaintext.to_vec();
    let subkey = aes_key(&*subkey(key, nonce)?)?;
    subkey.seal_in_place_append_tag(Nonce::assume_unique_for_key(rest), Aad::from(aad), &mut sealed)?;
    Ok(sealed)
}

/// CMAC as a counter-mode KDF: two blocks, each masked with the doubled encryption of zeros.
fn subkey(key: &[u8; 32], nonce: &[u8; NONCE]) -> Result<Zeroizing<[u8; 32]>, Unspecified> {
    let cipher = EncryptingKey::ecb(UnboundCipherKey::new(&AES_256, key)?)?;
    let mut zeros = Zeroizing::new([0; 16]);
    cipher.encrypt(&mut *zeros)?;
    let mask = Zeroizing::new(double(u128::from_be_bytes(*zeros)).to_be_bytes());
    let mut subkey = Zeroizing::new([0; 32]);
    for (counter, block) in (1u8..).zip(subkey.chunks_exact_mut(16)) {
        block[..4].copy_from_slice(&[0, counter, b'X', 0]);
        block[4..].copy_from_slice(&nonce[..12]);
        block.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
        cipher.encrypt(block)?;
    }
    Ok(subkey)
}

/// Multiplies by x in GF(2^128), without a branch on the secret.
fn double(value: u128) -> u128 {
    (value << 1) ^ ((value >> 127) * 0x87)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The two test vectors of the specification: one for each value of the doubling's carry.
    #[test]
    fn gives_what_the_specification_gives() {
        let sealed = seal(&[1; 32], b"ABCDEFGHIJKLMNOPQRSTUVWX", b"", b"XAES-256-GCM").expect("seals");
        assert_eq!(hex(&sealed), "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
        let aad = b"c2sp.org/XAES-256-GCM";
        let sealed = seal(&[3; 32], b"ABCDEFGHIJKLMNOPQRSTUVWX", aad, b"XAES-256-GCM").expect("seals");
        assert_eq!(hex(&sealed), "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
    }
}
