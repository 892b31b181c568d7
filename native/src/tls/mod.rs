//! Datagrams over TLS 1.3, for networks that let nothing but web traffic out. TLS is a disguise here and no more: what's inside
//! is sealed, and the login inside proves who the relay is.
pub mod backlog;
mod connect;
pub mod deframe;
pub mod link;
pub mod proxy;
pub mod server;
pub mod settings;
mod stream;

#[cfg(test)]
mod tests;
