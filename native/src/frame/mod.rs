//! What is known of a frame's inside: the headers up to L4, the addresses that it claims, checksums, congestion marks, and super-frames.
pub mod addresses;
pub mod arp;
pub mod assemble;
pub mod checksum;
pub mod congestion;
pub mod headers;
pub mod layout;
pub mod mss;
pub mod offload;
pub mod run;
#[cfg(any(test, fuzzing))]
pub mod sample;
