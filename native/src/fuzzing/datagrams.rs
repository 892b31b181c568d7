//! Headers of datagrams, control messages, and what is let through to the control plane.
use super::input::{Input, damage};
use crate::admission::cookie::Cookies;
use crate::admission::{
    Admission, Admitted, COOKIE, HANDSHAKE_1, HANDSHAKE_2, HELLO, HELLO_BACK, MAC, NOTICE, VERSION, mac_key, mac_of,
};
use crate::clock::SECOND;
use crate::control::{self, MAX_CONTROL};
use crate::packet::{HEADER, OFFLOAD, Offload, PREFIX, Part, Prefix, Segments, addresses, is_group, is_reserved};
use crate::way::Way;

/// Every header is written as it was read.
pub fn packet(data: &[u8]) {
    match Prefix::parse(data) {
        Some(prefix) => {
            assert_eq!(prefix.emit()[..], data[..PREFIX]);
            assert_eq!(prefix.nonce()[..], [&[0, 0][..], &data[2..4], &data[8..16]].concat());
        }
        None => assert!(data.len() < PREFIX),
    }
    match Part::parse(data) {
        Some(part) => assert_eq!(part.emit()[..], data[PREFIX..HEADER]),
        None => assert!(data.len() < HEADER),
    }
    match addresses(data) {
        Some((destination, source)) => {
            assert_eq!([&destination[..], &source].concat(), data[..12]);
            assert!(!is_reserved(&destination) || is_group(&destination));
        }
        None => assert!(data.len() < 14),
    }
    if let Some(bytes) = data.first_chunk::<OFFLOAD>() {
        offload(bytes);
    }
}

fn offload(bytes: &[u8; OFFLOAD]) {
    let offload = Offload::parse(bytes);
    assert_eq!(offload.emit(), *bytes);
    assert!(!offload.is_complete() || !offload.wants_checksum() && offload.segments().is_none());
    let single = offload.single();
    assert!(!single.is_segmented() && single.wants_checksum() == offload.wants_checksum());
    assert_eq!(single.single(), single);
    for kind in [Segments::Tcp4, Segments::Tcp6, Segments::Udp] {
        assert_eq!(offload.segmented(kind).segments(), Some(kind));
    }
}

/// Challenges are taken out, all else stays as it was, and no answer is longer than its question.
pub fn control(data: &[u8]) {
    let is_probe = control::is_probe(data);
    let Some(messages) = control::parse(data) else { return };
    assert!(data.len() <= MAX_CONTROL || is_probe);
    if is_probe {
        assert!(messages.challenges.len() == 1 && messages.others.is_empty());
    }
    let from = "[2001:db8::1]:4900".parse().ok();
    assert!(control::answer(&messages.challenges, from).len() + messages.others.len() <= data.len());
    let others = control::parse(&messages.others).expect("what was well formed is so without its challenges");
    assert!(others.challenges.is_empty() && others.others == messages.others);
    let mut rest = data;
    let mut tokens = messages.challenges.iter();
    while let Some(&[kind, high, low]) = rest.first_chunk() {
        let (message, behind) = rest.split_at(3 + usize::from(u16::from_be_bytes([high, low])));
        if kind == 1 {
            assert_eq!(tokens.next().map(|token| &token[..]), Some(&message[3..11]));
        }
        rest = behind;
    }
    assert!(rest.is_empty() && tokens.next().is_none());
}

const NETWORK: [u8; 32] = [1; 32];
const OWN: [u8; 32] = [2; 32];

/// A story of datagrams: only a good MAC gets past, only who was given a cookie is proven, and nothing that's sent back is
/// longer than what came.
pub fn admission(data: &[u8]) {
    let input = &mut Input::new(data);
    let cookies = Cookies::new(&[3; 32], mac_key(&NETWORK)).expect("random bytes");
    let mut admission = Admission::new(mac_key(&NETWORK), mac_key(&OWN), cookies.clone());
    let mut now = 1_000 * SECOND;
    let mut steps = 0;
    while input.goes_on(steps) {
        steps += 8;
        now += u64::from(input.byte()) * SECOND;
        let source = source(input.byte());
        let mut datagram = datagram(input);
        let proves = input.flag() && datagram.len() >= 2 * MAC && datagram[0] == HANDSHAKE_1;
        if proves {
            cookies.prove(now, &source, &mut datagram);
        }
        let is_good = input.flag() && seal(&mut datagram);
        damage(&mut datagram, input, usize::from(!is_good));
        // Several times the same: budgets run out.
        for _ in 0..1 + input.below(4) {
            match admission.admit(now, &source, &datagram) {
                Admitted::Pass { proven } => {
                    assert!(has_good_mac(&datagram) && proven == proves);
                }
                Admitted::Answer(answer) => {
                    assert!(has_good_mac(&datagram) && datagram[0] == HANDSHAKE_1 && !proves);
                    assert!(answer.len() < datagram.len() && has_good_mac(&answer) && answer[0] == COOKIE);
                }
                Admitted::Refused(_) => {}
            }
        }
        let _ = admission.admit_dht_reply(now, &datagram);
    }
}

fn source(number: u8) -> Way {
    let text = match number % 4 {
        0 => "192.0.2.1:4900",
        1 => "[2001:db8::1]:4900",
        2 => "udp/192.0.2.1:4910/0102030405060708",
        _ => "198.51.100.7:1",
    };
    Way::parse(text).expect("a way")
}

/// Of a kind and a length that may be right, filled with what the input has.
fn datagram(input: &mut Input) -> Vec<u8> {
    let (kind, length) = match input.byte() % 8 {
        0 => (HELLO, 1_032),
        1 => (HELLO_BACK, 1_032),
        2 | 3 => (HANDSHAKE_1, 1_032),
        4 => (HANDSHAKE_2, 972),
        5 => (COOKIE, 80),
        6 => (NOTICE, 72),
        _ => (input.byte(), usize::from(input.short() % 1_500)),
    };
    let mut datagram = vec![input.byte(); length];
    let version = if input.below(8) == 0 { input.byte() } else { VERSION };
    for (place, byte) in datagram.iter_mut().zip([kind, version]) {
        *place = byte;
    }
    datagram
}

fn key_of(kind: u8) -> &'static [u8; 32] {
    if [HELLO_BACK, HANDSHAKE_1, HANDSHAKE_2].contains(&kind) { &OWN } else { &NETWORK }
}

/// Gives it the MAC that it should have. False if it has no room for one.
fn seal(datagram: &mut [u8]) -> bool {
    let Some((body, mac)) = datagram.split_last_chunk_mut::<MAC>() else { return false };
    let Some(&kind) = body.first() else { return false };
    *mac = mac_of(&mac_key(key_of(kind)), body);
    true
}

fn has_good_mac(datagram: &[u8]) -> bool {
    let Some((body, mac)) = datagram.split_last_chunk::<MAC>() else { return false };
    body.first().is_some_and(|&kind| *mac == mac_of(&mac_key(key_of(kind)), body))
}
