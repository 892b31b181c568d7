//! Linux, with the feature `portable`: a TAP of tun-rs, without what the system could do for it, so that it's as on macOS and Windows.
use std::io;

use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use crate::error::{Code, OpenError};
use crate::tap::commands::{Command, ip};
use crate::tap::{Address, TapConfig, netlink};

pub struct Interface {
    name: String,
}

impl Interface {
    pub fn set_mtu(&self, mtu: u32) -> Vec<Command> {
        ip::set_mtu(&self.name, mtu)
    }

    pub fn give_first(&self, addresses: &[Address]) -> Vec<Command> {
        ip::exchange(&self.name, &[], addresses)
    }

    pub fn exchange(&self, old: &[Address], new: &[Address]) -> Vec<Command> {
        ip::exchange(&self.name, old, new)
    }

    /// tun-rs has done that.
    pub fn bring_up(&self) -> Vec<Command> {
        Vec::new()
    }
}

/// Makes the interface. The kernel removes it when its descriptor is closed, however we end.
pub fn open(config: &TapConfig) -> Result<(SyncDevice, Interface), OpenError> {
    let name = config.name.clone();
    if netlink::index_of(&name).is_ok() {
        return Err(OpenError::new(Code::NameTaken, format!("making the interface {name}: there is one already")));
    }
    let failed = |error: &io::Error| {
        let code = if error.kind() == io::ErrorKind::NotFound { Code::NoTun } else { Code::Failed };
        OpenError::io(code, format_args!("making the interface {name}"), error)
    };
    let device = DeviceBuilder::new().name(&name).layer(Layer::L2).mac_addr(config.mac).build_sync();
    let device = device.map_err(|error| failed(&error))?;
    let made = device.name().map_err(|error| failed(&error))?;
    if made != name {
        return Err(OpenError::new(
            Code::Failed,
            format!("expected an interface name that the system takes as it is, got {name:?}"),
        ));
    }
    device.set_nonblocking(true).map_err(|error| failed(&error))?;
    Ok((device, Interface { name }))
}
