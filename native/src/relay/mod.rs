//! The data plane of a relay: who is logged in, what is forwarded to whom, and what a stranger may ask for.
pub mod envelope;
