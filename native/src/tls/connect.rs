//! TCP: from nothing to a connection to a relay, through a proxy if there is one, and a relay's listener. Every wait ends when
//! the waker is woken.
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::proxy::{Answer, MAX_ANSWER, Proxy, parse_answer};
use crate::clock::{MILLISECOND, Nanos, now};
use crate::poll::{Waker, check};
use crate::udp::sockaddr;

/// Connections that the system holds before they're accepted.
const WAITING: libc::c_int = 256;

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Ready,
    /// Woken, or the time is over.
    Not,
}

/// Waits until `fd` is readable, or takes bytes too if `writing`; the waker is woken; or it's `until`.
pub fn wait(fd: BorrowedFd, interest: libc::c_short, waker: &Waker, until: Option<Nanos>) -> io::Result<Wait> {
    let watched = |fd: BorrowedFd, events| libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
    let mut both = [watched(fd, interest), watched(waker.as_fd(), libc::POLLIN)];
    let left = until.map(|until| until.saturating_sub(now()).div_ceil(MILLISECOND));
    let timeout = left.map_or(-1, |left| i32::try_from(left).unwrap_or(i32::MAX));
    // SAFETY: `both` is two live pollfds.
    match check(unsafe { libc::poll(both.as_mut_ptr(), 2, timeout) }) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ if both[0].revents != 0 => Ok(Wait::Ready),
        _ => Ok(Wait::Not),
    }
}

/// Where a connection is to lead, and how.
pub struct Destination {
    pub relay: SocketAddr,
    pub proxy: Option<Proxy>,
    /// SO_MARK of its packets; 0 for none.
    pub mark: u32,
}

/// One try to connect.
pub struct Attempt<'a> {
    pub to: &'a Destination,
    pub until: Nanos,
    pub waker: &'a Waker,
    pub is_stopped: &'a dyn Fn() -> bool,
}

impl Attempt<'_> {
    /// An error says in a person's words at which step it failed.
    pub fn connect(&self) -> Result<TcpStream, String> {
        let proxy = self.to.proxy.as_ref();
        let first = proxy.map_or(self.to.relay, |proxy| proxy.address);
        let what = if proxy.is_some() { "the proxy" } else { "the relay" };
        let failed = |error: io::Error| format!("connecting to {what} at {first}: {error}");
        let mut stream = self.open(first).map_err(failed)?;
        if let Some(proxy) = proxy {
            self.pass(&mut stream, proxy)
                .map_err(|error| format!("asking {what} at {first} for the relay: {error}"))?;
        }
        Ok(stream)
    }

    fn open(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = tcp_socket(to)?;
        if self.to.mark != 0 {
            // The device has told already if it may not.
            let _ = set(&socket, libc::SOL_SOCKET, libc::SO_MARK, self.to.mark.cast_signed());
        }
        let (name, length) = sockaddr(to);
        // SAFETY: `name` lives through the call and is at least `length` long.
        let begun = check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const name).cast(), length) });
        if let Err(error) = begun
            && error.raw_os_error() != Some(libc::EINPROGRESS)
        {
            return Err(error);
        }
        let stream = TcpStream::from(socket);
        self.wait_for(&stream, libc::POLLOUT)?;
        match stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// Has the proxy connect to the relay.
    fn pass(&self, stream: &mut TcpStream, proxy: &Proxy) -> Result<(), String> {
        let text = |error: io::Error| error.to_string();
        let request = proxy.request(self.to.relay);
        let mut rest = &request[..];
        while !rest.is_empty() {
            self.wait_for(stream, libc::POLLOUT).map_err(text)?;
            let sent = stream.write(rest).map_err(text)?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        let mut answer = Vec::new();
        loop {
            self.wait_for(stream, libc::POLLIN).map_err(text)?;
            let mut bytes = [0; MAX_ANSWER];
            let most = MAX_ANSWER - answer.len();
            let count = stream.read(&mut bytes[..most]).map_err(text)?;
            answer.extend_from_slice(&bytes[..count]);
            match parse_answer(&answer) {
                Answer::Unfinished if count == 0 => return Err("it closed the connection".into()),
                Answer::Unfinished => {}
                Answer::Connected => return Ok(()),
                Answer::Refused(why) => return Err(why),
            }
        }
    }

    fn wait_for(&self, stream: &TcpStream, interest: libc::c_short) -> io::Result<()> {
        loop {
            if (self.is_stopped)() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if now() >= self.until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if wait(stream.as_fd(), interest, self.waker, Some(self.until))? == Wait::Ready {
                return Ok(());
            }
            self.waker.clear();
        }
    }
}

/// A listener that doesn't block. One of IPv6 takes no IPv4, which has its own.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = tcp_socket(address)?;
    set(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if address.is_ipv6() {
        set(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    let (name, length) = sockaddr(address);
    // SAFETY: `name` lives through the call and is at least `length` long.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const name).cast(), length) })?;
    // SAFETY: takes two integers.
    check(unsafe { libc::listen(socket.as_raw_fd(), WAITING) })?;
    Ok(TcpListener::from(socket))
}

fn tcp_socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: takes integers and returns a descriptor that nobody else owns, or -1.
    let fd = check(unsafe { libc::socket(family, kind, 0) })?;
    // SAFETY: `fd` was just opened and is owned by no one else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `value` is one integer that lives through the call.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), length) })?;
    Ok(())
}
