//! Requests to the router, to and from JavaScript.
use std::net::Ipv4Addr;
use std::num::NonZeroU16;

use napi::Status;
use napi::bindgen_prelude::{Error, Result};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use super::convert::invalid;
use super::types::{NativeMappingAnswer, NativeMappingRequest};
use crate::mapping::{self, Failure, Mapping, Protocol, Request};

/// Called once with the answer. Weak: a router that doesn't answer keeps no process alive.
type Done = ThreadsafeFunction<NativeMappingAnswer, (), NativeMappingAnswer, Status, false, true, 2>;

/// Throws for a request that makes no sense, and where no thread can be had.
#[napi(catch_unwind)]
pub fn map_port(request: NativeMappingRequest, done: Done) -> Result<()> {
    let answer = move |result| answer(&done, mapped(result));
    mapping::map(request_of(&request)?, answer).map_err(|error| Error::from_reason(error.to_string()))
}

/// As `map_port`, to give a mapping back.
#[napi(catch_unwind)]
pub fn release_port(request: NativeMappingRequest, done: Done) -> Result<()> {
    let answer =
        move |result: std::result::Result<(), Failure>| answer(&done, result.map_or_else(failed, |()| NOTHING));
    mapping::release(request_of(&request)?, answer).map_err(|error| Error::from_reason(error.to_string()))
}

const NOTHING: NativeMappingAnswer =
    NativeMappingAnswer { reason: None, error: None, external: None, lifetime_seconds: None };

fn answer(done: &Done, answer: NativeMappingAnswer) {
    done.call(answer, ThreadsafeFunctionCallMode::NonBlocking);
}

fn mapped(result: std::result::Result<Mapping, Failure>) -> NativeMappingAnswer {
    result.map_or_else(failed, |mapping| NativeMappingAnswer {
        external: Some(mapping.external.to_string()),
        lifetime_seconds: Some(mapping.lifetime_seconds),
        ..NOTHING
    })
}

fn failed(failure: Failure) -> NativeMappingAnswer {
    NativeMappingAnswer { reason: Some(failure.reason.name().into()), error: Some(failure.error), ..NOTHING }
}

fn request_of(request: &NativeMappingRequest) -> Result<Request> {
    Ok(Request {
        protocol: protocol_of(&request.protocol)?,
        gateway: ipv4_of(&request.gateway)?,
        client: ipv4_of(&request.client)?,
        internal_port: port_of(request.internal_port)?,
        external_port: port_of(request.external_port)?,
        lifetime_seconds: request.lifetime_seconds,
        nonce: nonce_of(&request.nonce)?,
    })
}

fn protocol_of(text: &str) -> Result<Protocol> {
    match text {
        "pcp" => Ok(Protocol::Pcp),
        "nat-pmp" => Ok(Protocol::NatPmp),
        "upnp" => Ok(Protocol::Upnp),
        _ => Err(invalid(format!("expected pcp, nat-pmp or upnp, got {text}"))),
    }
}

fn ipv4_of(text: &str) -> Result<Ipv4Addr> {
    text.parse().map_err(|_| invalid(format!("expected an IPv4 address, got {text}")))
}

fn port_of(port: u16) -> Result<NonZeroU16> {
    NonZeroU16::new(port).ok_or_else(|| invalid("expected a port from 1 to 65535, got 0".into()))
}

fn nonce_of(bytes: &[u8]) -> Result<[u32; 3]> {
    let nonce: &[u8; 12] =
        bytes.try_into().map_err(|_| invalid(format!("expected a nonce of 12 bytes, got {}", bytes.len())))?;
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *nonce;
    Ok([u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]), u32::from_be_bytes([i, j, k, l])])
}
