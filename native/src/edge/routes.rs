//! Routes to subnets behind members, for JavaScript.
use napi::bindgen_prelude::{Error, Result};
use napi_derive::napi;

use super::convert::invalid;
use super::types::NativeRoute;
use crate::routes::{self, Subnet};
use crate::tap::Address;

/// Throws with the system's reason.
#[napi(catch_unwind)]
pub fn add_route(route: NativeRoute) -> Result<()> {
    routes::add(&subnet_of(route)?).map_err(|error| Error::from_reason(error.to_string()))
}

/// As `add_route`; one that isn't there is as good as removed.
#[napi(catch_unwind)]
pub fn remove_route(route: NativeRoute) -> Result<()> {
    routes::remove(&subnet_of(route)?).map_err(|error| Error::from_reason(error.to_string()))
}

fn subnet_of(route: NativeRoute) -> Result<Subnet> {
    let expected = || invalid(format!("expected a subnet such as 192.0.2.0/24, got {:?}", route.subnet));
    let destination = Address::parse(&route.subnet).ok_or_else(expected)?;
    let gateway =
        route.gateway.parse().map_err(|_| invalid(format!("expected an IP address, got {:?}", route.gateway)))?;
    Ok(Subnet { destination, gateway, interface: route.device, metric: route.metric })
}
