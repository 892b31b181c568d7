//! What only Windows has: access lists as text, and services.
mod access;
mod names;
pub mod service;

pub use access::{access_of, own_sid, set_access, set_pipe_access, sid_of};
