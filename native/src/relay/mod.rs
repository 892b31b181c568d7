//! The data plane of a relay: who is logged in, what is forwarded to whom, and what a stranger may ask for.
//!
//! One thread (`server`) carries everything; the control plane changes the table of clients between its batches. `exchange`
//! decides and is pure.
pub mod door;
pub mod envelope;
pub mod exchange;
mod onward;
pub mod origin;
mod outlet;
pub mod pace;
mod server;
pub mod table;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::clock::{Nanos, now};
use crate::counters::{Drop, Drops};
use crate::error::{Code, OpenError};
use crate::events::{Events, Queued};
use crate::poll::{Poller, Waker};
use crate::tls::server::{TlsLimits, TlsServer};
use crate::udp::{Socket, UdpSocket};
use exchange::{Exchange, Forwarded, Limits, Refusal};
use origin::Origin;
use outlet::RelaySockets;
use server::Server;
use table::{Client, Counters};

/// Datagrams of the control plane that wait to be sent.
const MAX_WAITING: usize = 4_096;

pub struct RelayConfig {
    /// None: all addresses.
    pub host: Option<IpAddr>,
    pub port: u16,
    /// None: no TLS.
    pub tls_port: Option<u16>,
    pub limits: Limits,
    pub tls_limits: TlsLimits,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RelayEvent {
    Datagram {
        at: Nanos,
        from: Origin,
        address: SocketAddr,
        datagram: Vec<u8>,
    },
    /// A TLS connection that something came up from has ended.
    Gone {
        at: Nanos,
        from: Origin,
    },
    DeviceGone {
        at: Nanos,
        error: String,
    },
}

impl Queued for RelayEvent {
    fn is_vital(&self) -> bool {
        !matches!(self, Self::Datagram { .. })
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::DeviceGone { .. })
    }
}

/// A datagram of the control plane on its way out.
struct Waiting {
    to: Origin,
    source: Option<IpAddr>,
    datagram: Vec<u8>,
}

/// What the thread and the control plane share.
struct Shared {
    sockets: RelaySockets,
    exchange: Mutex<Exchange>,
    waiting: Mutex<Vec<Waiting>>,
    tls_limits: Mutex<TlsLimits>,
    /// TLS connections.
    connections: AtomicUsize,
    drops: Drops,
    events: Events<RelayEvent>,
    stopping: AtomicBool,
    waker: Waker,
}

impl Shared {
    /// Held for a batch at most.
    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tls_limits(&self) -> TlsLimits {
        *self.tls_limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_waiting(&self) -> Vec<Waiting> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, event: RelayEvent) {
        self.events.push(event, &self.drops);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

pub struct RelayStats {
    pub clients: Vec<(u32, Counters)>,
    pub forwarded: Forwarded,
    pub connections: usize,
    pub drops: Vec<(&'static str, u64)>,
}

/// An open relay. Dropping it closes it and waits for its thread.
pub struct Relay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Opens the sockets and starts the thread. `wake` is called, from any thread, when events wait.
    pub fn open(config: &RelayConfig, wake: Box<dyn Fn() + Send + Sync>) -> Result<Self, OpenError> {
        let failed = |doing: &'static str| move |error| OpenError::io(Code::Failed, doing, &error);
        let no_random = |_| OpenError::new(Code::Failed, "the system gives no random bytes");
        let shared = Arc::new(Shared {
            sockets: sockets_at(config)?,
            exchange: Mutex::new(Exchange::new(config.limits).map_err(no_random)?),
            waiting: Mutex::default(),
            tls_limits: Mutex::new(config.tls_limits),
            connections: AtomicUsize::new(0),
            drops: Drops::default(),
            events: Events::new(wake),
            stopping: AtomicBool::new(false),
            waker: Waker::new().map_err(failed("preparing to be woken"))?,
        });
        let poller = Poller::new().map_err(failed("preparing to wait for datagrams"))?;
        let open_tls = |port| TlsServer::open(&addresses_at(config, port), config.tls_limits, &poller, server::TLS);
        let tls = config.tls_port.map(open_tls).transpose()?;
        let mut server = Server::new(poller, Arc::clone(&shared), tls);
        let told = Arc::clone(&shared);
        let body = move || {
            let ended = catch_unwind(AssertUnwindSafe(|| server.run()));
            let Err(error) = ended.unwrap_or_else(|_| Err("internal error in the relay's thread".into())) else {
                return;
            };
            told.push(RelayEvent::DeviceGone { at: now(), error });
        };
        let thread = thread::Builder::new().name("p2p-relay".into()).spawn(body);
        Ok(Self { shared, thread: Some(thread.map_err(failed("starting a thread"))?) })
    }

    pub fn take_events(&self) -> Vec<RelayEvent> {
        self.shared.events.take()
    }

    /// Sends a datagram, if there's room for it among those that wait.
    pub fn send(&self, to: Origin, datagram: Vec<u8>) {
        let source = self.shared.exchange().local_towards(to);
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            self.shared.drops.count(Drop::SendBlocked);
            return;
        }
        waiting.push(Waiting { to, source, datagram });
        self.shared.waker.wake();
    }

    pub fn install(&self, index: u32, client: Client) -> Result<(), Refusal> {
        self.shared.exchange().install(index, client)
    }

    pub fn remove(&self, index: u32) {
        self.shared.exchange().remove(index);
    }

    pub fn set_limits(&self, limits: Limits, tls_limits: TlsLimits) {
        self.shared.exchange().set_limits(limits);
        *self.shared.tls_limits.lock().unwrap_or_else(PoisonError::into_inner) = tls_limits;
        self.shared.waker.wake();
    }

    pub fn stats(&self) -> RelayStats {
        let exchange = self.shared.exchange();
        RelayStats {
            clients: exchange.counters().collect(),
            forwarded: exchange.forwarded(),
            connections: self.shared.connections.load(Ordering::Relaxed),
            drops: self.shared.drops.happened().collect(),
        }
    }
}

impl std::ops::Drop for Relay {
    fn drop(&mut self) {
        self.shared.events.end();
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.waker.wake();
        if let Some(thread) = self.thread.take() {
            // A panic was caught in the thread and told as an event.
            let _ = thread.join();
        }
    }
}

/// What to listen at: one address, or all of both families. Without IPv6 that of IPv4 is enough.
fn addresses_at(config: &RelayConfig, port: u16) -> Vec<SocketAddr> {
    match config.host {
        Some(host) => vec![(host, port).into()],
        None => vec![(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()],
    }
}

fn sockets_at(config: &RelayConfig) -> Result<RelaySockets, OpenError> {
    let sockets = match config.host {
        Some(host) => vec![(host.is_ipv4(), Socket::open_at((host, config.port).into())?)],
        None => {
            let mut sockets = vec![(true, Socket::open_v4(config.port)?)];
            sockets.extend(Socket::open_v6(config.port)?.map(|socket| (false, socket)));
            sockets
        }
    };
    for (_, socket) in &sockets {
        // Without it each datagram is taken by itself, which is as good but slower.
        let _ = socket.set_joining(true);
    }
    Ok(RelaySockets(sockets))
}
