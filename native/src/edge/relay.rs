//! The border to JavaScript of a relay's data plane. `src/device/native-relay.ts` is its only caller.
use std::sync::{Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{AsyncTask, Either, Null, Uint8Array};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Error, Result};
use napi_derive::napi;

use super::Wake;
use super::closing::Closing;
use super::convert::invalid;
use super::types::NativeDrop;
use crate::clock::as_ms;
use crate::error::{Code, OpenError};
use crate::relay::door::LoginRates;
use crate::relay::exchange::Limits;
use crate::relay::origin::Origin;
use crate::relay::table::{Client, Tag};
use crate::relay::{Relay, RelayConfig, RelayEvent};
use crate::tls::server::TlsLimits;

#[napi(object, object_to_js = false)]
pub struct NativeRelayLimits {
    pub bytes_per_second: f64,
    pub logins_per_source: u32,
    pub logins: u32,
    pub tls_connections: u32,
    pub tls_connections_per_source: u32,
    pub tls_queue_bytes: u32,
}

#[napi(object, object_to_js = false)]
pub struct NativeRelayConfig {
    pub host: Either<String, Null>,
    pub port: u16,
    pub tls_port: Either<u16, Null>,
    pub limits: NativeRelayLimits,
}

#[napi(discriminant = "kind", discriminant_case = "kebab-case", object_to_js = false)]
pub enum NativeRelayCommand {
    Send {
        to: String,
        datagram: Uint8Array,
    },
    InstallClient {
        from: String,
        index: u32,
        client_index: u32,
        pseudonym: Uint8Array,
        tags: Vec<Uint8Array>,
        bytes_per_second: f64,
    },
    DropClient {
        index: u32,
    },
    SetLimits {
        limits: NativeRelayLimits,
    },
}

#[napi(discriminant = "kind", discriminant_case = "kebab-case", object_from_js = false)]
pub enum NativeRelayEvent {
    Datagram { at: f64, from: String, address: String, datagram: Uint8Array },
    Gone { at: f64, from: String },
    DeviceGone { at: f64, error: String },
}

#[napi(object, object_from_js = false)]
pub struct NativeClientCounters {
    pub index: u32,
    pub bytes_in: f64,
    pub bytes_out: f64,
    pub drops: f64,
}

#[napi(object, object_from_js = false)]
pub struct NativeRelayStats {
    pub clients: Vec<NativeClientCounters>,
    pub bytes_forwarded: f64,
    pub datagrams_forwarded: f64,
    pub tls_connections: u32,
    pub drops: Vec<NativeDrop>,
}

/// Throws an error whose `code` is one of `DeviceError`'s.
#[napi(catch_unwind)]
pub fn open_relay(config: NativeRelayConfig, wake: Wake) -> std::result::Result<NativeRelay, Error<Code>> {
    let open = |config: &NativeRelayConfig| {
        let wake = Box::new(move || {
            // A full queue means that a call is on its way already.
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        Relay::open(&config_of(config)?, wake)
    };
    let relay = open(&config).map_err(|error| Error::new(error.code, error.message))?;
    Ok(NativeRelay { relay: Mutex::new(Some(relay)) })
}

/// An open relay; empty once it's closed.
#[napi]
pub struct NativeRelay {
    relay: Mutex<Option<Relay>>,
}

#[napi]
impl NativeRelay {
    #[napi(catch_unwind)]
    pub fn apply(&self, commands: Vec<NativeRelayCommand>) -> Result<()> {
        let relay = self.relay();
        let Some(relay) = relay.as_ref() else { return Ok(()) };
        commands.iter().try_for_each(|command| run(relay, command))
    }

    #[napi(catch_unwind)]
    pub fn take_events(&self) -> Vec<NativeRelayEvent> {
        self.relay().as_ref().map_or_else(Vec::new, Relay::take_events).into_iter().map(event_of).collect()
    }

    #[napi(catch_unwind)]
    pub fn stats(&self) -> Option<NativeRelayStats> {
        let stats = self.relay().as_ref()?.stats();
        let clients = stats.clients.into_iter().map(|(index, counters)| NativeClientCounters {
            index,
            bytes_in: counters.bytes_in as f64,
            bytes_out: counters.bytes_out as f64,
            drops: counters.drops as f64,
        });
        let drops = stats.drops.into_iter();
        Some(NativeRelayStats {
            clients: clients.collect(),
            bytes_forwarded: stats.forwarded.bytes as f64,
            datagrams_forwarded: stats.forwarded.datagrams as f64,
            tls_connections: stats.connections as u32,
            drops: drops.map(|(reason, times)| NativeDrop { reason: reason.into(), times: times as f64 }).collect(),
        })
    }

    /// Closes on a thread of the pool, because it waits for the relay's thread.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close(&self) -> AsyncTask<Closing<Relay>> {
        AsyncTask::new(Closing(self.relay().take()))
    }

    fn relay(&self) -> MutexGuard<'_, Option<Relay>> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(relay: &Relay, command: &NativeRelayCommand) -> Result<()> {
    match command {
        NativeRelayCommand::Send { to, datagram } => relay.send(origin_of(to)?, datagram.to_vec()),
        NativeRelayCommand::InstallClient { from, index, client_index, pseudonym, tags, bytes_per_second } => {
            let pseudonym = bytes_of("pseudonym", pseudonym)?;
            let tags: Vec<Tag> = tags.iter().map(|tag| bytes_of("tag", tag)).collect::<Result<_>>()?;
            let client = Client::new(origin_of(from)?, *client_index, pseudonym, tags, whole(*bytes_per_second));
            relay.install(*index, client).map_err(|refusal| invalid(refusal.0))?;
        }
        NativeRelayCommand::DropClient { index } => relay.remove(*index),
        NativeRelayCommand::SetLimits { limits } => relay.set_limits(limits_of(limits), tls_limits_of(limits)),
    }
    Ok(())
}

fn event_of(event: RelayEvent) -> NativeRelayEvent {
    match event {
        RelayEvent::Datagram { at, from, address, datagram } => NativeRelayEvent::Datagram {
            at: as_ms(at),
            from: from.to_string(),
            address: address.to_string(),
            datagram: datagram.into(),
        },
        RelayEvent::Gone { at, from } => NativeRelayEvent::Gone { at: as_ms(at), from: from.to_string() },
        RelayEvent::DeviceGone { at, error } => NativeRelayEvent::DeviceGone { at: as_ms(at), error },
    }
}

fn config_of(config: &NativeRelayConfig) -> std::result::Result<RelayConfig, OpenError> {
    let host = match &config.host {
        Either::A(text) => Some(text.parse().map_err(|_| {
            OpenError::new(Code::AddressRefused, format!("expected an IP address to listen at, got {text:?}"))
        })?),
        Either::B(Null) => None,
    };
    let tls_port = match config.tls_port {
        Either::A(port) => Some(port),
        Either::B(Null) => None,
    };
    let (limits, tls_limits) = (limits_of(&config.limits), tls_limits_of(&config.limits));
    Ok(RelayConfig { host, port: config.port, tls_port, limits, tls_limits })
}

fn limits_of(limits: &NativeRelayLimits) -> Limits {
    let logins = LoginRates { per_source: limits.logins_per_source.into(), in_total: limits.logins.into() };
    Limits { bytes_per_second: whole(limits.bytes_per_second), logins }
}

fn tls_limits_of(limits: &NativeRelayLimits) -> TlsLimits {
    TlsLimits {
        connections: limits.tls_connections as usize,
        per_source: limits.tls_connections_per_source as usize,
        queue: limits.tls_queue_bytes as usize,
    }
}

/// Negative numbers and what is none count as 0.
fn whole(number: f64) -> u64 {
    number as u64
}

fn origin_of(text: &str) -> Result<Origin> {
    Origin::parse(text)
        .ok_or_else(|| invalid(format!("expected an origin such as udp/192.0.2.1:4900 or tls/7, got {text:?}")))
}

fn bytes_of<const N: usize>(name: &str, bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| invalid(format!("expected a {name} of {N} bytes, got {}", bytes.len())))
}
