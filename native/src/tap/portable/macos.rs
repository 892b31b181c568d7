//! macOS: a pair of `feth` interfaces, which stay when their process dies. One has the network's MAC, by which we know it again: `p2p` removes those of its own that
//! are left, and no others.
use std::io;

use tun_rs::{DeviceBuilder, Layer, SyncDevice};

use crate::error::{Code, OpenError};
use crate::tap::commands::{Command, ifconfig, run_all};
use crate::tap::{Address, TapConfig};

/// The number of our half is that of the system's and this. XNU has 32,768 of them (IF_MAXUNIT in bsd/net/if.h).
const OURS: u32 = 16_000;

/// By the names of both halves.
pub struct Interface {
    name: String,
    ours: String,
}

impl Interface {
    pub fn set_mtu(&self, mtu: u32) -> Vec<Command> {
        ifconfig::set_mtu(&self.name, &self.ours, mtu)
    }

    pub fn give_first(&self, addresses: &[Address]) -> Vec<Command> {
        ifconfig::exchange(&self.name, &[], addresses)
    }

    pub fn exchange(&self, old: &[Address], new: &[Address]) -> Vec<Command> {
        ifconfig::exchange(&self.name, old, new)
    }

    pub fn bring_up(&self) -> Vec<Command> {
        ifconfig::bring_up(&self.name, &self.ours)
    }
}

/// Makes the pair.
pub fn open(config: &TapConfig) -> Result<(SyncDevice, Interface), OpenError> {
    let interface = interface_of(&config.name)?;
    remove_leftover(config, &interface)?;
    let Interface { name, ours } = &interface;
    let failed = |error: &io::Error| {
        OpenError::io(code_of(error), format_args!("making the interfaces {name} and {ours}"), error)
    };
    let builder = DeviceBuilder::new().name(name).peer_feth(ours).layer(Layer::L2).reuse_dev(false);
    let device = builder.mac_addr(config.mac).build_sync().map_err(|error| failed(&error))?;
    device.set_nonblocking(true).map_err(|error| failed(&error))?;
    Ok((device, interface))
}

fn code_of(error: &io::Error) -> Code {
    if error.kind() == io::ErrorKind::AlreadyExists { Code::NameTaken } else { Code::Failed }
}

/// The system knows these interfaces by a number only.
fn interface_of(name: &str) -> Result<Interface, OpenError> {
    let number = name.strip_prefix("feth").filter(|digits| !digits.starts_with('0') || *digits == "0");
    let number = number.and_then(|digits| digits.parse().ok()).filter(|number: &u32| *number < OURS);
    let Some(number) = number else {
        let message =
            format!("expected an interface name of feth and a number below {OURS}, as macOS has them, got {name:?}");
        return Err(OpenError::new(Code::Failed, message));
    };
    Ok(Interface { name: name.into(), ours: format!("feth{}", number + OURS) })
}

/// Removes an interface of that name if it has this network's MAC.
fn remove_leftover(config: &TapConfig, Interface { name, ours }: &Interface) -> Result<(), OpenError> {
    // It fails if there's none.
    let Ok(printed) = ifconfig::show(name).output() else { return Ok(()) };
    let shown = ifconfig::parse(&printed);
    if shown.mac != Some(config.mac) || shown.peer.is_some_and(|peer| peer != *ours) {
        return Err(OpenError::new(Code::NameTaken, format!("making the interface {name}: there is one already")));
    }
    run_all(&ifconfig::destroy(name, ours))
}
