//! A TLS connection that carries datagrams, over a socket that doesn't block.
use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustls::Connection;

use super::backlog::Backlog;
use super::deframe::{Deframer, Malformed};
use crate::poll::{AsSource, Source};

/// Bytes that are read from a socket at once.
pub const READ: usize = 64 * 1_024;
/// Bytes of datagrams that are sealed at once: two records of TLS.
const WRITE: usize = 32 * 1_024;
/// Bytes that the kernel may hold unsent: the rest waits where the oldest can be dropped.
const UNSENT: i32 = 64 * 1_024;

pub struct TlsStream {
    socket: TcpStream,
    tls: Connection,
    deframer: Deframer,
    plaintext: Vec<u8>,
}

impl TlsStream {
    pub fn new(socket: TcpStream, tls: Connection) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        hold_little_unsent(&socket)?;
        Ok(Self { socket, tls, deframer: Deframer::default(), plaintext: Vec::new() })
    }

    pub fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Takes what has arrived, `READ` bytes at most, and hands out whole datagrams. An error ends the connection.
    pub fn receive(&mut self, scratch: &mut [u8], mut take: impl FnMut(&mut [u8])) -> io::Result<()> {
        let count = match self.socket.read(scratch) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if is_temporary(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut rest = scratch.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            self.tls.read_tls(&mut rest)?;
            self.open(&mut take)?;
        }
        Ok(())
    }

    fn open(&mut self, take: &mut impl FnMut(&mut [u8])) -> io::Result<()> {
        let state = match self.tls.process_new_packets() {
            Ok(state) => state,
            Err(error) => {
                // Tells the other side why, if it takes it at once.
                let _ = self.tls.write_tls(&mut self.socket);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        };
        self.plaintext.resize(state.plaintext_bytes_to_read(), 0);
        self.tls.reader().read_exact(&mut self.plaintext)?;
        self.deframer.push(&self.plaintext);
        loop {
            match self.deframer.next_datagram() {
                Ok(Some(datagram)) => take(datagram),
                Ok(None) if state.peer_has_closed() => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(None) => return Ok(()),
                Err(Malformed) => return Err(io::Error::new(io::ErrorKind::InvalidData, "an empty datagram")),
            }
        }
    }

    /// Sends of a backlog what the socket takes. True if more waits than that. An error ends the connection.
    pub fn send(&mut self, backlog: &mut Backlog) -> io::Result<bool> {
        loop {
            while self.tls.wants_write() {
                match self.tls.write_tls(&mut self.socket) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                    Err(error) => return Err(error),
                }
            }
            if backlog.is_empty() || self.tls.is_handshaking() {
                return Ok(false);
            }
            self.plaintext.clear();
            backlog.take(&mut self.plaintext, WRITE);
            self.tls.writer().write_all(&self.plaintext)?;
        }
    }

    /// Says goodbye, if the socket takes it at once.
    pub fn close(&mut self) {
        self.tls.send_close_notify();
        let _ = self.tls.write_tls(&mut self.socket);
    }
}

impl TlsStream {
    pub fn as_source(&self) -> Source<'_> {
        self.socket.as_source()
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(unix)]
fn hold_little_unsent(socket: &TcpStream) -> io::Result<()> {
    #[cfg(not(target_os = "macos"))]
    use libc::TCP_NOTSENT_LOWAT;
    /// Of netinet/tcp.h; libc has it for other systems only.
    #[cfg(target_os = "macos")]
    const TCP_NOTSENT_LOWAT: libc::c_int = 0x201;

    crate::sockopt::set(socket.as_source(), libc::IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT)
}

/// Windows can only be told how much it may hold, sent or not.
#[cfg(windows)]
fn hold_little_unsent(socket: &TcpStream) -> io::Result<()> {
    socket2::SockRef::from(socket).set_send_buffer_size(UNSENT as usize)
}
