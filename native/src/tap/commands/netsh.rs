//! Windows: `netsh`. Interfaces are named by their index there, which is a number whatever the adapter is called.
use std::net::{IpAddr, Ipv4Addr};

use super::{Command, giving, missing, netmask, setting_mtu, taking};
use crate::packet::Mac;
use crate::tap::Address;

const PROGRAM: &str = "netsh.exe";
/// Below it IPv6 has no MTU (RFC 8200 section 5): Windows refuses it.
const LEAST_IPV6_MTU: u32 = 1_280;

/// MTU in bytes, without the Ethernet header. It isn't kept: the adapter isn't, either.
pub fn set_mtu(index: u32, mtu: u32) -> Vec<Command> {
    let set = |family| {
        let (interface, mtu_text) = (format!("interface={index}"), format!("mtu={mtu}"));
        let arguments = ["interface", family, "set", "subinterface", &interface, &mtu_text, "store=active"];
        Command::new(PROGRAM, arguments, setting_mtu(&named(index), mtu))
    };
    let families = if mtu < LEAST_IPV6_MTU { &["ipv4"][..] } else { &["ipv4", "ipv6"] };
    families.iter().map(|family| set(family)).collect()
}

/// The first addresses of a new adapter.
pub fn give_first(index: u32, mac: &Mac, addresses: &[Address]) -> Vec<Command> {
    let all = with_placeholder(mac, addresses);
    let mut commands = exchange_all(index, &[], &all);
    // Not `add`: this one has the adapter stop asking for an address by DHCP.
    if let Some((place, first)) = all.iter().enumerate().find(|(_, address)| address.ip.is_ipv4()) {
        commands[place] = set_static(index, *first);
    }
    commands
}

/// Takes the `old` addresses away and gives the `new` ones.
pub fn exchange(index: u32, mac: &Mac, old: &[Address], new: &[Address]) -> Vec<Command> {
    exchange_all(index, &with_placeholder(mac, old), &with_placeholder(mac, new))
}

/// An adapter without an IPv4 address asks whoever answers for one by DHCP, and so a member could become our router. One that nobody routes (RFC 3927),
/// from the MAC, stands there until there's another.
fn with_placeholder(mac: &Mac, addresses: &[Address]) -> Vec<Address> {
    let mut all = addresses.to_vec();
    if !all.iter().any(|address| address.ip.is_ipv4()) {
        // The first and last 256 of the subnet are reserved (section 2.1).
        let third = mac[4].clamp(1, 254);
        all.insert(0, Address { ip: Ipv4Addr::new(169, 254, third, mac[5]).into(), prefix: 16 });
    }
    all
}

/// The new ones first, so that the adapter is never without, but for those whose prefix length changes: it has an address once.
fn exchange_all(index: u32, old: &[Address], new: &[Address]) -> Vec<Command> {
    let has = |list: &[Address], ip: IpAddr| list.iter().any(|address| address.ip == ip);
    let (before, after): (Vec<_>, Vec<_>) = missing(old, new).partition(|address| has(new, address.ip));
    let taken = before.into_iter().map(|address| take(index, address));
    let given = missing(new, old).map(|address| give(index, address));
    taken.chain(given).chain(after.into_iter().map(|address| take(index, address))).collect()
}

fn set_static(index: u32, address: Address) -> Command {
    let (name, ip) = (format!("name={index}"), format!("address={}", address.ip));
    let mask = format!("mask={}", netmask(address.prefix));
    let arguments = ["interface", "ipv4", "set", "address", &name, "source=static", &ip, &mask];
    Command::new(PROGRAM, arguments, giving(&named(index), address)).gives_address()
}

fn give(index: u32, address: Address) -> Command {
    let doing = giving(&named(index), address);
    let command = match address.ip {
        IpAddr::V4(ip) => {
            let (name, ip) = (format!("name={index}"), format!("address={ip}"));
            let mask = format!("mask={}", netmask(address.prefix));
            Command::new(PROGRAM, ["interface", "ipv4", "add", "address", &name, &ip, &mask], doing)
        }
        IpAddr::V6(ip) => {
            let (interface, ip) = (format!("interface={index}"), format!("address={ip}/{}", address.prefix));
            Command::new(PROGRAM, ["interface", "ipv6", "add", "address", &interface, &ip], doing)
        }
    };
    command.gives_address()
}

fn take(index: u32, address: Address) -> Command {
    let ip = format!("address={}", address.ip);
    let (family, interface) = match address.ip {
        IpAddr::V4(_) => ("ipv4", format!("name={index}")),
        IpAddr::V6(_) => ("ipv6", format!("interface={index}")),
    };
    let arguments = ["interface", family, "delete", "address", &interface, &ip];
    Command::new(PROGRAM, arguments, taking(&named(index), address)).takes_away()
}

fn named(index: u32) -> String {
    format!("interface {index}")
}
