//! The primitives as the data plane calls them, against the vectors of Project Wycheproof.
use std::collections::HashMap;

use aws_lc_rs::aead::{Aad, Nonce};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::admission::mac_of;
use crate::packet::TAG;
use crate::seal::aes_key;

const VECTORS: &str = include_str!("../../test/vectors/wycheproof.json");

fn read<T: DeserializeOwned>(set: &str) -> Vec<T> {
    let mut sets: HashMap<String, serde_json::Value> = serde_json::from_str(VECTORS).expect("JSON");
    serde_json::from_value(sets.remove(set).expect("a set of this name")).expect("cases")
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(digit).collect()
}

#[derive(Deserialize)]
struct Gcm {
    #[serde(rename = "tcId")]
    id: u32,
    key: String,
    iv: String,
    aad: String,
    msg: String,
    ct: String,
    tag: String,
    result: String,
}

impl Gcm {
    fn nonce(&self) -> Nonce {
        Nonce::try_assume_unique_for_key(&hex(&self.iv)).expect("12 bytes")
    }
}

#[test]
fn aes_256_gcm() {
    let cases: Vec<Gcm> = read("aes-256-gcm");
    assert!(cases.len() >= 60 && cases.iter().any(|case| case.result == "invalid"));
    for case in cases {
        let key: [u8; 32] = hex(&case.key).try_into().expect("32 bytes");
        let key = aes_key(&key).expect("a key");
        let (aad, plaintext) = (hex(&case.aad), hex(&case.msg));
        let (ciphertext, tag) = (hex(&case.ct), hex(&case.tag));
        let is_valid = case.result == "valid";
        let mut sealed = [&ciphertext[..], &tag].concat();
        let opened = key.open_in_place(case.nonce(), Aad::from(&aad), &mut sealed);
        assert_eq!(opened.is_ok_and(|opened| *opened == plaintext), is_valid, "case {}", case.id);
        let mut out = vec![0; plaintext.len()];
        let opened = key.open_separate_gather(case.nonce(), Aad::from(&aad), &ciphertext, &tag, &mut out);
        assert_eq!(opened.is_ok() && out == plaintext, is_valid, "case {}", case.id);
        if !is_valid {
            continue;
        }
        let mut start = plaintext.clone();
        let rest = start.split_off(start.len() / 2);
        let mut end = vec![0; rest.len() + TAG];
        key.seal_in_place_scatter(case.nonce(), Aad::from(&aad), &mut start, &rest, &mut end).expect("seals");
        assert_eq!([start, end].concat(), [ciphertext, tag].concat(), "case {}", case.id);
    }
}

#[derive(Deserialize)]
struct Hmac {
    #[serde(rename = "tcId")]
    id: u32,
    key: String,
    msg: String,
    tag: String,
    result: String,
}

#[test]
fn hmac_sha256() {
    let cases: Vec<Hmac> = read("hmac-sha256");
    assert!(cases.len() >= 60);
    for case in cases {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &hex(&case.key));
        let (ours, theirs) = (mac_of(&key, &hex(&case.msg)), hex(&case.tag));
        // Some of the bad ones of full length differ in the second half only.
        if case.result == "valid" || theirs.len() == ours.len() {
            assert_eq!(ours[..] == theirs[..16], case.result == "valid", "case {}", case.id);
        }
    }
}
