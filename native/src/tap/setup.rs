//! Setting up an interface over rtnetlink.
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::netlink::{Route, index_of};
use super::{Address, TapConfig};
use crate::cut::MAX_DATAGRAM;
use crate::error::{Code, OpenError};
use crate::packet::OVERHEAD;
use crate::udp::batch::MAX_SEGMENTS;

/// Frames that wait for us. Enough for a burst while this process doesn't run; each can be a super-frame, so that more would
/// only be delay when the uplink is slow.
const QUEUE: u32 = 256;
/// Bytes of a super-frame: with Ethernet header and VLAN tags it stays below 65,536.
const MAX_SUPER_FRAME: u32 = 65_000;
/// Ethernet header with a VLAN tag.
const MAX_LINK_HEADER: usize = 18;

/// MAC, MTU, addresses, and up. The interface's index.
pub fn configure(config: &TapConfig) -> Result<u32, OpenError> {
    let name = &config.name;
    let failed = |doing: String, error: &io::Error| OpenError::io(Code::Failed, doing, error);
    let index = index_of(name).map_err(|error| failed(format!("finding the interface {name}"), &error))?;
    let route = Route::open().map_err(|error| failed("opening a netlink socket".into(), &error))?;
    let hardware = vec![
        LinkAttribute::Address(config.mac.to_vec()),
        LinkAttribute::Mtu(config.mtu),
        LinkAttribute::TxQueueLen(QUEUE),
    ];
    let doing = || format!("setting MAC {} and MTU {} of {name}", mac_text(config), config.mtu);
    route.set_link(index, hardware, LinkFlags::empty()).map_err(|error| failed(doing(), &error))?;
    // Refused by kernels before 5.18: a super-frame may then need two sends.
    let _ = route.set_link(index, super_frames(config.mtu), LinkFlags::empty());
    for address in &config.addresses {
        route.add_address(index, *address).map_err(|error| {
            let doing = format!("giving {name} the address {}/{}", address.ip, address.prefix);
            OpenError::new(Code::AddressRefused, format!("{doing}: {error}"))
        })?;
    }
    route
        .set_link(index, Vec::new(), LinkFlags::Up)
        .map_err(|error| failed(format!("bringing the interface {name} up"), &error))?;
    Ok(index)
}

/// Bytes, without the Ethernet header.
pub fn set_mtu(index: u32, mtu: u32) -> io::Result<()> {
    let route = Route::open()?;
    route.set_link(index, vec![LinkAttribute::Mtu(mtu)], LinkFlags::empty())?;
    // As in `configure`.
    let _ = route.set_link(index, super_frames(mtu), LinkFlags::empty());
    Ok(())
}

/// Takes the `old` addresses from an interface, but for those that stay, and gives it the `new` ones. If one of them is refused it has the old ones
/// again.
pub fn replace_addresses(index: u32, old: &[Address], new: &[Address]) -> Result<(), OpenError> {
    let route = Route::open().map_err(|error| OpenError::io(Code::Failed, "opening a netlink socket", &error))?;
    route.exchange(index, old, new).map_err(|(address, error)| {
        let _ = route.exchange(index, new, old);
        let doing = format!("giving the interface the address {}/{}", address.ip, address.prefix);
        OpenError::new(Code::AddressRefused, format!("{doing}: {error}"))
    })
}

/// Bounds super-frames so that the datagrams of one fit one send.
fn super_frames(mtu: u32) -> Vec<LinkAttribute> {
    let datagram = mtu as usize + MAX_LINK_HEADER + OVERHEAD;
    let segments = (MAX_DATAGRAM / datagram).clamp(2, MAX_SEGMENTS);
    vec![LinkAttribute::GsoMaxSegs(segments as u32), LinkAttribute::GsoMaxSize(MAX_SUPER_FRAME)]
}

fn mac_text(config: &TapConfig) -> String {
    config.mac.map(|byte| format!("{byte:02x}")).join(":")
}

impl Route {
    fn set_link(&self, index: u32, attributes: Vec<LinkAttribute>, flags: LinkFlags) -> io::Result<()> {
        let mut link = LinkMessage::default();
        (link.header.index, link.header.flags, link.header.change_mask) = (index, flags, flags);
        link.attributes = attributes;
        self.request(RouteNetlinkMessage::SetLink(link), 0)
    }

    /// Those of `from` that aren't in `to` go, then those of `to` come. Also those that are in both: with the first address of a subnet the kernel
    /// takes the others of it away, unless it's told otherwise (`promote_secondaries`).
    fn exchange(&self, index: u32, from: &[Address], to: &[Address]) -> Result<(), (Address, io::Error)> {
        for address in from.iter().filter(|address| !to.contains(address)) {
            // Somebody may have taken it away already.
            let _ = self.request(RouteNetlinkMessage::DelAddress(address_message(index, *address)), 0);
        }
        to.iter().try_for_each(|address| match self.add_address(index, *address) {
            Err(error) if from.contains(address) && error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
            result => result.map_err(|error| (*address, error)),
        })
    }

    fn add_address(&self, index: u32, address: Address) -> io::Result<()> {
        let message = address_message(index, address);
        self.request(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL)
    }
}

fn address_message(index: u32, address: Address) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = address.prefix;
    message.attributes = vec![AddressAttribute::Local(address.ip), AddressAttribute::Address(address.ip)];
    match address.ip {
        IpAddr::V4(ip) => {
            message.header.family = AddressFamily::Inet;
            message.attributes.extend(broadcast(ip, address.prefix).map(AddressAttribute::Broadcast));
        }
        IpAddr::V6(_) => {
            message.header.family = AddressFamily::Inet6;
            // No peer can answer yet: looking for duplicates would only keep the address from being used.
            message.header.flags = AddressHeaderFlags::Nodad;
        }
    }
    message
}

/// The broadcast address of a subnet that has one.
fn broadcast(ip: Ipv4Addr, prefix: u8) -> Option<Ipv4Addr> {
    (prefix <= 30).then(|| Ipv4Addr::from(u32::from(ip) | u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broadcast_address_is_the_subnets_last() {
        let ip = Ipv4Addr::new(10, 10, 10, 1);
        assert_eq!(broadcast(ip, 24), Some(Ipv4Addr::new(10, 10, 10, 255)));
        assert_eq!(broadcast(ip, 0), Some(Ipv4Addr::BROADCAST));
        assert_eq!(broadcast(ip, 31), None);
    }
}
