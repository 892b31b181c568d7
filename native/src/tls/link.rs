//! A client's TLS connection to a relay, on a thread of its own.
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rustls::ClientConnection;

use super::backlog::Backlog;
use super::connect::Attempt;
use super::settings;
use super::stream::{READ, TlsStream};
use crate::clock::{Nanos, SECOND, now};
use crate::poll::{Interest, Lookout, Waker};

/// How long a connection may take to be made, proxy and handshake included.
const CONNECT: Nanos = 10 * SECOND;
/// Bytes that wait to be sent before the oldest datagrams go.
const OUTGOING: usize = 256 * 1_024;
/// Bytes that have arrived and wait to be taken, after which the connection isn't read: then the relay drops the oldest.
const INCOMING: usize = 1_024 * 1_024;

/// What a link tells, from its thread.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    Open,
    /// Datagrams have arrived where there were none.
    Arrived,
    /// Nothing follows. Not told when the link was closed by `close`.
    Closed(String),
}

struct State {
    outgoing: Mutex<Backlog>,
    /// Datagrams, each behind its length.
    incoming: Mutex<Vec<u8>>,
    /// Whether the connection isn't read because too much waits.
    paused: AtomicBool,
    stopping: AtomicBool,
    waker: Waker,
}

pub use super::connect::Destination;

pub struct Link {
    state: Arc<State>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Link {
    /// Begins to connect. `tell` is called from the link's thread.
    pub fn open(to: Destination, tell: impl Fn(Told) + Send + 'static) -> io::Result<Self> {
        let state = Arc::new(State {
            outgoing: Mutex::new(Backlog::new(OUTGOING)),
            incoming: Mutex::default(),
            paused: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            waker: Waker::new()?,
        });
        let own = Arc::clone(&state);
        let body = move || {
            if let Err(error) = own.run(&to, &tell)
                && !own.is_stopping()
            {
                tell(Told::Closed(error));
            }
        };
        let thread = thread::Builder::new().name("p2p-tls".into()).spawn(body)?;
        Ok(Self { state, thread: Mutex::new(Some(thread)) })
    }

    /// Adds a datagram to those that wait to be sent, which `wake` sends; gives how many were dropped for it.
    pub fn push(&self, datagram: &[u8]) -> u64 {
        lock(&self.state.outgoing).push(datagram)
    }

    pub fn wake(&self) {
        self.state.waker.wake();
    }

    /// Moves what has arrived to `out`, which is cleared first: datagrams, each behind its length.
    pub fn take(&self, out: &mut Vec<u8>) {
        out.clear();
        std::mem::swap(&mut *lock(&self.state.incoming), out);
        if self.state.paused.swap(false, Ordering::AcqRel) {
            self.state.waker.wake();
        }
    }

    /// Ends the connection and waits for the thread.
    pub fn close(&self) {
        self.state.stopping.store(true, Ordering::Relaxed);
        self.state.waker.wake();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Whatever ended it, it's over.
            let _ = thread.join();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn run(&self, to: &Destination, tell: &impl Fn(Told)) -> Result<(), String> {
        let (relay, until) = (to.relay, now() + CONNECT);
        let lookout = Lookout::new(&self.waker).map_err(|error| format!("waiting for a connection: {error}"))?;
        let socket = Attempt { to, until, lookout: &lookout, is_stopped: &|| self.is_stopping() }.connect()?;
        let failed = |error: &dyn std::fmt::Display| format!("TLS to the relay at {relay}: {error}");
        let tls = ClientConnection::new(settings::client()?, settings::name_of(relay.ip()));
        let tls = tls.map_err(|error| failed(&error))?;
        let mut stream = TlsStream::new(socket, tls.into()).map_err(|error| failed(&error))?;
        let ended = self.carry(&mut stream, &lookout, until, tell);
        stream.close();
        ended.map_err(|error| failed(&error))
    }

    fn carry(&self, stream: &mut TlsStream, lookout: &Lookout, until: Nanos, tell: &impl Fn(Told)) -> io::Result<()> {
        let mut scratch = vec![0; READ].into_boxed_slice();
        let mut is_open = false;
        while !self.is_stopping() {
            let more = stream.send(&mut lock(&self.outgoing))?;
            let paused = self.paused.load(Ordering::Acquire);
            let interest = Interest { reading: !paused, writing: more };
            let left = (!is_open).then(|| until.saturating_sub(now()));
            if lookout.wait(stream.as_source(), interest, left)? && !paused {
                self.receive(stream, &mut scratch, tell)?;
            }
            self.waker.clear();
            if !is_open && !stream.is_handshaking() {
                is_open = true;
                tell(Told::Open);
            }
            if !is_open && now() >= until {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    fn receive(&self, stream: &mut TlsStream, scratch: &mut [u8], tell: &impl Fn(Told)) -> io::Result<()> {
        let mut arrived = Vec::new();
        let ended = stream.receive(scratch, |datagram| {
            arrived.extend_from_slice(&(datagram.len() as u16).to_be_bytes());
            arrived.extend_from_slice(datagram);
        });
        let mut incoming = lock(&self.incoming);
        let first = incoming.is_empty() && !arrived.is_empty();
        incoming.append(&mut arrived);
        if incoming.len() > INCOMING {
            self.paused.store(true, Ordering::Release);
        }
        drop(incoming);
        if first {
            tell(Told::Arrived);
        }
        ended
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
