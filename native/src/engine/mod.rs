//! One device: its threads, what they share, and how they begin and end.
//!
//! A queue has two threads: `receive` reads the sockets and writes the interface, `transmit` reads the interface and sends while
//! there's much to do; the first does both while there's little. The control plane calls `commands` from a thread of its own. What all of them share is in `Shared`; the one lock there guards the
//! control plane's tables and is taken per command and at a session's beginning and end, never per packet.
mod behind;
mod commands;
mod deliver;
mod events;
mod held;
mod inbound;
mod links;
mod local;
mod outbound;
mod peer;
mod queue;
mod receive;
mod relay;
mod relayed;
mod sender;
mod strangers;
mod switches;
mod tables;
mod timers;
mod transmit;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use arc_swap::ArcSwap;
use zeroize::Zeroizing;

use crate::admission::bucket::SharedBucket;
use crate::admission::cookie::Cookies;
use crate::admission::{Admission, mac_key};
use crate::clock::now;
use crate::counters::Drops;
use crate::error::{Code, OpenError};
use crate::events::Events;
use crate::frame::addresses::{Address, address_of, link_local};
use crate::switch::Own;
use crate::tap::{self, Device, Tap, TapConfig};
use crate::udp::Port;
use behind::Behind;
use commands::Control;
use commands::addresses::Probed;
use peer::Peer;
use queue::{Queue, Side};
use receive::Receiver;
use switches::Switches;
use tables::Tables;

pub use commands::{CommandError, Commands, Keys, Use};
pub use events::Event;
pub use switches::{Help, Wanted};

pub struct Config {
    pub tap: TapConfig,
    pub port: u16,
    /// Mark of what the sockets send (SO_MARK); 0 for none.
    pub fwmark: u32,
    /// Whether the MSS of TCP is lowered to what fits a peer's path.
    pub mss_clamp: bool,
    /// Whether others are behind the interface: it's a port of a bridge.
    pub bridge: bool,
    pub wanted: Wanted,
    pub network_admission_key: Zeroizing<[u8; 32]>,
    pub own_admission_key: Zeroizing<[u8; 32]>,
    pub cookie_key: Zeroizing<[u8; 32]>,
}

/// What the threads of a device share.
pub struct Shared {
    tap: Device,
    /// One or more.
    queues: Vec<Queue>,
    tables: ArcSwap<Tables>,
    control: Mutex<Control>,
    /// Only the first queue's thread gets what is to be admitted, but for what a kernel has joined to something else.
    admission: Mutex<Admission>,
    cookies: Cookies,
    drops: Drops,
    switches: Switches,
    probed: Probed,
    behind: Behind,
    /// What is left of what our own interface may flood.
    floods: SharedBucket,
    mss_clamp: bool,
    bridge: bool,
    /// SO_MARK of all that leaves; 0 for none.
    fwmark: u32,
    events: Events<Event>,
    stopping: AtomicBool,
}

pub struct PeerStats {
    pub peer: u32,
    pub received: (u64, u64),
    pub sent: (u64, u64),
    pub heard_at: Option<crate::clock::Nanos>,
}

/// An open device. Dropping it closes it and waits for its threads.
pub struct Engine {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Opens the sockets and the interface and starts the threads. `wake` is called, from any thread, when events wait.
    pub fn open(config: &Config, wake: Box<dyn Fn() + Send + Sync>) -> Result<Self, OpenError> {
        let failed = |doing: &'static str| move |error| OpenError::io(Code::Failed, doing, &error);
        let no_key = |_| OpenError::new(Code::Failed, "the cryptographic library refused a key");
        let network = mac_key(&config.network_admission_key);
        let cookies = Cookies::new(&config.cookie_key, network.clone()).map_err(no_key)?;
        let admission = Admission::new(network, mac_key(&config.own_admission_key), cookies.clone());
        let mut port = Port::open(config.port, config.tap.queues)?;
        let tap = Device::open(&TapConfig { queues: port.queues.len(), ..config.tap.clone() })?;
        let own = Own { mac: config.tap.mac, addresses: own_addresses(&config.tap), bridge: config.bridge };
        let tables = Arc::new(Tables::new(own.clone()));
        // As many queues as both have.
        port.limit(tap.queues()).map_err(failed("sharing the port among its sockets"))?;
        let Port { queues: sockets, mut strangers } = port;
        let queues = sockets.into_iter().enumerate();
        let queues = queues.map(|(number, sockets)| Queue::new(number, &tap, sockets, strangers.take(), &tables));
        let shared = Arc::new(Shared {
            queues: queues.collect::<Result<_, _>>().map_err(failed("watching the interface and the sockets"))?,
            tap,
            tables: ArcSwap::new(tables),
            admission: Mutex::new(admission),
            control: Mutex::new(Control::new(own)),
            cookies,
            drops: Drops::default(),
            switches: Switches::default(),
            probed: Probed::default(),
            behind: Behind::default(),
            floods: SharedBucket::default(),
            mss_clamp: config.mss_clamp,
            bridge: config.bridge,
            fwmark: config.fwmark,
            events: Events::new(wake),
            stopping: AtomicBool::new(false),
        });
        shared.switch_on(config.tap.offload, config.wanted);
        if let Err(error) = shared.queues.iter().try_for_each(|queue| queue.sockets.set_mark(config.fwmark)) {
            shared.push(Event::Unmarked { at: now(), error: error.to_string() });
        }
        let mut engine = Self { shared: Arc::clone(&shared), threads: Vec::new() };
        for number in 0..shared.queues.len() {
            engine.start_queue(number).map_err(failed("starting a thread"))?;
        }
        Ok(engine)
    }

    fn start_queue(&mut self, number: usize) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let mut receiver = Receiver::new(Arc::clone(&self.shared), number);
        self.start(&format!("p2p-transmit-{number}"), move || transmit::run(&shared, number))?;
        self.start(&format!("p2p-receive-{number}"), move || receiver.run())
    }

    /// A thread whose failure ends the device and is told.
    fn start(&mut self, name: &str, run: impl FnOnce() -> Result<(), String> + Send + 'static) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let body = move || {
            let Some(error) = failure_of(run) else { return };
            shared.push(Event::DeviceGone { at: now(), error });
            shared.stop();
        };
        self.threads.push(thread::Builder::new().name(name.into()).spawn(body)?);
        Ok(())
    }

    /// Runs commands, one caller at a time.
    pub fn command<T>(&self, run: impl FnOnce(&mut Commands) -> T) -> T {
        self.shared.command(run)
    }

    /// Gives the interface these addresses in place of those that it was given before; an error leaves it those that it had.
    pub fn set_addresses(&self, addresses: &[tap::Address]) -> Result<(), OpenError> {
        self.shared.tap.set_addresses(addresses)?;
        self.shared.command(|commands| commands.set_own_addresses(addresses));
        Ok(())
    }

    pub fn take_events(&self) -> Vec<Event> {
        self.shared.events.take()
    }

    pub fn peer_stats(&self) -> Vec<PeerStats> {
        let tables = self.shared.tables.load();
        let stats = |peer: &Arc<Peer>| PeerStats {
            peer: peer.handle,
            received: peer.received.get(),
            sent: peer.sent.get(),
            heard_at: peer.heard_at(),
        };
        tables.peers.values().map(stats).collect()
    }

    pub fn drops(&self) -> Vec<(&'static str, u64)> {
        self.shared.count_unread();
        self.shared.drops.happened().collect()
    }
}

/// The addresses that the interface is given, and the one that it gives itself.
fn own_addresses(tap: &TapConfig) -> Vec<Address> {
    let given = tap.addresses.iter().map(|address| address_of(address.ip));
    given.chain([link_local(&tap.mac)]).collect()
}

/// Why a thread's work ended before it was told to; None if it was told. A panic is a failure like any other.
fn failure_of(run: impl FnOnce() -> Result<(), String>) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(ended) => ended.err(),
        Err(_) => Some("internal error in a packet thread".into()),
    }
}

impl Drop for Engine {
    /// Joins the threads; the interface and the sockets go with the last of them.
    fn drop(&mut self) {
        self.shared.events.end();
        self.shared.command(|commands| commands.close_relays());
        self.shared.stop();
        for thread in self.threads.drain(..) {
            // A panic was caught in the thread and told as an event.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        for queue in &self.queues {
            queue.wake(Side::Transmit);
            queue.wake(Side::Receive);
        }
    }

    /// Has the deadlines looked at again: the first queue keeps those that the control plane sets.
    fn wake_deadlines(&self) {
        if let Some(queue) = self.queues.first() {
            queue.wake_carrying();
        }
    }

    /// Has what relays sent over TLS taken: the first queue does that, as it does with all that comes from relays.
    fn wake_links(&self) {
        if let Some(queue) = self.queues.first() {
            queue.wake(Side::Receive);
        }
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, event: Event) {
        self.events.push(event, &self.drops);
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_like_any_failure() {
        assert_eq!(failure_of(|| Ok(())), None);
        assert_eq!(failure_of(|| Err("deleted".into())), Some("deleted".into()));
        let nothing: [u8; 0] = [];
        let panics = || Err(format!("{}", nothing[std::hint::black_box(0)]));
        assert_eq!(failure_of(panics), Some("internal error in a packet thread".into()));
    }
}
