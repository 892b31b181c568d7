//! What the process asks of the system for itself, for JavaScript.
use napi::bindgen_prelude::{Error, Result};
use napi_derive::napi;

/// What the system refused, in words.
#[napi(catch_unwind)]
pub fn lock_down() -> Vec<String> {
    crate::process::lock_down()
}

/// Throws if the message can't be sent at once.
#[napi(catch_unwind)]
pub fn send_unix_datagram(socket: String, message: String) -> Result<()> {
    crate::process::send_unix_datagram(&socket, &message).map_err(|error| Error::from_reason(error.to_string()))
}
