//! Datagrams over TLS 1.3, for networks that let nothing but web traffic out. TLS is a disguise here and no more: what's inside
//! is sealed, and the login inside proves who the relay is.
pub mod backlog;
#[cfg(target_os = "linux")]
mod connect;
pub mod deframe;
#[cfg(target_os = "linux")]
pub mod link;
pub mod proxy;
#[cfg(target_os = "linux")]
mod readiness;
#[cfg(target_os = "linux")]
pub mod server;
pub mod settings;
#[cfg(target_os = "linux")]
mod stream;

#[cfg(all(test, target_os = "linux"))]
mod tests;
