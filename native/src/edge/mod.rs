//! The border to JavaScript: conversions and nothing else. `src/device/native.ts` is its only caller.
mod closing;
pub(crate) mod convert;
pub mod mapping;
pub mod process;
pub mod relay;
pub mod routes;
mod types;
#[cfg(windows)]
pub mod windows;

use std::sync::{Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::AsyncTask;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Error, Result, Status};
use napi_derive::napi;

use closing::Closing;
use convert::{
    addresses_of, config_of, event_of, help_of, invalid, ipv4_of, keys_of, optional_way, proxy_of, relay_of, rights_of,
    way_of,
};
use types::{NativeCommand, NativeConfig, NativeDrop, NativeEvent, NativePeerCounters};

use crate::clock::{self, as_ms};
use crate::engine::{Commands, Engine};
use crate::error::Code;
use crate::watch::AddressWatch;

/// Called without arguments when events wait. Weak: it doesn't keep the process alive.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true, 2>;

/// Milliseconds of the clock that all events are timed by.
#[napi(catch_unwind)]
pub fn monotonic_ms() -> f64 {
    as_ms(clock::now())
}

/// Throws an error whose `code` is one of `DeviceError`'s.
#[napi(catch_unwind)]
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
#[napi(catch_unwind)]
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
    #[napi(catch_unwind)]
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
    #[napi(catch_unwind)]
    pub fn apply(&self, commands: Vec<NativeCommand>) -> Result<()> {
        let engine = self.engine();
        let Some(engine) = engine.as_ref() else { return Ok(()) };
        engine.command(|to| commands.iter().try_for_each(|command| run(to, command)))
    }

    #[napi(catch_unwind)]
    pub fn take_events(&self) -> Vec<NativeEvent> {
        self.engine().as_ref().map_or_else(Vec::new, Engine::take_events).into_iter().map(event_of).collect()
    }

    #[napi(catch_unwind)]
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

    #[napi(catch_unwind)]
    pub fn drops(&self) -> Vec<NativeDrop> {
        let drops = self.engine().as_ref().map_or_else(Vec::new, Engine::drops);
        drops.into_iter().map(|(reason, times)| NativeDrop { reason: reason.into(), times: times as f64 }).collect()
    }

    /// Throws an error whose `code` is one of `DeviceError`'s.
    #[napi(catch_unwind)]
    pub fn set_addresses(&self, addresses: Vec<String>) -> std::result::Result<(), Error<Code>> {
        let set = |engine: &Engine| engine.set_addresses(&addresses_of(&addresses)?);
        let result = self.engine().as_ref().map_or(Ok(()), set);
        result.map_err(|error| Error::new(error.code, error.message))
    }

    /// Closes on a thread of the pool, because it waits for the device's threads.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close(&self) -> AsyncTask<Closing<Engine>> {
        AsyncTask::new(Closing(self.engine().take()))
    }

    fn engine(&self) -> MutexGuard<'_, Option<Engine>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(to: &mut Commands, command: &NativeCommand) -> Result<()> {
    let failed = |error: crate::engine::CommandError| invalid(error.to_string());
    match command {
        NativeCommand::SetPeer { peer, macs, addresses, offload, bridge } => {
            to.set_peer(*peer, &rights_of(macs, addresses, *bridge)?, *offload).map_err(failed)
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
            to.set_endpoint(*peer, optional_way(endpoint)?, *max_datagram as usize).map_err(failed)
        }
        NativeCommand::SendControl { peer, messages, to: endpoint } => {
            to.send_control(*peer, messages, optional_way(endpoint)?).map_err(failed)
        }
        NativeCommand::SendDatagram { to: endpoint, datagram } => {
            to.send_datagram(&way_of(endpoint)?, datagram);
            Ok(())
        }
        NativeCommand::SendCookie { to: endpoint, receiver_index, answered } => {
            let answered: &[u8; 16] =
                answered.as_ref().try_into().map_err(|_| invalid("expected a MAC of 16 bytes".into()))?;
            to.send_cookie(&way_of(endpoint)?, *receiver_index, answered);
            Ok(())
        }
        NativeCommand::OpenRelay { relay, transport, proxy } => {
            to.open_relay(relay_of(relay, transport)?, proxy_of(proxy)?).map_err(failed)
        }
        NativeCommand::SetRelayLogin { relay, transport, own_index, relay_index } => {
            to.set_relay_login(&relay_of(relay, transport)?, *own_index, *relay_index).map_err(failed)
        }
        NativeCommand::CloseRelay { relay, transport } => {
            to.close_relay(&relay_of(relay, transport)?);
            Ok(())
        }
        NativeCommand::SendRelay { relay, transport, datagram } => {
            to.send_relay(&relay_of(relay, transport)?, datagram).map_err(failed)
        }
        NativeCommand::SetForwardOnly { on } => {
            to.set_forward_only(*on);
            Ok(())
        }
        NativeCommand::ProbeAddress { ip } => {
            to.probe_address(ipv4_of(ip)?);
            Ok(())
        }
        NativeCommand::AnnounceAddress { ip } => {
            to.announce_address(ipv4_of(ip)?);
            Ok(())
        }
        NativeCommand::SetMtu { mtu } => to.set_mtu(*mtu).map_err(failed),
        NativeCommand::SetHelp { help, on } => {
            to.switch(help_of(help)?, *on);
            Ok(())
        }
    }
}
