//! The TLS connections of a relay: accepted, read and written by its one thread.
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use super::backlog::Backlog;
use super::connect;
use super::settings;
use super::stream::{READ, TlsStream};
use crate::admission::bucket::Source;
use crate::clock::{Nanos, SECOND};
use crate::counters::{Drop, Drops};
use crate::errno::{is_out_of_room, is_unknown_address};
use crate::error::{Code, OpenError};
use crate::poll::{AsSource, Poller, Readiness};

/// How long a TLS handshake may take.
const HANDSHAKE: Nanos = 10 * SECOND;
/// For how long a connection may say nothing: a client asks for an answer every 15 s.
const SILENCE: Nanos = 90 * SECOND;
/// How often both are looked at while there are connections.
const SWEEP: Nanos = 5 * SECOND;
/// Connections accepted before something else has its turn.
const ACCEPTS: usize = 16;
/// Numbers below this are those of listeners.
const FIRST_CONNECTION: u64 = 16;

#[derive(Clone, Copy, Debug)]
pub struct TlsLimits {
    pub connections: usize,
    pub per_source: usize,
    /// Bytes that wait for one connection.
    pub queue: usize,
}

/// What has happened on a connection.
pub enum Happening<'a> {
    Datagram { number: u64, address: SocketAddr, datagram: &'a mut [u8] },
    Ended { number: u64 },
}

struct Connection {
    stream: TlsStream,
    address: SocketAddr,
    backlog: Backlog,
    /// When something last came, or it began.
    heard_at: Nanos,
    begun_at: Nanos,
    /// Whether it's told when the socket takes bytes.
    writing: bool,
    /// Whether the backlog has got something since it was last sent.
    dirty: bool,
}

pub struct TlsServer {
    readiness: Readiness,
    listeners: Vec<TcpListener>,
    /// Whether listeners wait for the next sweep, because the system had no descriptor to give.
    rests: bool,
    config: Arc<ServerConfig>,
    connections: HashMap<u64, Connection>,
    dirty: Vec<u64>,
    next: u64,
    limits: TlsLimits,
    swept_at: Nanos,
    scratch: Box<[u8]>,
}

impl TlsServer {
    /// `poller`, which whoever calls `turn` waits in, has it ready at `place`.
    pub fn open(addresses: &[SocketAddr], limits: TlsLimits, poller: &Poller, place: usize) -> Result<Self, OpenError> {
        let failed = |error: io::Error| OpenError::io(Code::Failed, "watching TLS connections", &error);
        let config = settings::server().map_err(|error| OpenError::new(Code::Failed, error))?;
        let readiness = Readiness::new(poller, place).map_err(failed)?;
        let mut listeners = Vec::new();
        for (number, &address) in addresses.iter().enumerate() {
            let Some(listener) = listen(address, number > 0)? else { continue };
            readiness.watch(listener.as_source(), number as u64).map_err(failed)?;
            listeners.push(listener);
        }
        let (connections, dirty, scratch) = (HashMap::new(), Vec::new(), vec![0; READ].into_boxed_slice());
        let (next, swept_at, rests) = (FIRST_CONNECTION, 0, false);
        Ok(Self { readiness, listeners, rests, config, connections, dirty, next, limits, swept_at, scratch })
    }

    pub fn set_limits(&mut self, limits: TlsLimits) {
        self.limits = limits;
    }

    pub fn len(&self) -> usize {
        self.connections.len()
    }

    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// When `sweep` has something to look at.
    pub fn deadline(&self) -> Option<Nanos> {
        (self.rests || !self.connections.is_empty()).then_some(self.swept_at + SWEEP)
    }

    /// Does what the system says can be done now.
    pub fn turn(&mut self, now: Nanos, drops: &Drops, on: &mut impl FnMut(Happening)) -> io::Result<()> {
        for number in self.readiness.ready()? {
            if number < FIRST_CONNECTION {
                self.accept(number, now, drops);
            } else if let Some(mut connection) = self.connections.remove(&number) {
                match self.serve(number, &mut connection, now, on) {
                    Ok(()) => {
                        self.connections.insert(number, connection);
                    }
                    Err(error) => self.end(number, connection, Some(&error), drops, on),
                }
            }
        }
        Ok(())
    }

    /// Adds a datagram for a connection; `flush` sends it.
    pub fn push(&mut self, number: u64, datagram: &[u8], drops: &Drops) {
        let Some(connection) = self.connections.get_mut(&number) else {
            drops.count(Drop::SendFailed);
            return;
        };
        drops.add(Drop::TlsQueue, connection.backlog.push(datagram));
        if !std::mem::replace(&mut connection.dirty, true) {
            self.dirty.push(number);
        }
    }

    /// Sends what was pushed, as far as sockets take it.
    pub fn flush(&mut self, drops: &Drops, on: &mut impl FnMut(Happening)) {
        for number in std::mem::take(&mut self.dirty) {
            let Some(mut connection) = self.connections.remove(&number) else { continue };
            connection.dirty = false;
            match self.write(number, &mut connection) {
                Ok(()) => {
                    self.connections.insert(number, connection);
                }
                Err(error) => self.end(number, connection, Some(&error), drops, on),
            }
        }
    }

    /// Ends connections that are too slow or too quiet.
    pub fn sweep(&mut self, now: Nanos, drops: &Drops, on: &mut impl FnMut(Happening)) {
        if now < self.swept_at + SWEEP {
            return;
        }
        self.swept_at = now;
        if std::mem::take(&mut self.rests) {
            for (number, listener) in self.listeners.iter().enumerate() {
                let _ = self.readiness.watch(listener.as_source(), number as u64);
            }
        }
        let over = |connection: &Connection| {
            let too_slow = connection.stream.is_handshaking() && now >= connection.begun_at + HANDSHAKE;
            too_slow || now >= connection.heard_at + SILENCE
        };
        let ended = self.connections.iter().filter(|(_, connection)| over(connection)).map(|(&number, _)| number);
        for number in ended.collect::<Vec<_>>() {
            let Some(connection) = self.connections.remove(&number) else { continue };
            self.end(number, connection, None, drops, on);
        }
    }

    fn serve(
        &mut self,
        number: u64,
        connection: &mut Connection,
        now: Nanos,
        on: &mut impl FnMut(Happening),
    ) -> io::Result<()> {
        let address = connection.address;
        let mut heard = false;
        let received = connection.stream.receive(&mut self.scratch, |datagram| {
            heard = true;
            on(Happening::Datagram { number, address, datagram });
        });
        if heard {
            connection.heard_at = now;
        }
        received?;
        self.write(number, connection)
    }

    fn write(&mut self, number: u64, connection: &mut Connection) -> io::Result<()> {
        let more = connection.stream.send(&mut connection.backlog)?;
        if more != connection.writing {
            self.readiness.set_writing(connection.stream.as_source(), number, more)?;
            connection.writing = more;
        }
        Ok(())
    }

    /// `error` is None if its time was over.
    fn end(
        &mut self,
        number: u64,
        mut connection: Connection,
        error: Option<&io::Error>,
        drops: &Drops,
        on: &mut impl FnMut(Happening),
    ) {
        if connection.stream.is_handshaking() || error.is_some_and(|error| error.kind() == io::ErrorKind::InvalidData) {
            drops.count(Drop::TlsFailed);
        }
        self.readiness.forget(connection.stream.as_source());
        connection.stream.close();
        on(Happening::Ended { number });
    }

    fn accept(&mut self, listener: u64, now: Nanos, drops: &Drops) {
        for _ in 0..ACCEPTS {
            let Some(listening) = self.listeners.get(listener as usize) else { return };
            match listening.accept() {
                Ok((socket, address)) => {
                    if !self.may_begin(address) {
                        drops.count(Drop::TlsRefused);
                    } else if self.begin(socket, address, now).is_err() {
                        drops.count(Drop::TlsFailed);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if is_out_of_room(&error) => {
                    self.rest();
                    return;
                }
                // A connection that ended before it was accepted.
                Err(_) => {}
            }
        }
    }

    /// Listens no longer until the next sweep, rather than be told again and again of what can't be accepted.
    fn rest(&mut self) {
        self.rests = true;
        for listener in &self.listeners {
            self.readiness.forget(listener.as_source());
        }
    }

    fn may_begin(&self, address: SocketAddr) -> bool {
        let source = Source::from(address.ip());
        let of_source = || self.connections.values().filter(|other| Source::from(other.address.ip()) == source).count();
        self.connections.len() < self.limits.connections && of_source() < self.limits.per_source
    }

    fn begin(&mut self, socket: std::net::TcpStream, address: SocketAddr, now: Nanos) -> io::Result<()> {
        let tls = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        let stream = TlsStream::new(socket, tls.into())?;
        let number = self.next;
        self.next += 1;
        self.readiness.watch(stream.as_source(), number)?;
        let backlog = Backlog::new(self.limits.queue);
        let (heard_at, begun_at, writing, dirty) = (now, now, false, false);
        let connection = Connection { stream, address, backlog, heard_at, begun_at, writing, dirty };
        self.connections.insert(number, connection);
        Ok(())
    }
}

impl std::ops::Drop for TlsServer {
    /// Nothing that's waited for is closed before it's forgotten.
    fn drop(&mut self) {
        self.rest();
        for connection in self.connections.values() {
            self.readiness.forget(connection.stream.as_source());
        }
    }
}

/// `may_fail`: None if this host doesn't know the address's family.
fn listen(address: SocketAddr, may_fail: bool) -> Result<Option<TcpListener>, OpenError> {
    let refused = |error: io::Error| {
        let code = match error.kind() {
            io::ErrorKind::AddrInUse => Code::PortTaken,
            io::ErrorKind::AddrNotAvailable => Code::AddressRefused,
            _ => Code::Failed,
        };
        OpenError::io(code, format_args!("listening at TCP {address}"), &error)
    };
    let listener = match connect::listen(address) {
        Err(error) if may_fail && is_unknown_address(&error) => return Ok(None),
        result => result.map_err(refused)?,
    };
    Ok(Some(listener))
}
