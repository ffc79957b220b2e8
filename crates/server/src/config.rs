//! What the server is told: defaults, then a file, the environment and flags, checked once.

mod fault;
mod reader;
mod redact;
mod sources;

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, time::Duration};

use tracing_subscriber::EnvFilter;

use crate::app;
use reader::Reader;

pub use fault::{Fault, Faults};
pub use redact::redacted_url;
pub use sources::Sources;

/// Every setting with its default, commented: the first source of a configuration.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// A checked configuration. `config.default.toml` says what each setting means.
#[derive(Clone, PartialEq)]
#[expect(missing_docs, reason = "config.default.toml documents each setting")]
pub struct Config {
    pub database: String,
    pub max_connections: u32,
    pub connect_timeout: Duration,
    pub transaction_pooling: bool,
    pub migrate_at_start: bool,
    pub listen: SocketAddr,
    pub http_listen: Option<SocketAddr>,
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_client_ca: Option<PathBuf>,
    pub allowed_origins: Vec<String>,
    pub request_timeout: Duration,
    pub request_timeout_max: Duration,
    pub max_message_bytes: usize,
    pub max_concurrent_requests: usize,
    pub max_watches: usize,
    pub max_client_connections: usize,
    pub shutdown_grace: Duration,
    pub batch_size: usize,
    pub queue_length: usize,
    pub worker_interval: Duration,
    pub late_tolerance: Duration,
    pub audit_interval: Duration,
    pub request_retention: Duration,
    pub log_filter: String,
    pub log_format: LogFormat,
    pub otlp_endpoint: Option<String>,
    pub otlp_headers: BTreeMap<String, String>,
    pub otlp_sample_ratio: f64,
}

impl Default for Config {
    fn default() -> Self {
        Sources::defaults()
            .into_config()
            .expect("config.default.toml is a valid configuration: a test loads it")
    }
}

impl Config {
    /// Checks what the sources say. Errors: every fault, not only the first.
    pub(crate) fn read(sources: &Sources) -> Result<Self, Faults> {
        const MILLISECOND: Duration = Duration::from_millis(1);
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(3600);
        let mut read = Reader::new(sources);
        let config = Self {
            database: read.text("database"),
            max_connections: read.integer("max_connections", 1, 1000),
            connect_timeout: read.span("connect_timeout", 100 * MILLISECOND, HOUR),
            transaction_pooling: read.boolean("transaction_pooling"),
            migrate_at_start: read.boolean("migrate_at_start"),
            listen: read.address("listen"),
            http_listen: read.optional_address("http_listen"),
            tls_certificate: read.optional_path("tls_certificate"),
            tls_key: read.optional_path("tls_key"),
            tls_client_ca: read.optional_path("tls_client_ca"),
            allowed_origins: read.texts("allowed_origins"),
            request_timeout: read.span("request_timeout", 10 * MILLISECOND, HOUR),
            request_timeout_max: read.span("request_timeout_max", 10 * MILLISECOND, HOUR),
            max_message_bytes: read.integer("max_message_bytes", 1024, 256 * 1024 * 1024),
            max_concurrent_requests: read.integer("max_concurrent_requests", 1, 1_000_000),
            max_watches: read.integer("max_watches", 1, 1_000_000),
            max_client_connections: read.integer("max_client_connections", 1, 1_000_000),
            shutdown_grace: read.span("shutdown_grace", Duration::ZERO, HOUR),
            batch_size: read.integer("batch_size", 1, 10_000),
            queue_length: read.integer("queue_length", 1, 1_000_000),
            // E4: a due escalation happens within a second.
            worker_interval: read.span("worker_interval", 10 * MILLISECOND, 500 * MILLISECOND),
            late_tolerance: read.span("late_tolerance", 100 * MILLISECOND, HOUR),
            audit_interval: read.span("audit_interval", Duration::ZERO, 366 * 24 * HOUR),
            request_retention: read.span("request_retention", MINUTE, 366 * 24 * HOUR),
            log_filter: read.text("log_filter"),
            log_format: read
                .choice(
                    "log_format",
                    &[("text", LogFormat::Text), ("json", LogFormat::Json)],
                )
                .unwrap_or(LogFormat::Text),
            otlp_endpoint: read.optional_text("otlp_endpoint"),
            otlp_headers: read.headers("otlp_headers"),
            otlp_sample_ratio: read.ratio("otlp_sample_ratio"),
        };
        config.check(&mut read);
        read.finish(config)
    }

    /// Checks what no single value shows.
    fn check(&self, read: &mut Reader<'_>) {
        let schemes = ["sqlite://", "postgres://", "postgresql://"];
        if !schemes
            .iter()
            .any(|scheme| self.database.starts_with(scheme))
        {
            read.fault(
                "database",
                "is no database URL: write sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME",
            );
        }
        if self.http_listen == Some(self.listen) && self.listen.port() != 0 {
            read.fault(
                "http_listen",
                "is the gRPC address: choose another port, or leave it empty for none",
            );
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            read.fault(
                "tls_certificate",
                "needs tls_key, and the reverse: give both or none",
            );
        }
        if self.tls_client_ca.is_some() && self.tls_certificate.is_none() {
            read.fault(
                "tls_client_ca",
                "needs TLS: give tls_certificate and tls_key as well",
            );
        }
        for origin in &self.allowed_origins {
            let is_origin = origin == "*"
                || (origin.starts_with("http://") || origin.starts_with("https://"))
                    && http::HeaderValue::from_str(origin).is_ok()
                    && origin.matches('/').count() == 2;
            if !is_origin {
                read.fault(
                    "allowed_origins",
                    "names no origin: write SCHEME://HOST[:PORT] without a path, or *",
                );
            }
        }
        if self.request_timeout > self.request_timeout_max {
            read.fault(
                "request_timeout",
                "is longer than request_timeout_max: lower it, or raise the other",
            );
        }
        if !self.audit_interval.is_zero() && self.audit_interval < Duration::from_secs(1) {
            read.fault(
                "audit_interval",
                "is shorter than a second: write 0s for no audits, or a longer span",
            );
        }
        if let Err(error) = EnvFilter::try_new(&self.log_filter) {
            read.fault(
                "log_filter",
                &format!("is no filter ({error}): write a level such as info, or TARGET=LEVEL,…"),
            );
        }
        if let Some(endpoint) = &self.otlp_endpoint
            && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
        {
            read.fault(
                "otlp_endpoint",
                "is no collector's URL: write one such as http://127.0.0.1:4317",
            );
        }
    }

    /// What the application may be tuned in.
    #[must_use]
    pub const fn app_settings(&self) -> app::Settings {
        app::Settings {
            batch_size: self.batch_size,
            queue_length: self.queue_length,
            max_watches: self.max_watches,
            worker_interval: self.worker_interval,
            late_tolerance: self.late_tolerance,
            audit_interval: self.audit_interval,
            request_retention: self.request_retention,
        }
    }

    /// The limits that metrics compare with what is used, by setting.
    #[must_use]
    pub const fn limits(&self) -> [(&'static str, usize); 4] {
        [
            ("max_concurrent_requests", self.max_concurrent_requests),
            ("max_watches", self.max_watches),
            ("max_client_connections", self.max_client_connections),
            ("queue_length", self.queue_length),
        ]
    }

    /// The configuration as a file that says the same, with secrets blotted out.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let Self {
            database,
            max_connections,
            connect_timeout,
            transaction_pooling,
            migrate_at_start,
            listen,
            http_listen,
            tls_certificate,
            tls_key,
            tls_client_ca,
            allowed_origins,
            request_timeout,
            request_timeout_max,
            max_message_bytes,
            max_concurrent_requests,
            max_watches,
            max_client_connections,
            shutdown_grace,
            batch_size,
            queue_length,
            worker_interval,
            late_tolerance,
            audit_interval,
            request_retention,
            log_filter,
            log_format,
            otlp_endpoint,
            otlp_headers,
            otlp_sample_ratio,
        } = self;
        let text = |text: &str| toml::Value::from(text);
        let span = |span: &Duration| text(&humantime::format_duration(*span).to_string());
        let integer = |number: usize| toml::Value::from(i64::try_from(number).unwrap_or(i64::MAX));
        let path = |path: &Option<PathBuf>| {
            text(
                &path
                    .as_deref()
                    .unwrap_or_else(|| "".as_ref())
                    .to_string_lossy(),
            )
        };
        let address = |address: &Option<SocketAddr>| {
            text(&address.map_or_else(String::new, |a| a.to_string()))
        };
        let headers = otlp_headers
            .keys()
            .map(|name| (name.clone(), text(redact::BLOT)))
            .collect::<toml::Table>();
        let origins = allowed_origins.iter().map(|origin| text(origin)).collect();
        let settings: [(&str, toml::Value); 29] = [
            ("database", text(&redacted_url(database))),
            ("max_connections", i64::from(*max_connections).into()),
            ("connect_timeout", span(connect_timeout)),
            ("transaction_pooling", (*transaction_pooling).into()),
            ("migrate_at_start", (*migrate_at_start).into()),
            ("listen", text(&listen.to_string())),
            ("http_listen", address(http_listen)),
            ("tls_certificate", path(tls_certificate)),
            ("tls_key", path(tls_key)),
            ("tls_client_ca", path(tls_client_ca)),
            ("allowed_origins", toml::Value::Array(origins)),
            ("request_timeout", span(request_timeout)),
            ("request_timeout_max", span(request_timeout_max)),
            ("max_message_bytes", integer(*max_message_bytes)),
            ("max_concurrent_requests", integer(*max_concurrent_requests)),
            ("max_watches", integer(*max_watches)),
            ("max_client_connections", integer(*max_client_connections)),
            ("shutdown_grace", span(shutdown_grace)),
            ("batch_size", integer(*batch_size)),
            ("queue_length", integer(*queue_length)),
            ("worker_interval", span(worker_interval)),
            ("late_tolerance", span(late_tolerance)),
            ("audit_interval", span(audit_interval)),
            ("request_retention", span(request_retention)),
            ("log_filter", text(log_filter)),
            (
                "log_format",
                text(match log_format {
                    LogFormat::Text => "text",
                    LogFormat::Json => "json",
                }),
            ),
            (
                "otlp_endpoint",
                text(otlp_endpoint.as_deref().unwrap_or("")),
            ),
            ("otlp_headers", headers.into()),
            ("otlp_sample_ratio", (*otlp_sample_ratio).into()),
        ];
        settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"))
            .collect()
    }
}

impl fmt::Debug for Config {
    /// As [`Config::to_toml`]: without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml())
    }
}

#[cfg(test)]
mod tests;
