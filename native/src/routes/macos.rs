//! macOS: route(8), whose exit status says little; it begins what went wrong with its own name.
use std::io;
use std::path::Path;

use super::{Change, Subnet};
use crate::program::{failed, run};

const PROGRAM: &str = "/sbin/route";

/// An error if there's a route to that subnet.
pub fn add(subnet: &Subnet) -> io::Result<()> {
    complaint(&run(Path::new(PROGRAM), &arguments(Change::Add, subnet))?.said).map_or(Ok(()), |why| Err(failed(why)))
}

/// One that isn't there is as good as removed.
pub fn remove(subnet: &Subnet) -> io::Result<()> {
    match complaint(&run(Path::new(PROGRAM), &arguments(Change::Delete, subnet))?.said) {
        Some(why) if !says_absent(why) => Err(failed(why)),
        _ => Ok(()),
    }
}

/// `-n`: nothing is asked of name servers.
pub fn arguments(change: Change, subnet: &Subnet) -> Vec<String> {
    let Subnet { destination, gateway, .. } = subnet;
    let family = if destination.ip.is_ipv4() { "-inet" } else { "-inet6" };
    let mut arguments = vec!["-n".to_owned(), change.verb().into(), family.into(), "-net".into()];
    if destination.ip.is_ipv4() {
        arguments.push(format!("{}/{}", destination.ip, destination.prefix));
    } else {
        arguments.extend(["-prefixlen".into(), destination.prefix.to_string(), destination.ip.to_string()]);
    }
    arguments.push(gateway.to_string());
    arguments
}

/// `route: writing to routing socket: File exists`.
fn complaint(said: &str) -> Option<&str> {
    said.lines().find_map(|line| line.strip_prefix("route: "))
}

fn says_absent(why: &str) -> bool {
    why.ends_with("not in table") || why.ends_with("No such process")
}

#[cfg(test)]
mod tests {
    use super::super::subnet;
    use super::*;

    #[test]
    fn commands_name_the_subnet_and_the_way() {
        for (change, destination, gateway, expected) in [
            (Change::Add, "192.168.7.0/24", "10.10.10.2", "-n add -inet -net 192.168.7.0/24 10.10.10.2"),
            (Change::Delete, "192.168.7.0/24", "10.10.10.2", "-n delete -inet -net 192.168.7.0/24 10.10.10.2"),
            (Change::Add, "fd00:7::/64", "fd00::2", "-n add -inet6 -net -prefixlen 64 fd00:7:: fd00::2"),
            (Change::Delete, "fd00:7::/64", "fd00::2", "-n delete -inet6 -net -prefixlen 64 fd00:7:: fd00::2"),
        ] {
            assert_eq!(arguments(change, &subnet(destination, gateway, "feth0")).join(" "), expected);
        }
    }

    #[test]
    fn what_it_complains_of_is_told_from_what_it_did() {
        let done = "add net 192.168.7.0: gateway 10.10.10.2";
        let exists = format!("route: writing to routing socket: File exists\n{done}: File exists");
        assert_eq!(complaint(done), None);
        assert_eq!(complaint(&exists), Some("writing to routing socket: File exists"));
        assert!(complaint("route: writing to routing socket: not in table\n").is_some_and(says_absent));
        assert!(!complaint(&exists).is_some_and(says_absent));
    }
}
