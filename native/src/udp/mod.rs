//! The data sockets: a trait, batches in both directions, and one file per operating system.
pub mod batch;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::errno;
use crate::error::{Code, OpenError};
use batch::{Inbox, Outgoing};

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod portable;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use linux::{LinuxUdp as Socket, Passing};
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub use portable::{Passing, PortableUdp as Socket};

/// A UDP socket of one address family, bound to a port of all local addresses. It doesn't block. Its datagrams aren't
/// fragmented, neither here nor on the way: one that's too large for the interface is refused, for a path it's lost.
pub trait UdpSocket: Send + Sync {
    /// Takes what has arrived, up to a batch. `WouldBlock` when nothing has.
    fn receive(&self, inbox: &mut Inbox) -> io::Result<()>;

    /// Sends messages whose bytes stand in `arena`, in order; gives how many were taken. An error is that of the first.
    fn send(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize>;

    /// As `send`, of datagrams that may leave in fragments, whatever is in between.
    fn send_fragmented(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize>;

    /// As `send`, of datagrams that must not leave in fragments, whoever else uses the socket meanwhile.
    fn send_unfragmented(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize>;

    /// Marks what leaves (SO_MARK), so that the system's routing rules can tell it from other traffic.
    fn set_mark(&self, mark: u32) -> io::Result<()>;

    /// Has the system join datagrams of one flow that arrive together (UDP_GRO), or not.
    fn set_joining(&self, on: bool) -> io::Result<()>;

    /// Whether the system can cut messages into datagrams (UDP_SEGMENT) at all.
    fn can_cut(&self) -> bool;

    /// What an error of `send` for a message of several datagrams says.
    fn cut_failure(error: &io::Error) -> CutFailure;

    /// Whether an error of `send` says that a datagram is larger than the interface that it would leave by takes.
    fn is_too_large(error: &io::Error) -> bool;

    /// Whether an error of `send` says that the address can't be reached now.
    fn says_unreachable(error: &io::Error) -> bool;

    /// Waits until the socket takes datagrams again, `ms` at most.
    fn wait_writable(&self, ms: i32) -> bool;

    /// Datagrams that the system has dropped since the last call instead of having them wait here: refused, or too many.
    fn take_unread(&self) -> u64;
}

/// Whether datagrams may leave in fragments.
#[derive(Clone, Copy)]
enum Fragments {
    Never,
    IfNeeded,
}

/// Why a message of several datagrams wasn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutFailure {
    /// The system or the network card can't cut messages.
    Unable,
    /// Either the path has shrunk, and what is cut must not be larger than it, or cutting doesn't work: one datagram alone
    /// tells.
    Size,
    /// Nothing that has to do with cutting.
    Other,
}

impl Socket {
    pub fn open_v4(port: u16) -> Result<Self, OpenError> {
        Self::open_at((Ipv4Addr::UNSPECIFIED, port).into())
    }

    /// None if this host has no IPv6.
    pub fn open_v6(port: u16) -> Result<Option<Self>, OpenError> {
        let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        match Self::open(address) {
            Ok(socket) => Ok(Some(socket)),
            Err(error) if errno::is_unknown_address(&error) => Ok(None),
            Err(error) => Err(refused(address, &error)),
        }
    }

    /// At one local address only.
    pub fn open_at(address: SocketAddr) -> Result<Self, OpenError> {
        Self::open(address).map_err(|error| refused(address, &error))
    }
}

fn refused(address: SocketAddr, error: &io::Error) -> OpenError {
    let code = match error.kind() {
        io::ErrorKind::AddrInUse => Code::PortTaken,
        io::ErrorKind::AddrNotAvailable => Code::AddressRefused,
        _ => Code::Failed,
    };
    OpenError::io(code, format_args!("opening UDP {address}"), error)
}

/// All sockets of a port.
pub struct Port {
    /// Each takes the datagrams of sessions of some lanes; the first what comes from relays as well.
    pub queues: Vec<Sockets>,
    /// Takes everything else; None if the system can't share a port, and the first queue takes that too.
    pub strangers: Option<Sockets>,
}

/// A pair of sockets: the same port of both families.
pub struct Sockets {
    pub v4: Socket,
    /// None where the host has no IPv6.
    pub v6: Option<Socket>,
}

impl Port {
    /// Sockets for as many queues, or for one if the system can't share a port among them.
    pub fn open(port: u16, queues: usize) -> Result<Self, OpenError> {
        let first = Sockets { v4: Socket::open_v4(port)?, v6: Socket::open_v6(port)? };
        let more: io::Result<Vec<Sockets>> = (1..=queues).map(|number| first.beside(number)).collect();
        let mut port = Self { queues: vec![first], strangers: None };
        if let Ok(more) = more {
            port.queues.extend(more);
            port.strangers = port.queues.pop();
            if port.limit(queues).is_err() {
                port.queues.truncate(1);
                port.strangers = None;
            }
        }
        Ok(port)
    }

    /// Leaves that many queues or fewer. The kernel puts the last socket of a port into the place of one that's closed, so what is
    /// left stands in its order again when those behind a place are closed one after the other.
    pub fn limit(&mut self, queues: usize) -> io::Result<()> {
        self.queues.truncate(queues);
        let Some(strangers) = &self.strangers else { return Ok(()) };
        strangers.limit_buffer()?;
        self.queues.first().map_or(Ok(()), |first| first.share(self.queues.len()))
    }
}

impl Sockets {
    fn beside(&self, queue: usize) -> io::Result<Self> {
        let v6 = self.v6.as_ref().map(|socket| socket.beside(queue)).transpose()?;
        Ok(Self { v4: self.v4.beside(queue)?, v6 })
    }

    fn share(&self, queues: usize) -> io::Result<()> {
        self.both(|socket| socket.share(queues))
    }

    fn limit_buffer(&self) -> io::Result<()> {
        self.both(Socket::expect_strangers)
    }

    /// Has the system refuse everything else.
    pub fn let_pass(&self, passing: &Passing) -> io::Result<()> {
        self.both(|socket| socket.let_pass(passing))
    }

    /// Datagrams that the system has dropped since the last call instead of having them wait here.
    pub fn take_unread(&self) -> u64 {
        self.v4.take_unread() + self.v6.as_ref().map_or(0, UdpSocket::take_unread)
    }

    fn both(&self, of: impl Fn(&Socket) -> io::Result<()>) -> io::Result<()> {
        of(&self.v4)?;
        self.v6.as_ref().map_or(Ok(()), of)
    }

    /// The one that reaches an address.
    pub fn towards(&self, to: SocketAddr) -> Option<&Socket> {
        if to.is_ipv4() { Some(&self.v4) } else { self.v6.as_ref() }
    }

    pub fn set_joining(&self, on: bool) -> io::Result<()> {
        self.both(|socket| socket.set_joining(on))
    }

    /// `mark`: 0 for none.
    pub fn set_mark(&self, mark: u32) -> io::Result<()> {
        if mark == 0 {
            return Ok(());
        }
        self.both(|socket| socket.set_mark(mark))
    }

    pub fn can_cut(&self) -> bool {
        self.v4.can_cut()
    }
}

#[cfg(test)]
mod tests;
