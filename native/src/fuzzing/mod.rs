//! What the fuzzers call: one function per parser of bytes from outside, each with what must hold of it, whatever comes.
//! Compiled for fuzzers (`--cfg fuzzing`, which cargo-fuzz sets) and for tests, which play the kept inputs; never part of
//! the addon. Inside the crate, so that nothing has to be public only to be tried.
mod datagrams;
mod frames;
mod input;
mod logins;
mod pieces;
mod relays;
mod sessions;
mod text;

pub use datagrams::{admission, control, packet};
pub use frames::{claims, congestion, headers, mss, superframe, switch, vnet};
pub use logins::door;
pub use pieces::{assemble, rejoin};
pub use relays::{deframe, envelope, exchange, proxy};
pub use sessions::{replay, transport};
pub use text::names;

/// Takes what a fuzzer made up; panics if something doesn't hold.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder under `native/fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("admission", admission),
    ("assemble", assemble),
    ("claims", claims),
    ("congestion", congestion),
    ("control", control),
    ("deframe", deframe),
    ("door", door),
    ("envelope", envelope),
    ("exchange", exchange),
    ("headers", headers),
    ("mss", mss),
    ("names", names),
    ("packet", packet),
    ("proxy", proxy),
    ("rejoin", rejoin),
    ("replay", replay),
    ("superframe", superframe),
    ("switch", switch),
    ("transport", transport),
    ("vnet", vnet),
];

#[cfg(test)]
mod tests;
