//! Windows: an adapter of the driver tap-windows6, made for the network and removed with it. One that a crash has left has the network's MAC, by which
//! we know it again: those of our own are removed, and no others.
use std::io;

use tun_rs::{DeviceBuilder, Layer, SyncDevice};
use windows_sys::Win32::NetworkManagement::IpHelper::ConvertInterfaceAliasToLuid;
use windows_sys::Win32::NetworkManagement::Ndis::NET_LUID_LH;

use crate::error::{Code, OpenError};
use crate::packet::Mac;
use crate::tap::commands::{Command, netsh};
use crate::tap::{Address, TapConfig};

/// What its hardware id says.
const NO_DRIVER: &str = "no driver for tap0901, which is what tap-windows6 calls itself";

pub struct Interface {
    index: u32,
    mac: Mac,
}

impl Interface {
    pub fn set_mtu(&self, mtu: u32) -> Vec<Command> {
        netsh::set_mtu(self.index, mtu)
    }

    pub fn give_first(&self, addresses: &[Address]) -> Vec<Command> {
        netsh::give_first(self.index, &self.mac, addresses)
    }

    pub fn exchange(&self, old: &[Address], new: &[Address]) -> Vec<Command> {
        netsh::exchange(self.index, &self.mac, old, new)
    }

    /// tun-rs has done that: it has plugged the cable in.
    pub fn bring_up(&self) -> Vec<Command> {
        Vec::new()
    }
}

/// Makes the adapter.
pub fn open(config: &TapConfig) -> Result<(SyncDevice, Interface), OpenError> {
    let name = &config.name;
    if exists(name) {
        remove_leftover(config)?;
    }
    let failed = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::new(Code::NoTun, NO_DRIVER),
        _ => OpenError::io(Code::Failed, format_args!("making the adapter {name}"), error),
    };
    let device = adapter(name).persist(false).mac_addr(config.mac).build_sync().map_err(|error| failed(&error))?;
    let index = device.if_index().map_err(|error| failed(&error))?;
    Ok((device, Interface { index, mac: config.mac }))
}

fn adapter(name: &str) -> DeviceBuilder {
    DeviceBuilder::new().name(name).layer(Layer::L2)
}

/// Whether there's an adapter of that name, whosever it is.
fn exists(name: &str) -> bool {
    let name: Vec<u16> = name.encode_utf16().chain([0]).collect();
    let mut luid = NET_LUID_LH { Value: 0 };
    // SAFETY: `name` ends with a zero, and `luid` is written to while it lives.
    unsafe { ConvertInterfaceAliasToLuid(name.as_ptr(), &mut luid) == 0 }
}

/// Removes the adapter of that name if it has this network's MAC, and nobody else has opened it.
fn remove_leftover(config: &TapConfig) -> Result<(), OpenError> {
    let name = &config.name;
    let taken = || OpenError::new(Code::NameTaken, format!("making the adapter {name}: there is one already"));
    let looked_at = adapter(name).persist(true).inherit_enable_state().build_sync().map_err(|_| taken())?;
    if looked_at.mac_address().ok() != Some(config.mac) {
        return Err(taken());
    }
    drop(looked_at);
    // One that isn't to persist goes when it's closed.
    drop(adapter(name).persist(false).inherit_enable_state().build_sync().map_err(|_| taken())?);
    Ok(())
}
