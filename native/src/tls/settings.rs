//! How both ends of a TLS connection are set up: TLS 1.3 only, nothing resumed, a certificate that nobody checks.
use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme, version};

/// The name in a relay's certificate: says nothing of what it is.
const NAME: &str = "localhost";

/// With a key and certificate made now.
pub fn server() -> Result<Arc<ServerConfig>, String> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned()]).map_err(|error| format!("making a certificate: {error}"))?;
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let failed = |error: Error| format!("setting up TLS: {error}");
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .map_err(failed)?;
    // Nobody resumes, so nothing need be kept for it.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

pub fn client() -> Result<Arc<ClientConfig>, String> {
    let provider = provider();
    let unchecked = Arc::new(Unchecked(Arc::clone(&provider)));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|error| format!("setting up TLS: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(unchecked)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// How the server is named when it's asked: by its address, so that no name goes over the wire.
pub fn name_of(ip: IpAddr) -> ServerName<'static> {
    ServerName::from(ip)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Takes any certificate, on purpose. Who the relay is, is proven by the Noise login that goes through the connection, against the
/// relay's pinned key; and what's forwarded is sealed from member to member. Whoever stands between can end the
/// connection, as anyone can who carries it, and sees what the relay itself sees.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 isn't spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
