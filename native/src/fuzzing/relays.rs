//! What a relay and its clients take from each other, and what comes before and around that over TCP.
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::input::{Input, damage};
use crate::clock::{MILLISECOND, SECOND};
use crate::counters::Drops;
use crate::relay::door::{Arrival, LoginRates};
use crate::relay::envelope::{ENVELOPE, ENVELOPE_KIND, Envelope, LOGIN_1, LOGIN_3, MESSAGE, index_of, is_relay_kind};
use crate::relay::exchange::{Exchange, Limits, Verdict, run_length};
use crate::relay::origin::Origin;
use crate::relay::table::Client;
use crate::tls::deframe::Deframer;
use crate::tls::proxy::{Answer, MAX_ANSWER, Proxy, parse_answer};

/// An envelope is written as it was read, and a run is of datagrams that have the same.
pub fn envelope(data: &[u8]) {
    let input = &mut Input::new(data);
    let segment = usize::from(input.short() % 2_048);
    let message = input.rest();
    let envelope = Envelope::parse(message);
    assert_eq!(envelope.is_some(), message.len() > ENVELOPE && message[0] == ENVELOPE_KIND);
    assert_eq!(index_of(message).is_some(), message.len() >= 8);
    if let Some(envelope) = envelope {
        let written = envelope.emit();
        assert!(written[4..] == message[4..ENVELOPE] && is_relay_kind(written[0]));
        assert_eq!(index_of(message), Some(envelope.index));
    }
    let length = run_length(message, segment);
    assert!(length <= message.len() && (length == 0) == message.is_empty());
    for datagram in message[..length].chunks(segment.max(1)).skip(1) {
        assert!(datagram.len() > ENVELOPE && datagram.starts_with(&message[..ENVELOPE]));
    }
}

const LIMITS: Limits = Limits { bytes_per_second: 0, logins: LoginRates { per_source: 4, in_total: 8 } };
/// By index − 1: at which address a client is, and under which tags.
const CLIENTS: [(u8, &[u8]); 4] = [(1, &[1]), (2, &[1, 2]), (3, &[2]), (1, &[3])];
const TOWARDS_CLIENT: u32 = 100;

fn address(last: u8) -> SocketAddr {
    ([192, 0, 2, last], 4_900).into()
}

/// A story of datagrams at a relay: what's forwarded came from a client's own address, goes to one that shares a tag with it,
/// and is what it was but for the envelope; what's answered is answered shorter.
pub fn exchange(data: &[u8]) {
    let input = &mut Input::new(data);
    let bytes_per_second = u64::from(input.byte()) * 1_024;
    let mut exchange = Exchange::new(Limits { bytes_per_second, ..LIMITS }).expect("random bytes");
    for (at, (last, tags)) in CLIENTS.iter().enumerate() {
        let tags = tags.iter().map(|&tag| [tag; 16]).collect();
        let pseudonym = [at as u8 + 1; 8];
        let client = Client::new(Origin::Udp(address(*last)), TOWARDS_CLIENT + at as u32, pseudonym, tags, 0);
        exchange.install(at as u32 + 1, client).expect("room");
    }
    let drops = Drops::default();
    let mut now = 1_000 * SECOND;
    let mut steps = 0;
    while input.goes_on(steps) {
        steps += 2;
        now += u64::from(input.byte()) * MILLISECOND;
        let last = input.byte() % 5;
        let local = Some(IpAddr::from([192, 0, 2, 200]));
        let from = Arrival { at: now, origin: Origin::Udp(address(last)), address: address(last), local };
        let segment = 1 + usize::from(input.short() % 1_024);
        let mut message = relayed(input, segment);
        let mut at = 0;
        while at < message.len() {
            let length = run_length(&message[at..], segment);
            arrives(&mut exchange, &from, &mut message[at..at + length], segment.min(length), &drops);
            at += length;
        }
    }
}

/// Datagrams that came as one message: of one kind, perhaps with the same envelope.
fn relayed(input: &mut Input, segment: usize) -> Vec<u8> {
    let kind = match input.below(8) {
        0 => LOGIN_1,
        1 => LOGIN_3,
        2 => MESSAGE,
        3 => input.byte(),
        _ => ENVELOPE_KIND,
    };
    let (index, name, fill) = (input.byte() % 6, input.byte() % 6, input.byte());
    let one = match kind {
        LOGIN_1 => 160,
        LOGIN_3 => 300,
        _ => segment,
    };
    let mut datagram = [&[kind, 1, 0, 0, 0, 0, 0, index][..], &[name; 8]].concat();
    datagram.resize(one, fill);
    let mut message = datagram.repeat(1 + input.below(6));
    damage(&mut message, input, 3);
    message.truncate(message.len() - usize::from(input.byte()).min(message.len()));
    message
}

fn arrives(exchange: &mut Exchange, from: &Arrival, run: &mut [u8], size: usize, drops: &Drops) {
    let before = run.to_vec();
    let forwarded = exchange.forwarded();
    match exchange.take(from, run, size, drops) {
        Ok(Verdict::Forward { to, length, .. }) => {
            assert!(length <= run.len() && exchange.forwarded().bytes == forwarded.bytes + length as u64);
            let (sent, got) = (Envelope::parse(&before), Envelope::parse(run));
            let (sent, got) = (sent.expect("an envelope"), got.expect("an envelope"));
            let sender = (sent.index - 1) as usize;
            let receiver = (got.index - TOWARDS_CLIENT) as usize;
            assert_eq!(from.origin, Origin::Udp(address(CLIENTS[sender].0)));
            assert_eq!(to, Origin::Udp(address(CLIENTS[receiver].0)));
            assert!(CLIENTS[sender].1.iter().any(|tag| CLIENTS[receiver].1.contains(tag)));
            assert_eq!(sent.pseudonym, [receiver as u8 + 1; 8]);
            assert_eq!(got.pseudonym, [sender as u8 + 1; 8]);
            for (was, is) in before[..length].chunks(size).zip(run[..length].chunks(size)) {
                assert!(was[ENVELOPE..] == is[ENVELOPE..] && is[..ENVELOPE] == run[..ENVELOPE]);
            }
        }
        verdict => {
            assert!(run == before && exchange.forwarded() == forwarded);
            match verdict {
                Ok(Verdict::Answer(answer)) => assert!(answer.len() < run.len() && run[0] == LOGIN_1),
                Ok(_) => assert!([LOGIN_1, LOGIN_3, MESSAGE].contains(&run[0])),
                Err(_) => {}
            }
        }
    }
}

/// However a stream is cut, the same datagrams come out of it, and no more than one is ever waited for.
pub fn deframe(data: &[u8]) {
    let input = &mut Input::new(data);
    let cuts: Vec<usize> = (0..1 + input.below(8)).map(|_| 1 + usize::from(input.byte())).collect();
    let stream = input.rest();
    let (mut deframer, mut got, mut ended) = (Deframer::default(), Vec::new(), false);
    let mut rest = stream;
    for &cut in cuts.iter().cycle() {
        if rest.is_empty() || ended {
            break;
        }
        let (bytes, behind) = rest.split_at(cut.min(rest.len()));
        deframer.push(bytes);
        rest = behind;
        ended = loop {
            match deframer.next_datagram() {
                Ok(Some(datagram)) => got.push(datagram.to_vec()),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(ended || deframer.held() < 2 + 65_535);
    }
    let (expected, is_bad) = plain_datagrams(stream);
    assert_eq!((got, ended), (expected, is_bad));
}

/// The same from the whole stream at once; whether it ends at an empty datagram.
fn plain_datagrams(mut stream: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut datagrams = Vec::new();
    while let Some((&[high, low], behind)) = stream.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        match behind.split_at_checked(length) {
            _ if length == 0 => return (datagrams, true),
            None => break,
            Some((datagram, behind)) => {
                datagrams.push(datagram.to_vec());
                stream = behind;
            }
        }
    }
    (datagrams, false)
}

/// A proxy's answer, byte by byte as it may come: read to the end of its header or to the bound, and nothing of it that isn't
/// printable is ever shown; and nothing can be put into what a proxy is asked.
pub fn proxy(data: &[u8]) {
    let end = data.windows(4).position(|window| window == b"\r\n\r\n");
    let answer = parse_answer(data);
    match &answer {
        Answer::Unfinished => assert!(end.is_none() && data.len() < MAX_ANSWER),
        Answer::Connected => {
            assert_eq!(end, Some(data.len() - 4));
            assert!(data.starts_with(b"HTTP/1.0 2") || data.starts_with(b"HTTP/1.1 2"));
        }
        Answer::Refused(text) => {
            assert!(end.is_some() || data.len() >= MAX_ANSWER);
            assert!(text.len() < 200 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
    for length in (0..data.len().min(end.map_or(data.len(), |end| end + 3))).rev().take(4) {
        assert!(length >= MAX_ANSWER || parse_answer(&data[..length]) == Answer::Unfinished);
    }
    let authorization = String::from_utf8_lossy(data).into_owned();
    let Some(proxy) = Proxy::new(address(1), Some(authorization.clone().into())) else { return };
    let request = String::from_utf8(proxy.request(address(2)).to_vec()).expect("text");
    let lines: HashMap<&str, &str> = request.lines().filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(request.matches("\r\n").count(), 4);
    assert_eq!(lines.get("Proxy-Authorization"), Some(&authorization.as_str()));
}
