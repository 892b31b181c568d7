//! What the process asks of the system for itself, for JavaScript.
use napi::bindgen_prelude::{Error, Result};
use napi_derive::napi;

/// What the system refused, in words. Nothing is given up where there's no way to: this is Linux's.
#[napi(catch_unwind)]
pub fn lock_down() -> Vec<String> {
    #[cfg(target_os = "linux")]
    return crate::process::lock_down();
    #[cfg(not(target_os = "linux"))]
    Vec::new()
}

/// Throws if the message can't be sent at once.
#[napi(catch_unwind)]
pub fn send_unix_datagram(socket: String, message: String) -> Result<()> {
    #[cfg(target_os = "linux")]
    return crate::process::send_unix_datagram(&socket, &message)
        .map_err(|error| Error::from_reason(error.to_string()));
    #[cfg(not(target_os = "linux"))]
    Err(Error::from_reason(format!("nobody listens on {socket}, for {message}")))
}
