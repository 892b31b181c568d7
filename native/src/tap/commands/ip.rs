//! iproute2's `ip`, for the feature `portable` on Linux: what runs commands for macOS and Windows is run there by tests.
use std::net::IpAddr;

use super::{Command, giving, missing, setting_mtu, taking};
use crate::tap::Address;

const PROGRAM: &str = "/sbin/ip";

/// MTU in bytes, without the Ethernet header.
pub fn set_mtu(interface: &str, mtu: u32) -> Vec<Command> {
    let arguments = ["link", "set", "dev", interface, "mtu", &mtu.to_string()];
    vec![Command::new(PROGRAM, arguments, setting_mtu(interface, mtu))]
}

/// Takes the `old` addresses away and gives the `new` ones. Also those that are in both: with the first of a subnet the kernel takes its others away.
pub fn exchange(interface: &str, old: &[Address], new: &[Address]) -> Vec<Command> {
    let gone = missing(old, new).map(|address| {
        let text = format!("{}/{}", address.ip, address.prefix);
        Command::new(PROGRAM, ["address", "delete", &text, "dev", interface], taking(interface, address)).takes_away()
    });
    // One that's there twice is refused, as any other that's there already.
    let verb = |address| if old.contains(address) { "replace" } else { "add" };
    gone.chain(new.iter().map(|address| give(interface, verb(address), *address))).collect()
}

fn give(interface: &str, verb: &str, address: Address) -> Command {
    let text = format!("{}/{}", address.ip, address.prefix);
    let doing = giving(interface, address);
    let command = match address.ip {
        IpAddr::V4(_) if address.prefix <= 30 => {
            Command::new(PROGRAM, ["address", verb, &text, "broadcast", "+", "dev", interface], doing)
        }
        IpAddr::V4(_) => Command::new(PROGRAM, ["address", verb, &text, "dev", interface], doing),
        // No peer can answer yet: looking for duplicates would only keep the address from being used.
        IpAddr::V6(_) => Command::new(PROGRAM, ["address", verb, &text, "dev", interface, "nodad"], doing),
    };
    command.gives_address()
}
