//! The data plane of p2p.
pub mod admission;
pub mod clock;
pub mod control;
pub mod counters;
pub mod cut;
pub mod edge;
pub mod engine;
pub mod errno;
pub mod error;
pub mod events;
pub mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod mapping;
pub mod open;
pub mod packet;
pub mod poll;
pub mod process;
mod program;
pub mod rejoin;
pub mod relay;
pub mod replay;
pub mod routes;
pub mod seal;
pub mod sockopt;
pub mod switch;
pub mod tap;
pub mod tls;
pub mod udp;
pub mod watch;
pub mod way;
#[cfg(windows)]
pub mod windows;
#[cfg(test)]
mod wycheproof;
