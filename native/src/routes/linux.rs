//! Linux: the kernel's main table, by rtnetlink.
use std::io;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::Subnet;
use crate::tap::netlink::{Route, index_of};

/// Tells ours from those of others in `ip route` (`proto 112`); no registered number (rtnetlink(7), /etc/iproute2/rt_protos).
const PROTOCOL: u8 = 112;

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

#[cfg(test)]
mod tests {
    use super::super::subnet;
    use super::*;

    #[test]
    fn a_route_names_its_subnet_and_its_way() {
        for (destination, gateway, family) in
            [("192.168.7.0/24", "10.10.10.2", AddressFamily::Inet), ("fd00:7::/64", "fd00::2", AddressFamily::Inet6)]
        {
            let subnet = subnet(destination, gateway, "lo");
            let message = message(&subnet).expect("every system has a loopback");
            assert_eq!(message.header.address_family, family);
            assert_eq!(message.header.destination_prefix_length, subnet.destination.prefix);
            for attribute in [
                RouteAttribute::Destination(subnet.destination.ip.into()),
                RouteAttribute::Gateway(subnet.gateway.into()),
                RouteAttribute::Priority(5_000),
            ] {
                assert!(message.attributes.contains(&attribute), "{attribute:?}");
            }
        }
    }

    #[test]
    fn an_interface_that_is_not_there_is_an_error() {
        assert!(message(&subnet("192.168.7.0/24", "10.10.10.2", "nowhere0")).is_err());
    }
}
