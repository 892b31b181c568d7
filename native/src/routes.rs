//! Routes to subnets behind members, in the kernel's main table (rtnetlink). They go with the interface that they lead through.
use std::io;
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::tap::Address;
use crate::tap::netlink::{Route, index_of};

/// Tells ours from those of others in `ip route` (`proto 112`); no registered number (rtnetlink(7), /etc/iproute2/rt_protos).
const PROTOCOL: u8 = 112;

/// A subnet, and the way to it.
pub struct Subnet {
    /// Its network address.
    pub destination: Address,
    /// On the interface's link, of the same family.
    pub gateway: IpAddr,
    pub interface: String,
    /// The greater, the later it's taken.
    pub metric: u32,
}

/// `AlreadyExists` if there's a route to that subnet with that metric.
pub fn add(subnet: &Subnet) -> io::Result<()> {
    Route::open()?.request(RouteNetlinkMessage::NewRoute(message(subnet)?), NLM_F_CREATE | NLM_F_EXCL)
}

/// One that isn't there is as good as removed.
pub fn remove(subnet: &Subnet) -> io::Result<()> {
    match Route::open()?.request(RouteNetlinkMessage::DelRoute(message(subnet)?), 0) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        result => result,
    }
}

fn message(subnet: &Subnet) -> io::Result<RouteMessage> {
    let Subnet { destination, gateway, interface, metric } = subnet;
    let mut message = RouteMessage::default();
    message.header.address_family = if destination.ip.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    message.header.destination_prefix_length = destination.prefix;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Other(PROTOCOL);
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    message.attributes = vec![
        RouteAttribute::Destination(destination.ip.into()),
        RouteAttribute::Gateway((*gateway).into()),
        RouteAttribute::Oif(index_of(interface)?),
        RouteAttribute::Priority(*metric),
    ];
    Ok(message)
}
