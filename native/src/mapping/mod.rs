//! Asks the router to let datagrams in: one request, one answer. When to ask, renew and release is TypeScript's to decide.
//! Libraries speak the protocols; each request runs on a thread of its own with a small runtime for them, so that nothing waits for a slow router.
mod pcp;
mod upnp;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// What one request may take, all repetitions together.
const LIMIT: Duration = Duration::from_secs(5);
/// Characters of what a router says that are kept.
const MAX_ERROR: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 6887.
    Pcp,
    /// RFC 6886.
    NatPmp,
    /// UPnP Internet Gateway Device, version 1 or 2.
    Upnp,
}

#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub protocol: Protocol,
    /// The only address that is asked and believed.
    pub gateway: Ipv4Addr,
    /// Our own address towards the gateway.
    pub client: Ipv4Addr,
    pub internal_port: NonZeroU16,
    /// The one that we'd like; to release: the one that we have.
    pub external_port: NonZeroU16,
    pub lifetime_seconds: u32,
    /// PCP: who knows it may change the mapping.
    pub nonce: [u32; 3],
}

#[derive(Clone, Copy, Debug)]
pub struct Mapping {
    pub external: SocketAddrV4,
    pub lifetime_seconds: u32,
}

/// Why there's no mapping; TypeScript knows these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    NoAnswer,
    Refused,
    Failed,
}

impl Reason {
    pub fn name(self) -> &'static str {
        match self {
            Self::NoAnswer => "no-answer",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug)]
pub struct Failure {
    pub reason: Reason,
    /// In words; whatever the router said in it is for people.
    pub error: String,
}

impl Failure {
    fn new(reason: Reason, error: impl ToString) -> Self {
        Self { reason, error: error.to_string().chars().take(MAX_ERROR).collect() }
    }

    fn no_sense() -> Self {
        Self::new(Reason::Failed, "the router's answer makes no sense")
    }

    fn no_answer() -> Self {
        Self::new(Reason::NoAnswer, "no answer")
    }

    fn io(error: &io::Error) -> Self {
        match error.kind() {
            // The router says that nothing listens on that port.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Self::no_answer(),
            _ => Self::new(Reason::Failed, error),
        }
    }
}

/// Asks for a mapping, or for more time for the one that's there; `done` is called once, from a thread of its own.
pub fn map(request: Request, done: impl FnOnce(Result<Mapping, Failure>) + Send + 'static) -> io::Result<()> {
    on_own_thread(done, move || async move {
        match request.protocol {
            Protocol::Pcp => pcp::map(&request).await,
            Protocol::NatPmp => pcp::map_nat_pmp(&request).await,
            Protocol::Upnp => upnp::map(&request).await,
        }
    })
}

/// Gives a mapping back; `done` is called once, from a thread of its own.
pub fn release(request: Request, done: impl FnOnce(Result<(), Failure>) + Send + 'static) -> io::Result<()> {
    on_own_thread(done, move || async move {
        match request.protocol {
            Protocol::Pcp => pcp::release(&request).await,
            Protocol::NatPmp => pcp::release_nat_pmp(&request).await,
            Protocol::Upnp => upnp::release(&request).await,
        }
    })
}

fn on_own_thread<T, F>(
    done: impl FnOnce(Result<T, Failure>) + Send + 'static,
    work: impl FnOnce() -> F + Send + 'static,
) -> io::Result<()>
where
    F: Future<Output = Result<T, Failure>>,
{
    let run = move || {
        // What a router sends must not end more than its own request.
        let result = catch_unwind(AssertUnwindSafe(|| limited(work)));
        done(result.unwrap_or_else(|_| Err(Failure::no_sense())));
    };
    thread::Builder::new().name("p2p-mapping".into()).spawn(run).map(drop)
}

fn limited<T, F>(work: impl FnOnce() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io(&error))?;
    runtime.block_on(async { tokio::time::timeout(LIMIT, work()).await }).unwrap_or_else(|_| Err(Failure::no_answer()))
}
