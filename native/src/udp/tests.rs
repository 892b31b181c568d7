//! Of whichever system's sockets are built in.
use std::io;
use std::net::SocketAddr;

use socket2::SockRef;

use super::batch::{Inbox, Incoming, Outbox, Route};
use super::{Socket, UdpSocket};
use crate::error::Code;

/// What arrives of the mark 0xBA: all, or ECN's bits.
const MARK: u8 = if cfg!(all(target_os = "linux", not(feature = "portable"))) { 0xBA } else { 0xBA & 3 };

/// A socket on a port that the system chose, and its address on the loopback interface.
pub(crate) fn bound(address: &str) -> (Socket, SocketAddr) {
    let mut address: SocketAddr = address.parse().expect("an address");
    let socket = Socket::open_at(address).expect("a socket");
    let bound = SockRef::from(&socket).local_addr().expect("bound").as_socket();
    address.set_port(bound.expect("an address of IP").port());
    (socket, address)
}

fn arrives(from: &str, source: Option<&str>) -> Incoming {
    let (receiver, to) = bound(from);
    let (sender, _) = bound(from);
    let mut outbox = Outbox::default();
    let source = source.map(|source| source.parse().expect("an address"));
    let route = Route { to, source, mark: 0xBA };
    for byte in 0..3 {
        outbox.add(route, 5, false).expect("room").fill(byte);
    }
    assert_eq!(sender.send(outbox.arena(), outbox.messages()).expect("sends"), 3);
    let mut inbox = Inbox::default();
    receiver.receive(&mut inbox).expect("receives");
    assert_eq!(inbox.len(), 3);
    for byte in 0..3 {
        assert_eq!(inbox.get(usize::from(byte)).map(|(_, bytes)| bytes.to_vec()), Some(vec![byte; 5]));
    }
    let incoming = inbox.get(0).expect("the first").0;
    assert_eq!((incoming.mark, incoming.segment), (MARK, 5));
    incoming
}

#[test]
fn a_batch_arrives_with_both_addresses() {
    let incoming = arrives("127.0.0.1:0", None);
    assert_eq!((incoming.from.ip().to_string(), incoming.local), ("127.0.0.1".into(), Some(incoming.from.ip())));
}

#[test]
fn a_datagram_leaves_from_the_address_that_it_is_told() {
    let (receiver, mut to) = bound("0.0.0.0:0");
    let (sender, _) = bound("0.0.0.0:0");
    to.set_ip([127, 0, 0, 1].into());
    let mut outbox = Outbox::default();
    outbox.add(Route { source: Some([127, 0, 0, 9].into()), ..Route::to(to) }, 1, true).expect("room");
    sender.send(outbox.arena(), outbox.messages()).expect("sends");
    let mut inbox = Inbox::default();
    receiver.receive(&mut inbox).expect("receives");
    assert_eq!(inbox.get(0).map(|(incoming, _)| incoming.from.ip()), Some([127, 0, 0, 9].into()));
}

#[test]
fn ipv6_works_alike() {
    if Socket::open_v6(0).expect("opens or says there's none").is_none() {
        return;
    }
    let incoming = arrives("[::1]:0", Some("::1"));
    assert_eq!((incoming.from.ip().to_string(), incoming.local), ("::1".into(), Some(incoming.from.ip())));
}

/// Sends 40 full datagrams and a shorter one as one message; gives what arrives.
fn joined(joining: bool) -> (usize, Vec<u8>) {
    let (receiver, to) = bound("127.0.0.1:0");
    let (sender, _) = bound("127.0.0.1:0");
    receiver.set_joining(joining).expect("switches");
    let mut outbox = Outbox::default();
    for byte in 0..41 {
        outbox.add(Route::to(to), if byte == 40 { 9 } else { 1_000 }, true).expect("room").fill(byte);
    }
    assert!(sender.can_cut() && outbox.messages().len() == 1);
    assert_eq!(sender.send(outbox.arena(), outbox.messages()).expect("sends"), 1);
    let (mut inbox, mut messages, mut bytes) = (Inbox::default(), 0, Vec::new());
    while receiver.receive(&mut inbox).is_ok() {
        for at in 0..inbox.len() {
            let (incoming, message) = inbox.get(at).expect("a message");
            assert!(message.len() == 9 || incoming.segment == 1_000);
            messages += 1;
            bytes.extend_from_slice(message);
        }
    }
    assert_eq!(bytes, outbox.arena()[..bytes.len()]);
    (messages, bytes)
}

#[test]
fn a_message_is_cut_and_joined_by_the_kernel() {
    assert_eq!(joined(true).0, 1);
    let (messages, bytes) = joined(false);
    assert_eq!((messages, bytes.len()), (41, 40_009));
}

#[test]
fn nothing_to_receive_would_block() {
    let (receiver, _) = bound("127.0.0.1:0");
    let kind = receiver.receive(&mut Inbox::default()).map_err(|error| error.kind());
    assert_eq!(kind, Err(io::ErrorKind::WouldBlock));
}

#[test]
fn a_taken_port_is_named() {
    let (_socket, address) = bound("0.0.0.0:0");
    let error = Socket::open_v4(address.port()).map(|_| ()).expect_err("the port is taken");
    assert_eq!(error.code, Code::PortTaken);
    assert!(error.message.contains(&address.port().to_string()));
}
