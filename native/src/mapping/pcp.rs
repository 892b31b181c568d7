//! PCP and NAT-PMP, by crab_nat: its sockets are connected to the gateway, so the system drops what others send.
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crab_nat::natpmp::{self, Failure as NatPmpFailure};
use crab_nat::pcp::{self, BaseMapRequest, DropMappingRange, Failure as PcpFailure};
use crab_nat::{GatewayAddress, InternetProtocol, PortMappingOptions, PortMappingType, TimeoutConfig};

use super::{Failure, Mapping, Reason, Request};

/// A router answers in milliseconds; what's lost is repeated after a quarter, a half, one second. Together 3.75 s.
const TIMEOUTS: TimeoutConfig =
    TimeoutConfig { initial_timeout: Duration::from_millis(250), max_retries: 3, max_retry_timeout: None };

pub async fn map(request: &Request) -> Result<Mapping, Failure> {
    let base =
        BaseMapRequest::new(gateway(request), IpAddr::V4(request.client), InternetProtocol::Udp, request.internal_port);
    let mapping = pcp::port_mapping(base, Some(request.nonce), None, options(request)).await.map_err(pcp_failure)?;
    let PortMappingType::Pcp { external_ip: IpAddr::V4(ip), .. } = mapping.mapping_type() else {
        return Err(Failure::new(Reason::Failed, "the router mapped to no IPv4 address"));
    };
    Ok(Mapping { external: SocketAddrV4::new(ip, mapping.external_port().get()), lifetime_seconds: mapping.lifetime() })
}

pub async fn release(request: &Request) -> Result<(), Failure> {
    let range = DropMappingRange::Single { internal_port: request.internal_port, protocol: InternetProtocol::Udp };
    let client = IpAddr::V4(request.client);
    pcp::try_drop_mapping(gateway(request), client, request.nonce, range, Some(TIMEOUTS)).await.map_err(pcp_failure)
}

pub async fn map_nat_pmp(request: &Request) -> Result<Mapping, Failure> {
    let to = gateway(request);
    let mapping = natpmp::port_mapping(to, InternetProtocol::Udp, request.internal_port, options(request)).await;
    let mapping = mapping.map_err(nat_pmp_failure)?;
    let ip: Ipv4Addr = natpmp::external_address(to, Some(TIMEOUTS)).await.map_err(nat_pmp_failure)?;
    Ok(Mapping { external: SocketAddrV4::new(ip, mapping.external_port().get()), lifetime_seconds: mapping.lifetime() })
}

pub async fn release_nat_pmp(request: &Request) -> Result<(), Failure> {
    let port = Some(request.internal_port);
    natpmp::try_drop_mapping(gateway(request), InternetProtocol::Udp, port, Some(TIMEOUTS))
        .await
        .map_err(nat_pmp_failure)
}

fn gateway(request: &Request) -> GatewayAddress {
    GatewayAddress::IpV4(request.gateway)
}

fn options(request: &Request) -> PortMappingOptions {
    PortMappingOptions {
        external_port: Some(request.external_port),
        lifetime_seconds: Some(request.lifetime_seconds),
        timeout_config: Some(TIMEOUTS),
    }
}

fn pcp_failure(failure: PcpFailure) -> Failure {
    match failure {
        PcpFailure::Timeout => Failure::no_answer(),
        PcpFailure::Socket(error) => Failure::io(&error),
        PcpFailure::InvalidResponse(_) | PcpFailure::Nonce => Failure::new(Reason::Failed, failure),
        PcpFailure::UnsupportedVersion(_) => Failure::new(Reason::Refused, "the router doesn't speak it"),
        _ => Failure::new(Reason::Refused, said(&failure.to_string())),
    }
}

fn nat_pmp_failure(failure: NatPmpFailure) -> Failure {
    match failure {
        NatPmpFailure::Timeout => Failure::no_answer(),
        NatPmpFailure::Socket(error) => Failure::io(&error),
        NatPmpFailure::InvalidResponse(_) => Failure::new(Reason::Failed, failure),
        NatPmpFailure::UnsupportedVersion(_) => Failure::new(Reason::Refused, "the router doesn't speak it"),
        _ => Failure::new(Reason::Refused, said(&failure.to_string())),
    }
}

/// The library's words for a result code, as part of a sentence of ours.
fn said(text: &str) -> String {
    let code = text.strip_prefix("Server responded with code: ").unwrap_or(text);
    format!("the router says: {}", code.to_lowercase())
}
