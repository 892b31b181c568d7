//! A link and a relay's TLS connections, over the loopback interface.
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::link::{Destination, Link, Told};
use super::proxy::Proxy;
use super::server::{Happening, TlsLimits, TlsServer};
use crate::clock::{Nanos, SECOND, now};
use crate::counters::{Drop, Drops};
use crate::poll::Poller;

const LIMITS: TlsLimits = TlsLimits { connections: 4, per_source: 3, queue: 4_096 };
/// Longer than anything here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Relay {
    server: TlsServer,
    poller: Poller,
    address: SocketAddr,
    drops: Drops,
    heard: Vec<(u64, Vec<u8>)>,
    ended: Vec<u64>,
}

impl Relay {
    fn new() -> Self {
        // A port that was free a moment ago.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = free.expect("a free port");
        let poller = Poller::new().expect("a poller");
        let server = TlsServer::open(&[address], LIMITS, &poller, 1).expect("listens");
        Self { server, poller, address, drops: Drops::default(), heard: Vec::new(), ended: Vec::new() }
    }

    fn turn(&mut self, at: Nanos) {
        let Self { server, poller, drops, heard, ended, .. } = self;
        poller.wait(Some(0)).expect("waits");
        let mut on = |happening: Happening| match happening {
            Happening::Datagram { number, datagram, .. } => heard.push((number, datagram.to_vec())),
            Happening::Ended { number } => ended.push(number),
        };
        server.turn(at, drops, &mut on).expect("waits");
        server.flush(drops, &mut on);
        server.sweep(at, drops, &mut on);
    }

    fn until(&mut self, is_over: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_over(self) {
            assert!(began.elapsed() < PATIENCE, "it doesn't come");
            self.turn(now());
            std::thread::yield_now();
        }
    }
}

fn link(relay: SocketAddr, proxy: Option<Proxy>) -> (Link, Receiver<Told>) {
    let (tell, told) = channel();
    let tell = move |what| {
        // The test may have seen enough.
        let _ = tell.send(what);
    };
    (Link::open(Destination { relay, proxy, mark: 0 }, tell).expect("a thread"), told)
}

/// Datagrams out of what a link gives.
fn datagrams(link: &Link) -> Vec<Vec<u8>> {
    let mut stream = Vec::new();
    link.take(&mut stream);
    let mut deframer = super::deframe::Deframer::default();
    deframer.push(&stream);
    let mut all = Vec::new();
    while let Ok(Some(datagram)) = deframer.next_datagram() {
        all.push(datagram.to_vec());
    }
    all
}

#[test]
fn datagrams_go_both_ways_and_each_side_sees_the_end() {
    let mut relay = Relay::new();
    let (link, told) = link(relay.address, None);
    assert_eq!((link.push(b"first"), link.push(&[7; 60_000])), (0, 0));
    link.wake();
    relay.until(|relay| relay.heard.len() == 2);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Told::Open));
    let (number, first) = relay.heard[0].clone();
    assert_eq!((first, relay.heard[1].1.clone()), (b"first".to_vec(), vec![7; 60_000]));
    relay.server.push(number, b"back", &relay.drops);
    relay.turn(now());
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Told::Arrived));
    assert_eq!(datagrams(&link), [b"back".to_vec()]);
    link.close();
    relay.until(|relay| relay.ended == [number]);
    assert!(relay.server.is_empty() && told.try_recv().is_err());
}

#[test]
fn a_full_queue_drops_the_oldest() {
    let mut relay = Relay::new();
    let (link, _told) = link(relay.address, None);
    link.push(b"here");
    link.wake();
    relay.until(|relay| !relay.heard.is_empty());
    let number = relay.heard[0].0;
    for byte in 0..10 {
        relay.server.push(number, &[byte; 1_000], &relay.drops);
    }
    assert_eq!(relay.drops.get(Drop::TlsQueue), 6);
    relay.turn(now());
    let began = Instant::now();
    let mut got = Vec::new();
    while got.len() < 4 {
        assert!(began.elapsed() < PATIENCE);
        got.append(&mut datagrams(&link));
    }
    assert_eq!(got.iter().map(|datagram| datagram[0]).collect::<Vec<_>>(), [6, 7, 8, 9]);
}

#[test]
fn strangers_are_few_brief_and_shut_out_when_they_speak_something_else() {
    let mut relay = Relay::new();
    let mut strangers: Vec<_> = (0..5).map(|_| TcpStream::connect(relay.address).expect("connects")).collect();
    relay.until(|relay| relay.drops.get(Drop::TlsRefused) == 2);
    assert_eq!(relay.server.len(), LIMITS.per_source);
    strangers[0].write_all(b"GET / HTTP/1.1\r\n\r\n").expect("writes");
    relay.until(|relay| relay.drops.get(Drop::TlsFailed) == 1);
    assert_eq!(relay.server.len(), 2);
    relay.turn(now() + 11 * SECOND);
    assert_eq!((relay.server.len(), relay.drops.get(Drop::TlsFailed)), (0, 3));
    assert_eq!(relay.server.deadline(), None);
    strangers[1].set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // An alert, and the end.
    let mut rest = Vec::new();
    assert!(strangers[1].read_to_end(&mut rest).expect("the end") <= 7);
}

#[test]
fn a_silent_client_is_let_go() {
    let mut relay = Relay::new();
    let (link, told) = link(relay.address, None);
    link.push(b"here");
    link.wake();
    relay.until(|relay| !relay.heard.is_empty());
    relay.turn(now() + 60 * SECOND);
    assert_eq!(relay.server.len(), 1);
    relay.turn(now() + 120 * SECOND);
    assert_eq!(relay.server.len(), 0);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Told::Open));
    assert!(matches!(told.recv_timeout(PATIENCE), Ok(Told::Closed(_))));
}

/// A proxy for one connection, which answers as it's told and then joins it to `relay`. Gives its address.
fn proxy(answer: &'static [u8], relay: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).expect("a request");
            request.push(byte[0]);
        }
        assert!(request.starts_with(format!("CONNECT {relay} HTTP/1.1\r\n").as_bytes()));
        assert!(String::from_utf8_lossy(&request).contains("\r\nProxy-Authorization: Basic eDp5\r\n"));
        client.write_all(answer).expect("an answer");
        let Ok(mut onward) = TcpStream::connect(relay) else { return };
        let (mut back, mut there) = (client.try_clone().expect("a copy"), onward.try_clone().expect("a copy"));
        std::thread::spawn(move || std::io::copy(&mut there, &mut back));
        // Either side ends it.
        let _ = std::io::copy(&mut client, &mut onward);
    });
    address
}

fn through(address: SocketAddr) -> Option<Proxy> {
    Proxy::new(address, Some(zeroize::Zeroizing::new("Basic eDp5".into())))
}

#[test]
fn a_proxy_leads_to_the_relay() {
    let mut relay = Relay::new();
    let address = proxy(b"HTTP/1.1 200 Connection established\r\n\r\n", relay.address);
    let (link, _told) = link(relay.address, through(address));
    link.push(b"here");
    link.wake();
    relay.until(|relay| !relay.heard.is_empty());
    assert_eq!(relay.heard[0].1, b"here");
}

#[test]
fn a_proxy_that_refuses_is_told_of() {
    let relay = Relay::new();
    let address = proxy(b"HTTP/1.1 403 Not here\r\n\r\n", relay.address);
    let (_link, told) = link(relay.address, through(address));
    let Ok(Told::Closed(error)) = told.recv_timeout(PATIENCE) else { panic!("expected an error") };
    assert!(error.contains(&address.to_string()) && error.contains("403 Not here"), "{error}");
}

#[test]
fn a_link_that_nobody_answers_can_be_closed_at_once() {
    // It accepts, and says nothing.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let (link, told) = link(address, through(address));
    let accepted = listener.accept().expect("the link");
    let began = Instant::now();
    link.close();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(told.try_recv().is_err());
    drop(accepted);
}
