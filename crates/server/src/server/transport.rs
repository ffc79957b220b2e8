//! How gRPC is carried: HTTP/2 and 1.1, TLS, and what web pages of other origins may do.

use std::{fs, path::Path, time::Duration};

use axum::http::{HeaderName, Method};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::ServerError;
use crate::config::Config;

/// A peer that does not answer for this long, and then [`KEEPALIVE_PATIENCE`], is gone: its watches end.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_PATIENCE: Duration = Duration::from_secs(10);
const TLS_PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of a call's headers.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Most calls and watches of one connection; a client opens another for more.
const STREAMS_PER_CONNECTION: u32 = 1024;
/// What a web page may send, and read.
const REQUEST_HEADERS: [&str; 9] = [
    "authorization",
    "content-type",
    "echelon-actor",
    "grpc-timeout",
    "traceparent",
    "tracestate",
    "x-grpc-web",
    "x-request-id",
    "x-user-agent",
];
const RESPONSE_HEADERS: [&str; 4] = [
    "grpc-message",
    "grpc-status",
    "grpc-status-details-bin",
    "x-request-id",
];

/// The transport of gRPC. Errors: [`ServerError::TlsFile`], [`ServerError::Tls`].
pub(super) fn transport(config: &Config) -> Result<Server, ServerError> {
    let transport = Server::builder()
        .accept_http1(true)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_PATIENCE))
        .http2_max_header_list_size(HEADER_BYTES_MAX);
    match tls(config)? {
        Some(tls) => transport.tls_config(tls).map_err(ServerError::tls),
        None => Ok(transport),
    }
}

/// What pages of the allowed origins may do; none if there are none.
pub(super) fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        // The configuration has checked that each is a header's value.
        AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::POST])
            .allow_headers(REQUEST_HEADERS.map(HeaderName::from_static))
            .expose_headers(RESPONSE_HEADERS.map(HeaderName::from_static)),
    )
}

fn tls(config: &Config) -> Result<Option<ServerTlsConfig>, ServerError> {
    let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) else {
        return Ok(None);
    };
    let identity = Identity::from_pem(read("tls_certificate", certificate)?, read("tls_key", key)?);
    let mut tls = ServerTlsConfig::new()
        .identity(identity)
        .timeout(TLS_PATIENCE);
    if let Some(authorities) = &config.tls_client_ca {
        let authorities = read("tls_client_ca", authorities)?;
        tls = tls.client_ca_root(Certificate::from_pem(authorities));
    }
    Ok(Some(tls))
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, ServerError> {
    fs::read(path).map_err(|cause| ServerError::TlsFile {
        setting,
        path: path.to_owned(),
        cause,
    })
}
