use super::*;
use crate::udp::batch::Outbox;

/// A socket on a port that the system chose, and its address on the loopback interface.
fn bound(address: &str) -> (LinuxUdp, SocketAddr) {
    let mut address: SocketAddr = address.parse().expect("an address");
    let socket = LinuxUdp::open(address).expect("a socket");
    // SAFETY: zeros are a valid sockaddr_in6.
    let mut name: libc::sockaddr_in6 = unsafe { zeroed() };
    let mut length = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
    // SAFETY: `name` has room for `length` bytes.
    let returned = unsafe { libc::getsockname(socket.0.as_raw_fd(), (&raw mut name).cast(), &mut length) };
    assert_eq!(returned, 0);
    address.set_port(address_of(&name).expect("a known family").port());
    (socket, address)
}

fn arrives(from: &str, source: Option<&str>) -> Incoming {
    let (receiver, to) = bound(from);
    let (sender, _) = bound(from);
    let mut outbox = Outbox::default();
    let source = source.map(|source| source.parse().expect("an address"));
    for byte in 0..3 {
        outbox.add(to, source, 5).expect("room").fill(byte);
    }
    assert_eq!(sender.send(outbox.arena(), outbox.datagrams()).expect("sends"), 3);
    let mut inbox = Inbox::default();
    receiver.receive(&mut inbox).expect("receives");
    assert_eq!(inbox.len(), 3);
    for byte in 0..3 {
        assert_eq!(inbox.get(usize::from(byte)).map(|(_, bytes)| bytes.to_vec()), Some(vec![byte; 5]));
    }
    inbox.get(0).expect("the first").0
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
    outbox.add(to, Some([127, 0, 0, 9].into()), 1).expect("room");
    sender.send(outbox.arena(), outbox.datagrams()).expect("sends");
    let mut inbox = Inbox::default();
    receiver.receive(&mut inbox).expect("receives");
    assert_eq!(inbox.get(0).map(|(incoming, _)| incoming.from.ip()), Some([127, 0, 0, 9].into()));
}

#[test]
fn ipv6_works_alike() {
    if LinuxUdp::open_v6(0).expect("opens or says there's none").is_none() {
        return;
    }
    let incoming = arrives("[::1]:0", Some("::1"));
    assert_eq!((incoming.from.ip().to_string(), incoming.local), ("::1".into(), Some(incoming.from.ip())));
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
    let error = LinuxUdp::open_v4(address.port()).map(|_| ()).expect_err("the port is taken");
    assert_eq!(error.code, Code::PortTaken);
    assert!(error.message.contains(&address.port().to_string()));
}
