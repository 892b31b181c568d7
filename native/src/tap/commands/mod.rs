//! What the system's own programs are asked to do with an interface: pure functions, and what runs what comes out of them.
//!
//! One file per program, compiled on every system, so that what it's asked is tested on each. A change of addresses goes step by step; after a step that
//! fails, `exchange` the other way round leaves what was there.
#[cfg(any(test, target_os = "macos"))]
pub mod ifconfig;
#[cfg(any(test, target_os = "linux"))]
pub mod ip;
#[cfg(any(test, windows))]
pub mod netsh;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use super::Address;
use crate::error::{Code, OpenError};
use crate::program::{failed, of_windows, run};

/// A program to run, without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// With its path, but for those of Windows, which are in the system's folder.
    pub program: &'static str,
    pub arguments: Vec<String>,
    /// What it's for, in words that an error begins with.
    pub doing: String,
    /// What its failure means; None: nothing, for what it takes away may be gone already.
    pub failure: Option<Code>,
}

impl Command {
    fn new<const N: usize>(program: &'static str, arguments: [&str; N], doing: String) -> Self {
        let arguments = arguments.map(String::from).to_vec();
        Self { program, arguments, doing, failure: Some(Code::Failed) }
    }

    /// Its failure says that the system refuses the address.
    fn gives_address(self) -> Self {
        Self { failure: Some(Code::AddressRefused), ..self }
    }

    /// It may fail.
    fn takes_away(self) -> Self {
        Self { failure: None, ..self }
    }

    /// What the program prints; an error has what it said.
    pub fn output(&self) -> io::Result<String> {
        let program = if cfg!(windows) { of_windows(self.program) } else { PathBuf::from(self.program) };
        let ended = run(&program, &self.arguments)?;
        if ended.succeeded { Ok(ended.said) } else { Err(failed(&format!("{}: {}", self.program, ended.said))) }
    }
}

/// Runs them until one fails that mustn't.
pub fn run_all(commands: &[Command]) -> Result<(), OpenError> {
    commands.iter().try_for_each(|command| match (command.output(), command.failure) {
        (Err(error), Some(code)) => Err(OpenError::io(code, &command.doing, &error)),
        _ => Ok(()),
    })
}

fn giving(interface: &str, address: Address) -> String {
    format!("giving {interface} the address {}/{}", address.ip, address.prefix)
}

fn taking(interface: &str, address: Address) -> String {
    format!("taking the address {} from {interface}", address.ip)
}

fn setting_mtu(interface: &str, mtu: u32) -> String {
    format!("setting the MTU of {interface} to {mtu}")
}

/// `255.255.255.0` for 24; programs that take no prefix length.
#[cfg(any(test, target_os = "macos", windows))]
fn netmask(prefix: u8) -> std::net::Ipv4Addr {
    std::net::Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0))
}

/// Those of `from` that aren't in `to`.
fn missing<'a>(from: &'a [Address], to: &'a [Address]) -> impl Iterator<Item = Address> + 'a {
    from.iter().copied().filter(|address| !to.contains(address))
}
