use super::*;
use crate::clock::SECOND;
use proptest::prelude::*;
use std::net::SocketAddr;

const NOW: Nanos = 1_000 * SECOND;
const LIMITS: Limits = Limits { bytes_per_second: 0, logins: LoginRates { per_source: 8, in_total: 64 } };

fn address(last: u8) -> SocketAddr {
    ([192, 0, 2, last], 4_900).into()
}

fn from(last: u8) -> Arrival {
    let address = address(last);
    Arrival { at: NOW, origin: Origin::Udp(address), address, local: Some([198, 51, 100, last].into()) }
}

fn client(last: u8, tag: u8) -> Client {
    Client::new(Origin::Udp(address(last)), 100 + u32::from(last), [last; 8], vec![[tag; 16]], 0)
}

/// Clients 1 and 2 under one tag, 3 under another.
fn exchange(limits: Limits) -> Exchange {
    let mut exchange = Exchange::new(limits).expect("random bytes");
    for (last, tag) in [(1, 1), (2, 1), (3, 2)] {
        exchange.install(u32::from(last), client(last, tag)).expect("room");
    }
    exchange
}

fn envelope(index: u32, to: u8, inside: &[u8]) -> Vec<u8> {
    [&Envelope { index, pseudonym: [to; 8] }.emit()[..], inside].concat()
}

#[test]
fn goes_to_who_shares_a_tag_with_the_senders_name_on_it() {
    let (mut exchange, drops) = (exchange(LIMITS), Drops::default());
    // So that the relay knows by which of its addresses to reach 2.
    let _ = exchange.take(&from(2), &mut envelope(2, 9, b"x"), 17, &drops);
    let mut datagram = envelope(1, 2, b"sealed");
    let size = datagram.len();
    let verdict = exchange.take(&from(1), &mut datagram, size, &drops);
    let source = from(2).local;
    assert_eq!(verdict, Ok(Verdict::Forward { to: Origin::Udp(address(2)), source, length: size }));
    assert_eq!(datagram, envelope(102, 1, b"sealed"));
    assert_eq!(exchange.forwarded(), Forwarded { datagrams: 1, bytes: size as u64 });
}

#[test]
fn all_else_is_dropped_by_reason() {
    let (mut exchange, drops) = (exchange(LIMITS), Drops::default());
    let mut take = |last, mut datagram: Vec<u8>| {
        let size = datagram.len();
        exchange.take(&from(last), &mut datagram, size, &drops).map(|_| ())
    };
    assert_eq!(take(1, envelope(1, 3, b"x")), Err(Drop::PseudonymUnknown), "under another tag");
    assert_eq!(take(1, envelope(1, 9, b"x")), Err(Drop::PseudonymUnknown));
    assert_eq!(take(2, envelope(1, 2, b"x")), Err(Drop::ClientUnknown), "from another's address");
    assert_eq!(take(1, envelope(9, 2, b"x")), Err(Drop::ClientUnknown));
    assert_eq!(take(1, envelope(1, 2, b"")), Err(Drop::DatagramMalformed));
    assert_eq!(take(1, envelope(1, 2, b"")[..9].to_vec()), Err(Drop::DatagramMalformed));
    assert_eq!(take(1, vec![0x22; 1_032]), Err(Drop::UnknownKind));
    assert_eq!(take(1, vec![]), Err(Drop::DatagramMalformed));
}

#[test]
fn a_message_comes_up_for_its_own_client_only_and_within_its_budget() {
    let (mut exchange, drops) = (exchange(LIMITS), Drops::default());
    let mut message = vec![0; 40];
    (message[0], message[7]) = (MESSAGE, 1);
    assert_eq!(exchange.take(&from(2), &mut message.clone(), 40, &drops), Err(Drop::ClientUnknown));
    let passed = (0..100).filter(|_| exchange.take(&from(1), &mut message.clone(), 40, &drops).is_ok()).count();
    assert_eq!(passed as u64, MESSAGES.burst);
    assert_eq!(exchange.take(&from(1), &mut message[..31], 31, &drops), Err(Drop::DatagramMalformed));
}

#[test]
fn a_run_goes_on_as_one_and_what_exceeds_a_limit_stays_behind() {
    let limits = Limits { bytes_per_second: 400 * 1_024, ..LIMITS };
    let (mut exchange, drops) = (exchange(limits), Drops::default());
    let mut slow = client(2, 1);
    slow.bytes_per_second = 320 * 1_024;
    exchange.install(2, slow).expect("room");
    let run = || envelope(1, 2, &[7; 1_008]).repeat(63);
    let mut first = run();
    assert_eq!(run_length(&first, 1_024), first.len());
    let to = Origin::Udp(address(2));
    let verdict = exchange.take(&from(1), &mut first, 1_024, &drops);
    assert!(matches!(verdict, Ok(Verdict::Forward { to: got, length: 64_512, .. }) if got == to), "{verdict:?}");
    assert_eq!(first, envelope(102, 1, &[7; 1_008]).repeat(63));
    // A quarter of a second's worth, 100 datagrams, is the burst of all.
    let verdict = exchange.take(&from(1), &mut run(), 1_024, &drops);
    assert!(matches!(verdict, Ok(Verdict::Forward { length: 37_888, .. })), "{verdict:?}");
    assert_eq!(drops.get(Drop::TotalRate), 26);
    // 80 of them are the burst of client 2, whichever way it's cut.
    exchange.set_limits(LIMITS);
    let mut passed = 0;
    for _ in 0..3 {
        if let Ok(Verdict::Forward { length, .. }) =
            exchange.take(&from(2), &mut envelope(2, 1, &[7; 1_008]).repeat(63), 1_024, &drops)
        {
            passed += length / 1_024;
        }
    }
    assert_eq!((passed, drops.get(Drop::ClientRate)), (80, 3 * 63 - 80));
    let counters = exchange.counters().find(|(index, _)| *index == 2).map(|(_, counters)| counters);
    assert_eq!(counters.map(|counters| counters.drops), Some(3 * 63 - 80));
}

#[test]
fn a_client_needs_an_index_and_a_tag_or_two() {
    let mut exchange = exchange(LIMITS);
    assert!(exchange.install(0, client(4, 1)).is_err());
    for tags in [0, 3] {
        let client = Client { tags: vec![[1; 16]; tags].into(), ..client(4, 1) };
        assert!(exchange.install(4, client).is_err_and(|Refusal(text)| text.contains(&tags.to_string())));
    }
}

proptest! {
    /// Whatever arrives: no panic, an answer only shorter than its question, nothing forwarded beyond what came.
    #[test]
    fn no_bytes_panic(
        kind in prop_oneof![Just(0x28u8), Just(0x2b), Just(0x48), Just(0x49), any::<u8>()],
        index in 0u32..4,
        rest in proptest::collection::vec(any::<u8>(), 0..400),
        name in 0u8..4,
        segment in 1usize..200,
    ) {
        let (mut exchange, drops) = (exchange(LIMITS), Drops::default());
        let mut message = [&[kind, 1, 0, 0][..], &index.to_be_bytes(), &[name; 8], &rest].concat();
        let mut at = 0;
        while at < message.len() {
            let length = run_length(&message[at..], segment);
            prop_assert!(length > 0 && length <= message.len() - at);
            let run = &mut message[at..at + length];
            match exchange.take(&from(1), run, segment.min(length), &drops) {
                Ok(Verdict::Answer(answer)) => prop_assert!(answer.len() < length),
                Ok(Verdict::Forward { length: forwarded, .. }) => prop_assert!(forwarded <= length),
                _ => {}
            }
            at += length;
        }
    }
}
