use super::*;
use crate::clock::SECOND;
use proptest::prelude::*;

const NOW: Nanos = 1_000 * SECOND;

struct Bench {
    admission: Admission,
    network: hmac::Key,
    own: hmac::Key,
    cookies: Cookies,
}

fn bench() -> Bench {
    let (network, own) = (mac_key(&[1; 32]), mac_key(&[2; 32]));
    let cookies = Cookies::new(&[3; 32], network.clone()).expect("random bytes");
    Bench { admission: Admission::new(network.clone(), own.clone(), cookies.clone()), network, own, cookies }
}

fn source(last: u8) -> Way {
    Way::Direct(([192, 0, 2, last], 4900).into())
}

fn datagram(key: &hmac::Key, kind: u8, length: usize) -> Vec<u8> {
    let mut datagram = vec![0; length - MAC];
    datagram[..2].copy_from_slice(&[kind, VERSION]);
    datagram.extend_from_slice(&mac_of(key, &datagram));
    datagram
}

#[test]
fn each_kind_has_its_length_and_key() {
    let mut bench = bench();
    let (network, own) = (bench.network.clone(), bench.own.clone());
    let kinds = [
        (HELLO, 1032, &network, &own),
        (HELLO_BACK, 1032, &own, &network),
        (HANDSHAKE_1, 1032, &own, &network),
        (HANDSHAKE_2, 972, &own, &network),
        (COOKIE, 80, &network, &own),
        (NOTICE, 72, &network, &own),
    ];
    for (kind, length, right, wrong) in kinds {
        let mut admit = |datagram: &[u8]| bench.admission.admit(NOW, &source(1), datagram);
        assert_eq!(admit(&datagram(right, kind, length)), Admitted::Pass { proven: false }, "kind {kind:#x}");
        assert_eq!(admit(&datagram(wrong, kind, length)), Admitted::Refused(Drop::HandshakeMac));
        assert_eq!(admit(&datagram(right, kind, length + 1)), Admitted::Refused(Drop::HandshakeLength));
        assert_eq!(admit(&datagram(right, kind, length - 1)), Admitted::Refused(Drop::HandshakeLength));
    }
}

#[test]
fn another_version_passes_with_a_good_mac() {
    let mut bench = bench();
    let mut other = vec![HANDSHAKE_1, 2, 0, 0, 9, 9];
    other.extend_from_slice(&mac_of(&bench.own, &other));
    assert_eq!(bench.admission.admit(NOW, &source(1), &other), Admitted::Pass { proven: false });
    other[5] ^= 1;
    assert_eq!(bench.admission.admit(NOW, &source(1), &other), Admitted::Refused(Drop::HandshakeMac));
}

#[test]
fn a_stranger_spends_nothing_that_members_need() {
    let mut bench = bench();
    let forged = datagram(&bench.network, HANDSHAKE_1, 1032);
    for _ in 0..5_000 {
        assert_eq!(bench.admission.admit(NOW, &source(1), &forged), Admitted::Refused(Drop::HandshakeMac));
    }
    let good = datagram(&bench.own, HANDSHAKE_1, 1032);
    assert_eq!(bench.admission.admit(NOW, &source(1), &good), Admitted::Pass { proven: false });
}

#[test]
fn mac_checks_have_a_budget() {
    let mut bench = bench();
    let forged = datagram(&bench.network, HANDSHAKE_2, 972);
    let checked = (0..2 * CHECKS.burst)
        .filter(|_| bench.admission.admit(NOW, &source(1), &forged) == Admitted::Refused(Drop::HandshakeMac));
    assert_eq!(checked.count() as u64, CHECKS.burst);
    assert_eq!(bench.admission.admit(NOW, &source(1), &forged), Admitted::Refused(Drop::HandshakeChecks));
}

/// Sends the same until it's refused.
fn exhaust(admission: &mut Admission, sources: impl Iterator<Item = Way>, datagram: &[u8]) -> Option<Admitted> {
    sources.map(|source| admission.admit(NOW, &source, datagram)).find(|got| !matches!(got, Admitted::Pass { .. }))
}

#[test]
fn a_source_over_its_budget_gets_a_cookie_and_passes_with_it() {
    let mut bench = bench();
    let mut handshake = datagram(&bench.own, HANDSHAKE_1, 1032);
    handshake[4..8].copy_from_slice(&[1, 2, 3, 4]);
    let mac = mac_of(&bench.own, &handshake[..1016]);
    handshake[1016..].copy_from_slice(&mac);
    let answer = exhaust(&mut bench.admission, std::iter::repeat_n(source(1), 100), &handshake);
    let Some(Admitted::Answer(cookie)) = answer else { panic!("expected a cookie, got {answer:?}") };
    assert_eq!((cookie.len(), &cookie[..8]), (80, &[COOKIE, VERSION, 0, 0, 1, 2, 3, 4][..]));
    assert_eq!(bench.admission.admit(NOW, &source(2), &handshake), Admitted::Pass { proven: false });

    bench.cookies.prove(NOW, &source(1), &mut handshake);
    let mac = mac_of(&bench.own, &handshake[..1016]);
    handshake[1016..].copy_from_slice(&mac);
    assert_eq!(bench.admission.admit(NOW, &source(1), &handshake), Admitted::Pass { proven: true });
}

#[test]
fn under_load_from_everywhere_handshakes_get_cookies() {
    let mut bench = bench();
    let handshake = datagram(&bench.own, HANDSHAKE_1, 1032);
    let many = (0..10_000u32).map(|number| Way::Direct(((number << 8).to_be_bytes(), 1).into()));
    assert!(matches!(exhaust(&mut bench.admission, many, &handshake), Some(Admitted::Answer(_))));
    let hello = datagram(&bench.network, HELLO, 1032);
    assert_eq!(
        bench.admission.admit(NOW, &source(9), &hello),
        Admitted::Pass { proven: false },
        "hellos aren't kept out by that"
    );
}

#[test]
fn hellos_from_everywhere_meet_silence_and_keep_no_handshake_out() {
    let mut bench = bench();
    let hello = datagram(&bench.network, HELLO, 1032);
    let many = (0..10_000u32).map(|number| Way::Direct(((number << 8).to_be_bytes(), 1).into()));
    assert_eq!(exhaust(&mut bench.admission, many, &hello), Some(Admitted::Refused(Drop::HandshakeRate)));
    let handshake = datagram(&bench.own, HANDSHAKE_1, 1032);
    assert_eq!(bench.admission.admit(NOW, &source(9), &handshake), Admitted::Pass { proven: false });
    assert_eq!(bench.admission.admit(NOW + 10 * SECOND, &source(9), &hello), Admitted::Pass { proven: false });
}

#[test]
fn answers_of_dht_nodes_have_a_length_and_a_budget_that_nothing_else_uses() {
    let mut bench = bench();
    let reply = [DHT_REPLY; 10];
    assert_eq!(bench.admission.admit_dht_reply(NOW, &reply[..9]), Err(Drop::DatagramMalformed));
    assert_eq!(bench.admission.admit_dht_reply(NOW, &[DHT_REPLY; 1_201]), Err(Drop::DatagramMalformed));
    let passed = (0..1_000).filter(|_| bench.admission.admit_dht_reply(NOW, &reply).is_ok());
    assert_eq!(passed.count() as u64, DHT_REPLIES.burst);
    assert_eq!(bench.admission.admit_dht_reply(NOW, &reply), Err(Drop::DhtRate));
    assert_eq!(bench.admission.admit_dht_reply(NOW + SECOND, &reply), Ok(()));
    let hello = datagram(&bench.network, HELLO, 1032);
    assert_eq!(bench.admission.admit(NOW, &source(1), &hello), Admitted::Pass { proven: false });
}

#[test]
fn cookies_have_a_budget() {
    let mut bench = bench();
    let handshake = datagram(&bench.own, HANDSHAKE_1, 1032);
    let mut answered = |source: Way| matches!(bench.admission.admit(NOW, &source, &handshake), Admitted::Answer(_));
    let of_one = (0..2_000).filter(|_| answered(source(1))).count() as u64;
    assert_eq!(of_one, COOKIES_OF_SOURCE.burst, "one source doesn't spend what others need");
    let of_many = (0..8_000u32).filter(|number| answered(Way::Direct(((number << 8).to_be_bytes(), 1).into())));
    assert!((COOKIES.burst - 2 * of_one..=COOKIES.burst).contains(&(of_one + of_many.count() as u64)));
}

proptest! {
    #[test]
    fn no_input_panics_or_passes_without_a_key(datagram in proptest::collection::vec(any::<u8>(), 0..1_500), kind in 0x1Fu8..0x28) {
        let mut datagram = datagram;
        if let Some(first) = datagram.first_mut() {
            *first = kind;
        }
        let refused = matches!(bench().admission.admit(NOW, &source(1), &datagram), Admitted::Refused(_));
        prop_assert!(refused);
    }
}
