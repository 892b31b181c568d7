use std::net::UdpSocket;
use std::sync::Arc;
use std::thread;

use super::*;
use crate::clock::SECOND;

fn socket() -> (UdpSocket, impl Fn()) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let (to, sender) = (socket.local_addr().expect("bound"), UdpSocket::bind("127.0.0.1:0").expect("a socket"));
    let send = move || {
        sender.send_to(&[1], to).expect("sends");
    };
    (socket, send)
}

fn take(socket: &UdpSocket) {
    socket.recv(&mut [0; 4]).expect("a datagram");
}

#[test]
fn a_wake_is_seen_once() {
    let waker = Waker::new().expect("a waker");
    let poller = Poller::new().expect("a poller");
    poller.watch_waker(5, &waker).expect("watches");
    assert!(!poller.wait(Some(0)).expect("waits").has(5));
    waker.wake();
    waker.wake();
    assert!(poller.wait(None).expect("waits").has(5));
    assert!(poller.wait(None).expect("waits").has(5));
    waker.clear();
    assert!(!poller.wait(Some(0)).expect("waits").has(5));
}

#[test]
fn what_was_woken_is_seen_where_it_is_watched_from_now_on() {
    let waker = Waker::new().expect("a waker");
    let (before, after) = (Poller::new().expect("a poller"), Poller::new().expect("a poller"));
    before.watch_waker(1, &waker).expect("watches");
    waker.wake();
    after.watch_waker(2, &waker).expect("watches");
    before.forget_waker(&waker);
    assert!(!before.wait(Some(0)).expect("waits").has(1));
    assert!(after.wait(None).expect("waits").has(2));
    assert!(after.watch_waker(2, &waker).is_err());
}

#[test]
fn a_thread_that_waits_is_woken_by_another() {
    let waker = Arc::new(Waker::new().expect("a waker"));
    let poller = Arc::new(Poller::new().expect("a poller"));
    let (waits, wakes) = (Arc::clone(&poller), Arc::clone(&waker));
    let thread = thread::spawn(move || waits.wait(Some(60 * SECOND)).expect("waits").has(63));
    // Also while that one waits.
    poller.watch_waker(63, &waker).expect("watches");
    wakes.wake();
    assert!(thread.join().expect("no panic"));
}

#[test]
fn a_socket_is_ready_as_long_as_something_waits_there() {
    let (socket, send) = socket();
    let poller = Poller::new().expect("a poller");
    poller.watch(3, socket.as_source()).expect("watches");
    assert!(!poller.wait(Some(0)).expect("waits").has(3));
    send();
    send();
    for _ in 0..2 {
        assert!(poller.wait(Some(60 * SECOND)).expect("waits").has(3));
        take(&socket);
    }
    assert!(!poller.wait(Some(0)).expect("waits").has(3));
}

#[test]
fn a_socket_moves_from_one_to_another() {
    let (socket, send) = socket();
    let (before, after) = (Poller::new().expect("a poller"), Poller::new().expect("a poller"));
    before.watch(1, socket.as_source()).expect("watches");
    send();
    assert!(before.wait(Some(60 * SECOND)).expect("waits").has(1));
    after.watch(2, socket.as_source()).expect("watches");
    before.forget(socket.as_source());
    assert!(!before.wait(Some(0)).expect("waits").has(1));
    assert!(after.wait(Some(60 * SECOND)).expect("waits").has(2));
}

#[test]
fn a_lookout_tells_a_socket_from_a_wake() {
    let ((socket, send), waker) = (socket(), Waker::new().expect("a waker"));
    let lookout = Lookout::new(&waker).expect("a lookout");
    let wait = |interest, left| lookout.wait(socket.as_source(), interest, left).expect("waits");
    assert!(wait(Interest::WRITING, None));
    assert!(!wait(Interest::READING, Some(0)));
    waker.wake();
    assert!(!wait(Interest::READING, None));
    waker.clear();
    send();
    assert!(wait(Interest::READING, None));
    assert!(!wait(Interest { reading: false, writing: false }, Some(0)));
}

#[test]
fn many_are_told_apart_at_one_place() {
    let poller = Poller::new().expect("a poller");
    let readiness = Readiness::new(&poller, 7).expect("a readiness");
    let sockets: Vec<_> = (0..5).map(|_| socket()).collect();
    for (number, (socket, _)) in (100..).zip(&sockets) {
        readiness.watch(socket.as_source(), number).expect("watches");
    }
    assert!(!poller.wait(Some(0)).expect("waits").has(7));
    sockets[3].1();
    assert!(poller.wait(Some(60 * SECOND)).expect("waits").has(7));
    assert_eq!(readiness.ready().expect("tells"), [103]);
    readiness.forget(sockets[3].0.as_source());
    assert!(!poller.wait(Some(0)).expect("waits").has(7));
    readiness.set_writing(sockets[2].0.as_source(), 102, true).expect("changes");
    assert!(poller.wait(Some(60 * SECOND)).expect("waits").has(7));
    assert_eq!(readiness.ready().expect("tells"), [102]);
    readiness.set_writing(sockets[2].0.as_source(), 102, false).expect("changes");
    assert!(!poller.wait(Some(0)).expect("waits").has(7));
}
