//! Windows: netsh. What it says is in the system's language; whether it succeeded is in its exit code.
use std::io;

use super::{Change, Subnet};
use crate::program::{failed, of_windows, run};

const PROGRAM: &str = "netsh.exe";

/// An error if there's a route to that subnet by that gateway.
pub fn add(subnet: &Subnet) -> io::Result<()> {
    let ended = run(&of_windows(PROGRAM), &arguments(Change::Add, subnet))?;
    if ended.succeeded { Ok(()) } else { Err(failed(&ended.said)) }
}

/// One that isn't there is as good as removed.
pub fn remove(subnet: &Subnet) -> io::Result<()> {
    let ended = run(&of_windows(PROGRAM), &arguments(Change::Delete, subnet))?;
    if ended.succeeded || !lists(&run(&of_windows(PROGRAM), &listing(subnet))?.said, subnet) {
        return Ok(());
    }
    Err(failed(&ended.said))
}

/// `store=active`: none outlives a restart.
pub fn arguments(change: Change, subnet: &Subnet) -> Vec<String> {
    let Subnet { gateway, interface, metric, .. } = subnet;
    let route = ["interface", family(subnet), change.verb(), "route"].map(str::to_owned);
    let mut arguments = Vec::from(route);
    arguments.push(format!("prefix={}", prefix(subnet)));
    arguments.push(format!("interface={interface}"));
    arguments.push(format!("nexthop={gateway}"));
    if change == Change::Add {
        arguments.push(format!("metric={metric}"));
    }
    arguments.push("store=active".into());
    arguments
}

fn listing(subnet: &Subnet) -> Vec<String> {
    ["interface", family(subnet), "show", "route"].map(str::to_owned).into()
}

/// Whether a listing, whatever its language, has the subnet in one of its columns.
fn lists(listing: &str, subnet: &Subnet) -> bool {
    let prefix = prefix(subnet);
    listing.split_whitespace().any(|column| column == prefix)
}

fn prefix(subnet: &Subnet) -> String {
    format!("{}/{}", subnet.destination.ip, subnet.destination.prefix)
}

fn family(subnet: &Subnet) -> &'static str {
    if subnet.destination.ip.is_ipv4() { "ipv4" } else { "ipv6" }
}

#[cfg(test)]
mod tests {
    use super::super::subnet;
    use super::*;

    #[test]
    fn commands_name_the_subnet_and_the_way() {
        let v4 = subnet("192.168.7.0/24", "10.10.10.2", "p2p net");
        let v6 = subnet("fd00:7::/64", "fd00::2", "p2p0");
        let line = |change, subnet| arguments(change, subnet).join("|");
        assert_eq!(
            line(Change::Add, &v4),
            "interface|ipv4|add|route|prefix=192.168.7.0/24|interface=p2p net|nexthop=10.10.10.2|metric=5000|store=active"
        );
        assert_eq!(
            line(Change::Delete, &v6),
            "interface|ipv6|delete|route|prefix=fd00:7::/64|interface=p2p0|nexthop=fd00::2|store=active"
        );
        assert_eq!(listing(&v6).join(" "), "interface ipv6 show route");
    }

    #[test]
    fn a_listing_is_read_in_any_language() {
        let listing = "Veröff.  Typ      Met  Präfix                    Idx  Gateway/Schnittstelle\n\
                       Nein     Manuell  5000 192.168.7.0/24             12  10.10.10.2\n";
        assert!(lists(listing, &subnet("192.168.7.0/24", "10.10.10.2", "p2p0")));
        assert!(!lists(listing, &subnet("192.168.7.0/25", "10.10.10.2", "p2p0")));
    }
}
