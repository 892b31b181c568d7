//! Each program's commands as text, against what stands in `golden/`. Whoever changes them looks at that file.
use std::fmt::Write as _;

use super::{Command, ifconfig, ip, netmask, netsh};
use crate::error::Code;
use crate::tap::Address;

const MAC: [u8; 6] = [0x02, 0x11, 0x22, 0x33, 0x44, 0x55];

fn addresses(texts: &[&str]) -> Vec<Address> {
    texts.iter().map(|text| Address::parse(text).expect("an address")).collect()
}

/// What each program has to do, in the order of a network's life: its name, the addresses before and after.
const LIFE: [(&str, &[&str], &[&str]); 6] = [
    ("IPv4, and the ULA that every member has", &[], &["10.10.10.1/24", "fd12:3456:789a::1/64"]),
    ("no address given so far: the ULA alone", &[], &["fd12:3456:789a::1/64"]),
    ("several", &[], &["10.10.10.1/24", "10.20.0.1/16", "2001:db8::1/64"]),
    ("another address", &["10.10.10.1/24", "fd12:3456:789a::1/64"], &["10.10.10.9/24", "fd12:3456:789a::1/64"]),
    ("another prefix length", &["10.10.10.1/24"], &["10.10.10.1/16"]),
    ("the last IPv4 address goes", &["10.10.10.1/32", "fd12:3456:789a::1/64"], &["fd12:3456:789a::1/64"]),
];

fn text_of(commands: &[Command]) -> String {
    let mut text = String::new();
    for Command { program, arguments, doing, failure } in commands {
        let failure =
            failure.map_or("may fail", |code| if code == Code::AddressRefused { "address" } else { "failed" });
        writeln!(text, "{program} {}   # {doing}; {failure}", arguments.join(" ")).expect("text");
    }
    text
}

/// `exchange` is asked for the first addresses as for a change from none, but where `give_first` does something of its own.
fn life(
    give_first: impl Fn(&[Address]) -> Vec<Command>,
    exchange: impl Fn(&[Address], &[Address]) -> Vec<Command>,
) -> String {
    let mut text = String::new();
    for (what, before, after) in LIFE {
        let (before, after) = (addresses(before), addresses(after));
        let commands = if before.is_empty() { give_first(&after) } else { exchange(&before, &after) };
        write!(text, "\n# {what}\n{}", text_of(&commands)).expect("text");
    }
    text
}

fn compare(name: &str, golden: &str, text: &str) {
    assert!(golden.replace('\r', "") == text, "native/src/tap/commands/golden/{name} should be:\n{text}");
}

#[test]
fn macos_is_asked_by_ifconfig() {
    let name = "feth10000";
    let exchange = |old: &[Address], new: &[Address]| ifconfig::exchange(name, old, new);
    let text = [
        "# MTU, and up\n".into(),
        text_of(&ifconfig::set_mtu(name, "feth26000", 1_360)),
        text_of(&ifconfig::bring_up(name, "feth26000")),
        life(|first| exchange(&[], first), exchange),
        "\n# what a crash has left\n".into(),
        text_of(&[ifconfig::show(name)]),
        text_of(&ifconfig::destroy(name, "feth26000")),
    ];
    compare("ifconfig.txt", include_str!("golden/ifconfig.txt"), &text.concat());
}

#[test]
fn windows_is_asked_by_netsh() {
    let text = [
        "# MTU\n".into(),
        text_of(&netsh::set_mtu(17, 1_360)),
        "\n# an MTU that IPv6 hasn't\n".into(),
        text_of(&netsh::set_mtu(17, 1_000)),
        life(|first| netsh::give_first(17, &MAC, first), |old, new| netsh::exchange(17, &MAC, old, new)),
    ];
    compare("netsh.txt", include_str!("golden/netsh.txt"), &text.concat());
}

#[test]
fn linux_is_asked_by_ip() {
    let exchange = |old: &[Address], new: &[Address]| ip::exchange("p2p0", old, new);
    let text = ["# MTU\n".into(), text_of(&ip::set_mtu("p2p0", 1_360)), life(|first| exchange(&[], first), exchange)];
    compare("ip.txt", include_str!("golden/ip.txt"), &text.concat());
}

#[test]
fn an_adapter_always_has_an_ipv4_address() {
    for mac in [[0; 6], [0xFF; 6], MAC] {
        let commands = netsh::give_first(1, &mac, &[]);
        assert_eq!(commands.len(), 1);
        let ip = commands[0].arguments.iter().find_map(|argument| argument.strip_prefix("address=169.254."));
        let third: u8 = ip.and_then(|ip| ip.split('.').next()?.parse().ok()).expect("a link-local address");
        assert!((1..=254).contains(&third), "{third}");
    }
}

#[test]
fn what_ifconfig_tells_of_a_pair_is_read() {
    let printed = "feth10000: flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> mtu 1360\n\tether 02:11:22:33:44:55\n\
                   \tinet 10.10.10.1 netmask 0xffffff00 broadcast 10.10.10.255\n\tpeer: feth26000\n\tstatus: active\n";
    assert_eq!(ifconfig::parse(printed), ifconfig::Shown { mac: Some(MAC), peer: Some("feth26000".into()) });
    for other in
        ["", "lo0: flags=8049<UP>\n\tinet 127.0.0.1\n", "\tether 02:11:22:33:44\n", "\tether 02:11:22:33:44:555\n"]
    {
        assert_eq!(ifconfig::parse(other), ifconfig::Shown { mac: None, peer: None }, "{other}");
    }
}

#[test]
fn a_netmask_has_as_many_bits_as_the_prefix() {
    for (prefix, mask) in
        [(0, "0.0.0.0"), (1, "128.0.0.0"), (24, "255.255.255.0"), (31, "255.255.255.254"), (32, "255.255.255.255")]
    {
        assert_eq!(netmask(prefix).to_string(), mask);
    }
}

#[cfg(unix)]
mod run {
    use super::*;
    use crate::tap::commands::run_all;
    fn shell(script: &str, failure: Option<Code>) -> Command {
        Command { program: "/bin/sh", arguments: vec!["-c".into(), script.into()], doing: "trying".into(), failure }
    }

    #[test]
    fn what_a_program_says_of_its_failure_is_told() {
        let says = |script: &str| run_all(&[shell(script, Some(Code::AddressRefused))]).expect_err("fails").message;
        assert_eq!(says("echo no such luck >&2; exit 1"), "trying: /bin/sh: no such luck");
        // As netsh does.
        assert_eq!(says("echo no such; echo luck; exit 1"), "trying: /bin/sh: no such luck");
        let missing = Command { program: "/nonexistent/program", ..shell("", Some(Code::Failed)) };
        let error = run_all(&[missing]).expect_err("can't run");
        assert_eq!(error.code, Code::Failed);
        assert!(error.message.starts_with("trying: /nonexistent/program: "), "{}", error.message);
    }

    #[test]
    fn the_first_that_must_not_fail_is_the_last() {
        let folder = std::env::temp_dir().join(format!("p2p-commands-{}", std::process::id()));
        let touch = |name: &str| format!("mkdir -p {0} && touch {0}/{name}", folder.display());
        let commands = [
            shell("exit 1", None),
            shell(&touch("ran"), Some(Code::Failed)),
            shell("exit 1", Some(Code::AddressRefused)),
            shell(&touch("never"), Some(Code::Failed)),
        ];
        assert_eq!(run_all(&commands).expect_err("fails").code, Code::AddressRefused);
        assert!(folder.join("ran").exists() && !folder.join("never").exists());
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
