//! The data sockets of macOS and Windows, by quinn-udp: segmentation offload where the system has it (Windows: USO, URO), both
//! addresses of a datagram, and its ECN; DSCP isn't carried. One socket per family: the system doesn't tell lanes apart, and refuses nothing
//! in our place, so that strangers' datagrams wait where sessions' do. What Linux's kernel refuses is refused here, when it's read.
use std::array;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use quinn_udp::{BATCH_SIZE, EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Socket, Type};

use super::batch::{Inbox, Incoming, Outgoing};
use super::{CutFailure, Fragments, UdpSocket};
use crate::errno;
use crate::poll::{self, AsSource, Source};

mod fragments;

/// Bytes that the system may queue for us; if that's more than it gives, the next.
const RECEIVE_BUFFERS: [usize; 4] = [8 << 20, 4 << 20, 2 << 20, 1 << 20];
/// Bytes that we may queue in the system: what stands before a slow uplink.
const SEND_BUFFER: usize = 512 * 1_024;
/// ECN's bits of a mark.
const ECN: u8 = 0b11;

pub struct PortableUdp {
    socket: Socket,
    state: UdpSocketState,
    is_v4: bool,
    /// Held while the socket lets datagrams leave in fragments, and while one leaves that must not.
    fragmenting: Mutex<()>,
}

impl PortableUdp {
    /// Bound to that address.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        keep_others_out(&socket)?;
        socket.bind(&address.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // Whatever the system gives is better than nothing; only speed hangs on it.
        let _ = RECEIVE_BUFFERS.iter().any(|&bytes| state.set_recv_buffer_size((&socket).into(), bytes).is_ok());
        let _ = state.set_send_buffer_size((&socket).into(), SEND_BUFFER);
        let socket = Self { socket, state, is_v4: address.is_ipv4(), fragmenting: Mutex::default() };
        fragments::set(socket.as_source(), socket.is_v4, Fragments::Never)?;
        let _ = socket.set_joining(false);
        Ok(socket)
    }

    /// A second socket on this one's port, as Linux has it, would get whatever the system likes.
    pub fn beside(&self, _number: usize) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn share(&self, _queues: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn expect_strangers(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn let_pass(&self, _passing: &Passing) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes up to `BATCH_SIZE` messages behind those that are there; gives how many were asked for and how many came.
    fn receive_some(&self, inbox: &mut Inbox) -> io::Result<(usize, usize)> {
        let (taken, mut known) = (inbox.len(), [RecvMeta::default(); BATCH_SIZE]);
        let asked = BATCH_SIZE.min(inbox.wanted() - taken);
        let count = {
            let mut places = inbox.buffers().skip(taken);
            let mut places: [_; BATCH_SIZE] = array::from_fn(|_| IoSliceMut::new(places.next().unwrap_or_default()));
            self.state.recv((&self.socket).into(), &mut places[..asked], &mut known)?
        };
        inbox.messages.extend(known.iter().take(count).map(|known| Incoming {
            from: known.addr,
            local: known.dst_ip.filter(|ip| !ip.is_unspecified() && !ip.is_multicast()),
            mark: known.ecn.map_or(0, |ecn| ecn as u8),
            length: known.len,
            segment: known.stride.max(1),
        }));
        Ok((asked, count))
    }

    fn send_one(&self, arena: &[u8], message: &Outgoing) -> io::Result<()> {
        let contents = arena.get(message.bytes.clone()).ok_or(io::ErrorKind::InvalidInput)?;
        let transmit = Transmit {
            destination: message.route.to,
            ecn: EcnCodepoint::from_bits(message.route.mark & ECN),
            contents,
            segment_size: message.is_joined().then_some(message.segment),
            src_ip: message.route.source,
        };
        self.state.try_send((&self.socket).into(), &transmit)
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for PortableUdp {
    fn as_fd(&self) -> Source<'_> {
        self.socket.as_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for PortableUdp {
    fn as_socket(&self) -> Source<'_> {
        self.socket.as_socket()
    }
}

/// On Windows another program could take the port from under us, by SO_REUSEADDR.
#[cfg(windows)]
fn keep_others_out(socket: &Socket) -> io::Result<()> {
    use windows_sys::Win32::Networking::WinSock::{SO_EXCLUSIVEADDRUSE, SOL_SOCKET};
    crate::sockopt::set(socket.as_source(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1)
}

#[cfg(unix)]
fn keep_others_out(_: &Socket) -> io::Result<()> {
    Ok(())
}

impl UdpSocket for PortableUdp {
    fn receive(&self, inbox: &mut Inbox) -> io::Result<()> {
        inbox.messages.clear();
        while inbox.len() < inbox.wanted() {
            match self.receive_some(inbox) {
                Ok((asked, came)) if came < asked => break,
                Ok(_) => {}
                // Windows tells this way that somebody whom we wrote to has no such port.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
                Err(error) if inbox.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(())
    }

    fn send(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize> {
        for (at, message) in messages.iter().enumerate() {
            match self.send_one(arena, message) {
                Ok(()) => {}
                Err(error) if at == 0 => return Err(error),
                Err(_) => return Ok(at),
            }
        }
        Ok(messages.len())
    }

    fn send_fragmented(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize> {
        let _switched = self.fragmenting.lock().unwrap_or_else(PoisonError::into_inner);
        fragments::set(self.as_source(), self.is_v4, Fragments::IfNeeded)?;
        let sent = self.send(arena, messages);
        fragments::set(self.as_source(), self.is_v4, Fragments::Never)?;
        sent
    }

    fn send_unfragmented(&self, arena: &[u8], messages: &[Outgoing]) -> io::Result<usize> {
        let _unswitched = self.fragmenting.lock().unwrap_or_else(PoisonError::into_inner);
        self.send(arena, messages)
    }

    #[cfg(target_os = "linux")]
    fn set_mark(&self, mark: u32) -> io::Result<()> {
        self.socket.set_mark(mark)
    }

    #[cfg(not(target_os = "linux"))]
    fn set_mark(&self, _mark: u32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(target_os = "linux")]
    fn set_joining(&self, on: bool) -> io::Result<()> {
        crate::sockopt::set(self.as_source(), libc::SOL_UDP, libc::UDP_GRO, on.into())
    }

    #[cfg(windows)]
    fn set_joining(&self, on: bool) -> io::Result<()> {
        self.state.set_gro((&self.socket).into(), on)
    }

    #[cfg(target_os = "macos")]
    fn set_joining(&self, on: bool) -> io::Result<()> {
        if on { Err(io::ErrorKind::Unsupported.into()) } else { Ok(()) }
    }

    fn can_cut(&self) -> bool {
        self.state.max_gso_segments() >= super::batch::MAX_SEGMENTS
    }

    fn cut_failure(error: &io::Error) -> CutFailure {
        match error.kind() {
            _ if errno::is_too_large(error) => CutFailure::Size,
            io::ErrorKind::InvalidInput => CutFailure::Size,
            io::ErrorKind::Unsupported => CutFailure::Unable,
            _ if errno::is_unable(error) => CutFailure::Unable,
            _ => CutFailure::Other,
        }
    }

    fn is_too_large(error: &io::Error) -> bool {
        errno::is_too_large(error)
    }

    fn says_unreachable(error: &io::Error) -> bool {
        matches!(
            error.kind(),
            io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkDown
                | io::ErrorKind::AddrNotAvailable
                // A firewall, a broadcast address, a zone that isn't there.
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::InvalidInput
        )
    }

    fn wait_writable(&self, ms: i32) -> bool {
        poll::wait_writable(self.as_source(), ms)
    }

    fn take_unread(&self) -> u64 {
        0
    }
}

/// What may come to the sessions' sockets: all, as the system refuses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing;

impl Passing {
    pub fn new(_sessions: impl ExactSizeIterator<Item = u32>, _relays: bool) -> Self {
        Self
    }
}
