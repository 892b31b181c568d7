//! The data plane of p2p.
pub mod admission;
pub mod clock;
pub mod control;
pub mod counters;
pub mod cut;
pub mod open;
pub mod packet;
pub mod rejoin;
pub mod replay;
pub mod seal;
pub mod switch;
