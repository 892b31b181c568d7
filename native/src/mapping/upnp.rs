//! UPnP Internet Gateway Device, by igd-next. It's searched for at the gateway alone, not by multicast: what isn't our router has no say.
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use igd_next::aio::Gateway;
use igd_next::aio::tokio::{Tokio, search_gateway};
use igd_next::{
    AddAnyPortError, AddPortError, GetExternalIpError, PortMappingProtocol, RemovePortError, RequestError, SearchError,
    SearchOptions,
};

use super::{Failure, Mapping, Reason, Request};

/// UPnP Device Architecture: where an M-SEARCH goes.
const SEARCH_PORT: u16 = 1900;
const SEARCH: Duration = Duration::from_secs(2);
/// What the router's list of mappings shows to whoever looks: no name, nothing of the network.
const DESCRIPTION: &str = "p2p";

pub async fn map(request: &Request) -> Result<Mapping, Failure> {
    let gateway = find(request).await?;
    let IpAddr::V4(ip) = gateway.get_external_ip().await.map_err(address_failure)? else {
        return Err(Failure::new(Reason::Failed, "the router has no external IPv4 address"));
    };
    let local = SocketAddr::V4(SocketAddrV4::new(request.client, request.internal_port.get()));
    let (udp, lifetime) = (PortMappingProtocol::UDP, request.lifetime_seconds);
    let port = request.external_port.get();
    let port = match gateway.add_port(udp, port, local, lifetime, DESCRIPTION).await {
        Ok(()) => port,
        Err(AddPortError::PortInUse) => {
            gateway.add_any_port(udp, local, lifetime, DESCRIPTION).await.map_err(any_port_failure)?
        }
        Err(error) => return Err(port_failure(error)),
    };
    Ok(Mapping { external: SocketAddrV4::new(ip, port), lifetime_seconds: lifetime })
}

pub async fn release(request: &Request) -> Result<(), Failure> {
    let gateway = find(request).await?;
    match gateway.remove_port(PortMappingProtocol::UDP, request.external_port.get()).await {
        Ok(()) | Err(RemovePortError::NoSuchPortMapping) => Ok(()),
        Err(RemovePortError::RequestError(error)) => Err(request_failure(error)),
        Err(error) => Err(Failure::new(Reason::Refused, error)),
    }
}

async fn find(request: &Request) -> Result<Gateway<Tokio>, Failure> {
    let mut options = SearchOptions::default();
    options.bind_addr = SocketAddr::V4(SocketAddrV4::new(request.client, 0));
    options.broadcast_address = SocketAddr::V4(SocketAddrV4::new(request.gateway, SEARCH_PORT));
    options.timeout = Some(SEARCH);
    options.single_search_timeout = Some(SEARCH);
    let gateway = search_gateway(options).await.map_err(search_failure)?;
    // The library has seen to it that who answered, its description and its control are one address.
    if gateway.addr.ip() != IpAddr::V4(request.gateway) {
        return Err(Failure::new(Reason::Failed, format!("{} answered in place of the router", gateway.addr.ip())));
    }
    Ok(gateway)
}

fn search_failure(error: SearchError) -> Failure {
    match error {
        SearchError::NoResponseWithinTimeout => Failure::no_answer(),
        SearchError::IoError(error) => Failure::io(&error),
        error => Failure::new(Reason::Failed, error),
    }
}

fn address_failure(error: GetExternalIpError) -> Failure {
    match error {
        GetExternalIpError::RequestError(RequestError::InvalidResponse(_)) => {
            Failure::new(Reason::Failed, "the router tells no address of its own")
        }
        GetExternalIpError::RequestError(error) => request_failure(error),
        error => Failure::new(Reason::Refused, error),
    }
}

fn port_failure(error: AddPortError) -> Failure {
    match error {
        AddPortError::RequestError(error) => request_failure(error),
        AddPortError::OnlyPermanentLeasesSupported => permanent_only(),
        error => Failure::new(Reason::Refused, error),
    }
}

fn any_port_failure(error: AddAnyPortError) -> Failure {
    match error {
        AddAnyPortError::RequestError(error) => request_failure(error),
        AddAnyPortError::OnlyPermanentLeasesSupported => permanent_only(),
        error => Failure::new(Reason::Refused, error),
    }
}

/// A mapping without an end would outlive us if we were killed.
fn permanent_only() -> Failure {
    Failure::new(Reason::Refused, "the router gives only mappings that never end")
}

fn request_failure(error: RequestError) -> Failure {
    match error {
        RequestError::ErrorCode(code, text) => {
            Failure::new(Reason::Refused, format!("the router says: error {code}, {text}"))
        }
        RequestError::IoError(error) => Failure::io(&error),
        RequestError::InvalidResponse(_) => Failure::no_sense(),
        error => Failure::new(Reason::Failed, error),
    }
}
