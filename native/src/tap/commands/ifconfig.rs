//! macOS: `ifconfig`. Its `feth` interfaces come in pairs (XNU, bsd/net/if_fake.c): what goes into one comes out of the other. The system has one, we
//! read and write the other.
use std::net::IpAddr;

use super::{Command, giving, missing, netmask, setting_mtu, taking};
use crate::packet::Mac;
use crate::tap::Address;

const PROGRAM: &str = "/sbin/ifconfig";

/// Both halves: the system's, and ours, which carries what the other takes.
pub fn bring_up(interface: &str, ours: &str) -> Vec<Command> {
    [ours, interface].map(|half| Command::new(PROGRAM, [half, "up"], format!("bringing {half} up"))).to_vec()
}

/// MTU in bytes, without the Ethernet header; of both halves.
pub fn set_mtu(interface: &str, ours: &str, mtu: u32) -> Vec<Command> {
    let set = |half| Command::new(PROGRAM, [half, "mtu", &mtu.to_string()], setting_mtu(half, mtu));
    [ours, interface].map(set).to_vec()
}

/// Takes the `old` addresses away and gives the `new` ones. Also those that are in both, which does nothing but bring back the subnet's route if it went with
/// another address.
pub fn exchange(interface: &str, old: &[Address], new: &[Address]) -> Vec<Command> {
    let gone = missing(old, new).map(|address| take(interface, address));
    gone.chain(new.iter().map(|&address| give(interface, address))).collect()
}

fn take(interface: &str, address: Address) -> Command {
    let family = family_of(address);
    let text = address.ip.to_string();
    Command::new(PROGRAM, [interface, family, &text, "-alias"], taking(interface, address)).takes_away()
}

fn give(interface: &str, address: Address) -> Command {
    let (family, text) = (family_of(address), address.ip.to_string());
    let (word, length) = match address.ip {
        IpAddr::V4(_) => ("netmask", netmask(address.prefix).to_string()),
        IpAddr::V6(_) => ("prefixlen", address.prefix.to_string()),
    };
    let arguments = [interface, family, &text, word, &length, "alias"];
    Command::new(PROGRAM, arguments, giving(interface, address)).gives_address()
}

fn family_of(address: Address) -> &'static str {
    if address.ip.is_ipv4() { "inet" } else { "inet6" }
}

/// Tells of one interface; fails if there's none of that name.
pub fn show(interface: &str) -> Command {
    Command::new(PROGRAM, [interface], format!("looking at {interface}"))
}

/// Removes both halves, of which one may be gone already.
pub fn destroy(interface: &str, ours: &str) -> Vec<Command> {
    let destroy = |half| Command::new(PROGRAM, [half, "destroy"], format!("removing {half}")).takes_away();
    [interface, ours].map(destroy).to_vec()
}

/// What `show` tells of a feth interface.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    pub mac: Option<Mac>,
    /// The other half.
    pub peer: Option<String>,
}

/// Reads what `show` prints.
pub fn parse(printed: &str) -> Shown {
    let field = |name: &str| printed.lines().find_map(|line| line.trim_start().strip_prefix(name)).map(str::trim);
    Shown { mac: field("ether ").and_then(mac_of), peer: field("peer: ").map(String::from) }
}

fn mac_of(text: &str) -> Option<Mac> {
    let bytes = text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<Vec<_>, _>>().ok()?;
    bytes.try_into().ok()
}
