//! TCP: from nothing to a connection to a relay, through a proxy if there is one, and a relay's listener. Every wait ends when
//! the waker is woken.
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use super::proxy::{Answer, MAX_ANSWER, Proxy, parse_answer};
use crate::clock::{Nanos, now};
use crate::poll::{AsSource, Interest, Lookout};

/// Connections that the system holds before they're accepted.
const WAITING: i32 = 256;

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
    pub lookout: &'a Lookout<'a>,
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
            let _ = mark(&socket, self.to.mark);
        }
        match socket.connect(&to.into()) {
            Err(error) if !is_under_way(&error) => return Err(error),
            _ => {}
        }
        let stream = TcpStream::from(socket);
        self.wait_for(&stream, Interest::WRITING)?;
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
            self.wait_for(stream, Interest::WRITING).map_err(text)?;
            let sent = stream.write(rest).map_err(text)?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        let mut answer = Vec::new();
        loop {
            self.wait_for(stream, Interest::READING).map_err(text)?;
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

    fn wait_for(&self, stream: &TcpStream, interest: Interest) -> io::Result<()> {
        loop {
            if (self.is_stopped)() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if now() >= self.until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if self.lookout.wait(stream.as_source(), interest, Some(self.until.saturating_sub(now())))? {
                return Ok(());
            }
            self.lookout.clear();
        }
    }
}

/// A listener that doesn't block. One of IPv6 takes no IPv4, which has its own.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = tcp_socket(address)?;
    // On Windows this would let two listen at one port; there nothing needs it.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(WAITING)?;
    Ok(socket.into())
}

fn tcp_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn mark(socket: &Socket, mark: u32) -> io::Result<()> {
    socket.set_mark(mark)
}

#[cfg(not(target_os = "linux"))]
fn mark(_: &Socket, _: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What `connect` says when it goes on by itself: `EINPROGRESS`, `WSAEWOULDBLOCK`.
fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(libc::EINPROGRESS);
    #[cfg(windows)]
    return error.kind() == io::ErrorKind::WouldBlock;
}
