//! The border to JavaScript: conversions and nothing else. `src/device/native.ts` is its only caller.
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{AsyncTask, Either, Null, Uint8Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;
use zeroize::Zeroizing;

use crate::clock::{self, MILLISECOND, Nanos, as_ms};
use crate::engine::{Commands, Config, Engine, Event, Keys, Use};
use crate::error::{Code, OpenError};
use crate::packet::Mac;
use crate::tap::{Address, TapConfig};
use crate::watch::AddressWatch;

/// Called without arguments when events wait. Weak: it doesn't keep the process alive.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true, 2>;

#[napi(object, object_to_js = false)]
pub struct NativeConfig {
    pub name: String,
    pub mac: Uint8Array,
    pub mtu: u32,
    pub addresses: Vec<String>,
    pub port: u16,
    pub network_admission_key: Uint8Array,
    pub own_admission_key: Uint8Array,
    pub cookie_key: Uint8Array,
}

#[napi(object, object_to_js = false)]
pub struct NativeKeys {
    pub peer: u32,
    pub local_index: u32,
    pub remote_index: u32,
    pub seal_key: Uint8Array,
    pub open_key: Uint8Array,
    #[napi(ts_type = "'seal-now' | 'seal-when-heard'")]
    pub r#use: String,
    pub lifetime: f64,
}

#[napi(discriminant = "kind", discriminant_case = "kebab-case", object_to_js = false)]
pub enum NativeCommand {
    SetPeer { peer: u32, macs: Vec<Uint8Array> },
    DropPeer { peer: u32 },
    InstallSession { keys: NativeKeys },
    DropSession { local_index: u32 },
    SetEndpoint { peer: u32, endpoint: Either<String, Null>, max_datagram: u32 },
    SendControl { peer: u32, messages: Uint8Array, to: Either<String, Null> },
    SendDatagram { to: String, datagram: Uint8Array },
    SendCookie { to: String, receiver_index: u32, answered: Uint8Array },
}

#[napi(discriminant = "kind", discriminant_case = "kebab-case", object_from_js = false)]
pub enum NativeEvent {
    Datagram { at: f64, from: String, datagram: Uint8Array, proven: bool },
    Control { at: f64, peer: u32, local_index: u32, from: String, messages: Uint8Array },
    SessionHeard { at: f64, peer: u32, local_index: u32, from: String },
    SessionWorn { at: f64, peer: u32, local_index: u32 },
    SessionGone { at: f64, peer: u32, local_index: u32 },
    Strayed { at: f64, peer: u32, from: String },
    Silent { at: f64, peer: u32 },
    Unreachable { at: f64, to: String, error: String },
    DeviceGone { at: f64, error: String },
}

#[napi(object, object_from_js = false)]
pub struct NativePeerCounters {
    pub peer: u32,
    pub frames_in: f64,
    pub bytes_in: f64,
    pub frames_out: f64,
    pub bytes_out: f64,
    pub heard_at: Option<f64>,
}

#[napi(object, object_from_js = false)]
pub struct NativeDrop {
    pub reason: String,
    pub times: f64,
}

/// Milliseconds of the clock that all events are timed by.
#[napi]
pub fn monotonic_ms() -> f64 {
    as_ms(clock::now())
}

/// Throws an error whose `code` is one of `DeviceError`'s.
#[napi]
pub fn open_device(config: NativeConfig, wake: Wake) -> std::result::Result<NativeDevice, Error<Code>> {
    let open = |config: &NativeConfig| {
        let wake = Box::new(move || {
            // A full queue means that a call is on its way already.
            wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        });
        Engine::open(&config_of(config)?, wake)
    };
    let engine = open(&config).map_err(|error| Error::new(error.code, error.message))?;
    Ok(NativeDevice { engine: Mutex::new(Some(engine)) })
}

/// Calls `on_change` when this machine's interfaces or addresses have changed.
#[napi]
pub fn watch_addresses(on_change: Wake) -> Result<NativeWatch> {
    let on_change = Box::new(move || {
        on_change.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    let watch = AddressWatch::open(on_change).map_err(|error| Error::from_reason(error.to_string()))?;
    Ok(NativeWatch { watch: Mutex::new(Some(watch)) })
}

/// Empty once it's closed.
#[napi]
pub struct NativeWatch {
    watch: Mutex<Option<AddressWatch>>,
}

#[napi]
impl NativeWatch {
    #[napi]
    pub fn close(&self) {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// An open device; empty once it's closed.
#[napi]
pub struct NativeDevice {
    engine: Mutex<Option<Engine>>,
}

#[napi]
impl NativeDevice {
    #[napi]
    pub fn apply(&self, commands: Vec<NativeCommand>) -> Result<()> {
        let engine = self.engine();
        let Some(engine) = engine.as_ref() else { return Ok(()) };
        engine.command(|to| commands.iter().try_for_each(|command| run(to, command)))
    }

    #[napi]
    pub fn take_events(&self) -> Vec<NativeEvent> {
        self.engine().as_ref().map_or_else(Vec::new, Engine::take_events).into_iter().map(event_of).collect()
    }

    #[napi]
    pub fn peer_stats(&self) -> Vec<NativePeerCounters> {
        let stats = self.engine().as_ref().map_or_else(Vec::new, Engine::peer_stats);
        let counters = stats.into_iter().map(|stats| NativePeerCounters {
            peer: stats.peer,
            frames_in: stats.received.0 as f64,
            bytes_in: stats.received.1 as f64,
            frames_out: stats.sent.0 as f64,
            bytes_out: stats.sent.1 as f64,
            heard_at: stats.heard_at.map(as_ms),
        });
        counters.collect()
    }

    #[napi]
    pub fn drops(&self) -> Vec<NativeDrop> {
        let drops = self.engine().as_ref().map_or_else(Vec::new, Engine::drops);
        drops.into_iter().map(|(reason, times)| NativeDrop { reason: reason.into(), times: times as f64 }).collect()
    }

    /// Closes on a thread of the pool, because it waits for the device's threads.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close(&self) -> AsyncTask<Closing> {
        AsyncTask::new(Closing(self.engine().take()))
    }

    fn engine(&self) -> MutexGuard<'_, Option<Engine>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct Closing(Option<Engine>);

impl Task for Closing {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.0.take();
        Ok(())
    }

    fn resolve(&mut self, _env: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

fn config_of(config: &NativeConfig) -> std::result::Result<Config, OpenError> {
    let key = |name: &str, bytes: &[u8]| key_of(name, bytes).map_err(|message| OpenError::new(Code::Failed, message));
    let addresses = config.addresses.iter().map(|text| {
        let message = || format!("expected an address with its prefix length, such as 10.10.10.1/24, got {text:?}");
        Address::parse(text).ok_or_else(|| OpenError::new(Code::AddressRefused, message()))
    });
    let mac = mac_of(&config.mac).map_err(|message| OpenError::new(Code::Failed, message))?;
    Ok(Config {
        tap: TapConfig {
            name: config.name.clone(),
            mac,
            mtu: config.mtu,
            addresses: addresses.collect::<std::result::Result<_, _>>()?,
        },
        port: config.port,
        network_admission_key: key("network admission key", &config.network_admission_key)?,
        own_admission_key: key("own admission key", &config.own_admission_key)?,
        cookie_key: key("cookie key", &config.cookie_key)?,
    })
}

fn run(to: &mut Commands, command: &NativeCommand) -> Result<()> {
    let failed = |error: crate::engine::CommandError| invalid(error.to_string());
    match command {
        NativeCommand::SetPeer { peer, macs } => {
            let macs =
                macs.iter().map(|mac| mac_of(mac)).collect::<std::result::Result<Vec<_>, _>>().map_err(invalid)?;
            to.set_peer(*peer, &macs).map_err(failed)
        }
        NativeCommand::DropPeer { peer } => {
            to.drop_peer(*peer);
            Ok(())
        }
        NativeCommand::InstallSession { keys } => to.install_session(&keys_of(keys)?).map_err(failed),
        NativeCommand::DropSession { local_index } => {
            to.drop_session(*local_index);
            Ok(())
        }
        NativeCommand::SetEndpoint { peer, endpoint, max_datagram } => {
            to.set_endpoint(*peer, optional_endpoint(endpoint)?, *max_datagram as usize).map_err(failed)
        }
        NativeCommand::SendControl { peer, messages, to: endpoint } => {
            to.send_control(*peer, messages, optional_endpoint(endpoint)?).map_err(failed)
        }
        NativeCommand::SendDatagram { to: endpoint, datagram } => {
            to.send_datagram(endpoint_of(endpoint)?, datagram);
            Ok(())
        }
        NativeCommand::SendCookie { to: endpoint, receiver_index, answered } => {
            let answered: &[u8; 16] =
                answered.as_ref().try_into().map_err(|_| invalid("expected a MAC of 16 bytes".into()))?;
            to.send_cookie(endpoint_of(endpoint)?, *receiver_index, answered);
            Ok(())
        }
    }
}

fn keys_of(keys: &NativeKeys) -> Result<Keys> {
    let used = match keys.r#use.as_str() {
        "seal-now" => Use::SealNow,
        "seal-when-heard" => Use::SealWhenHeard,
        other => return Err(invalid(format!("expected seal-now or seal-when-heard, got {other:?}"))),
    };
    Ok(Keys {
        peer: keys.peer,
        local_index: keys.local_index,
        remote_index: keys.remote_index,
        seal_key: key_of("seal key", &keys.seal_key).map_err(invalid)?,
        open_key: key_of("open key", &keys.open_key).map_err(invalid)?,
        used,
        lifetime: (keys.lifetime.max(0.0) * MILLISECOND as f64) as Nanos,
    })
}

fn event_of(event: Event) -> NativeEvent {
    match event {
        Event::Datagram { at, from, datagram, proven } => {
            NativeEvent::Datagram { at: as_ms(at), from: from.to_string(), datagram: datagram.into(), proven }
        }
        Event::Control { at, peer, local_index, from, messages } => {
            let messages = messages.into();
            NativeEvent::Control { at: as_ms(at), peer, local_index, from: from.to_string(), messages }
        }
        Event::SessionHeard { at, peer, local_index, from } => {
            NativeEvent::SessionHeard { at: as_ms(at), peer, local_index, from: from.to_string() }
        }
        Event::SessionWorn { at, peer, local_index } => NativeEvent::SessionWorn { at: as_ms(at), peer, local_index },
        Event::SessionGone { at, peer, local_index } => NativeEvent::SessionGone { at: as_ms(at), peer, local_index },
        Event::Strayed { at, peer, from } => NativeEvent::Strayed { at: as_ms(at), peer, from: from.to_string() },
        Event::Silent { at, peer } => NativeEvent::Silent { at: as_ms(at), peer },
        Event::Unreachable { at, to, error } => NativeEvent::Unreachable { at: as_ms(at), to: to.to_string(), error },
        Event::DeviceGone { at, error } => NativeEvent::DeviceGone { at: as_ms(at), error },
    }
}

/// Copied at once: JavaScript may change its buffer.
fn key_of(name: &str, bytes: &[u8]) -> std::result::Result<Zeroizing<[u8; 32]>, String> {
    let key = <[u8; 32]>::try_from(bytes).map_err(|_| format!("expected a {name} of 32 bytes, got {}", bytes.len()))?;
    Ok(Zeroizing::new(key))
}

fn mac_of(bytes: &[u8]) -> std::result::Result<Mac, String> {
    Mac::try_from(bytes).map_err(|_| format!("expected a MAC of 6 bytes, got {}", bytes.len()))
}

fn endpoint_of(text: &str) -> Result<SocketAddr> {
    text.parse().map_err(|_| invalid(format!("expected an endpoint such as 192.0.2.1:4900, got {text:?}")))
}

fn optional_endpoint(text: &Either<String, Null>) -> Result<Option<SocketAddr>> {
    match text {
        Either::A(text) => endpoint_of(text).map(Some),
        Either::B(Null) => Ok(None),
    }
}

fn invalid(message: String) -> Error {
    Error::new(Status::InvalidArg, message)
}
