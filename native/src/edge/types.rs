//! What crosses the border, in the shapes that `src/device/device.ts` gives it.
use napi::bindgen_prelude::{Either, Null, Uint8Array};
use napi_derive::napi;

#[napi(object, object_to_js = false)]
pub struct NativeConfig {
    pub name: String,
    pub mac: Uint8Array,
    pub mtu: u32,
    pub addresses: Vec<String>,
    pub port: u16,
    pub fwmark: u32,
    pub mss_clamp: bool,
    pub bridge: bool,
    pub network_admission_key: Uint8Array,
    pub own_admission_key: Uint8Array,
    pub cookie_key: Uint8Array,
    pub tap_offload: bool,
    pub udp_gso: bool,
    pub udp_gro: bool,
    pub threads: u32,
}

#[napi(object, object_to_js = false)]
pub struct NativeKeys {
    pub peer: u32,
    pub local_index: u32,
    pub remote_index: u32,
    pub seal_key: Uint8Array,
    pub open_key: Uint8Array,
    #[napi(ts_type = "'seal-now' | 'seal-when-heard'")]
    pub r#use: String,
    pub lifetime: f64,
}

#[napi(object, object_to_js = false)]
pub struct NativeProxy {
    pub endpoint: String,
    pub authorization: Either<String, Null>,
}

#[napi(discriminant = "kind", discriminant_case = "kebab-case", object_to_js = false)]
pub enum NativeCommand {
    SetPeer { peer: u32, macs: Vec<Uint8Array>, addresses: Vec<String>, offload: bool, bridge: bool },
    DropPeer { peer: u32 },
    InstallSession { keys: NativeKeys },
    DropSession { local_index: u32 },
    SetEndpoint { peer: u32, endpoint: Either<String, Null>, max_datagram: u32 },
    SendControl { peer: u32, messages: Uint8Array, to: Either<String, Null> },
    SendDatagram { to: String, datagram: Uint8Array },
    SendCookie { to: String, receiver_index: u32, answered: Uint8Array },
    OpenRelay { relay: String, transport: String, proxy: Either<NativeProxy, Null> },
    SetRelayLogin { relay: String, transport: String, own_index: u32, relay_index: u32 },
    CloseRelay { relay: String, transport: String },
    SendRelay { relay: String, transport: String, datagram: Uint8Array },
    SetForwardOnly { on: bool },
    ProbeAddress { ip: String },
    AnnounceAddress { ip: String },
    SetMtu { mtu: u32 },
    SetHelp { help: String, on: bool },
}

#[napi(discriminant = "kind", discriminant_case = "kebab-case", object_from_js = false)]
pub enum NativeEvent {
    Datagram { at: f64, from: String, datagram: Uint8Array, proven: bool },
    Control { at: f64, peer: u32, local_index: u32, from: String, messages: Uint8Array },
    SessionHeard { at: f64, peer: u32, local_index: u32, from: String },
    SessionWorn { at: f64, peer: u32, local_index: u32 },
    SessionGone { at: f64, peer: u32, local_index: u32 },
    Strayed { at: f64, peer: u32, from: String },
    Silent { at: f64, peer: u32 },
    Unreachable { at: f64, to: String, error: String },
    TooLarge { at: f64, to: String, bytes: u32 },
    Bulk { at: f64, peer: u32 },
    AddressInUse { at: f64, ip: String, mac: Uint8Array, asks: bool },
    Unmarked { at: f64, error: String },
    Fallback { at: f64, help: String, error: String },
    RelayOpen { at: f64, relay: String, transport: String },
    RelayClosed { at: f64, relay: String, transport: String, error: String },
    RelayDatagram { at: f64, relay: String, transport: String, datagram: Uint8Array },
    DeviceGone { at: f64, error: String },
}

#[napi(object, object_from_js = false)]
pub struct NativePeerCounters {
    pub peer: u32,
    pub frames_in: f64,
    pub bytes_in: f64,
    pub frames_out: f64,
    pub bytes_out: f64,
    pub heard_at: Option<f64>,
}

#[napi(object, object_from_js = false)]
pub struct NativeDrop {
    pub reason: String,
    pub times: f64,
}

#[napi(object, object_to_js = false)]
pub struct NativeMappingRequest {
    #[napi(ts_type = "'pcp' | 'nat-pmp' | 'upnp'")]
    pub protocol: String,
    pub gateway: String,
    pub client: String,
    pub internal_port: u16,
    pub external_port: u16,
    pub lifetime_seconds: u32,
    pub nonce: Uint8Array,
}

/// `reason` and `error` if it failed; the rest if a port was mapped.
#[napi(object, object_from_js = false)]
pub struct NativeMappingAnswer {
    pub reason: Option<String>,
    pub error: Option<String>,
    pub external: Option<String>,
    pub lifetime_seconds: Option<u32>,
}

#[napi(object, object_to_js = false)]
pub struct NativeRoute {
    pub subnet: String,
    pub gateway: String,
    pub device: String,
    pub metric: u32,
}
