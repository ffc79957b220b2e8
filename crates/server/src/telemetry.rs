//! Logs, and traces over OTLP when a collector is configured.

use std::{io::IsTerminal as _, panic};

use anyhow::Context as _;
use axum::http::HeaderMap;
use echelon_server::config::{Config, LogFormat};
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use tonic::{metadata::MetadataMap, transport::ClientTlsConfig};
use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, filter::filter_fn, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Our crates: spans of others are not exported.
const OURS: &str = "echelon";

/// Where logs and traces go, for the life of the process.
#[must_use = "traces are lost unless it is shut down at the end"]
pub(crate) struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts logging, and exporting traces if so configured. Once in a process, within a runtime.
    /// Errors: no exporter can be made, or something else logs already.
    pub(crate) fn start(config: &Config) -> anyhow::Result<Self> {
        let filter = EnvFilter::try_new(&config.log_filter).context("log_filter is invalid")?;
        let log = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
        let log = match config.log_format {
            LogFormat::Text => log.boxed(),
            LogFormat::Json => log
                .json()
                .flatten_event(true)
                // The list of spans has it as well.
                .with_current_span(false)
                .boxed(),
        };
        let traces = exporter(config)?;
        let spans = traces.as_ref().map(|traces| {
            tracing_opentelemetry::layer()
                .with_tracer(traces.tracer("echelond"))
                .with_filter(filter_fn(is_traced).with_max_level_hint(LevelFilter::DEBUG))
        });
        Registry::default()
            .with(log.with_filter(filter))
            .with(spans)
            .try_init()
            .context("cannot start logging")?;
        log_panics();
        Ok(Self { traces })
    }

    /// Sends what is left of the traces.
    pub(crate) fn shut_down(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent to the collector");
        }
    }
}

/// Spans of ours, and what they tell that is not for who looks for a fault.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    let level = match metadata.is_span() {
        true => Level::DEBUG,
        false => Level::INFO,
    };
    metadata.target().starts_with(OURS) && *metadata.level() <= level
}

fn exporter(config: &Config) -> anyhow::Result<Option<SdkTracerProvider>> {
    let Some(endpoint) = &config.otlp_endpoint else {
        return Ok(None);
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &config.otlp_headers {
        let name: axum::http::HeaderName = name.parse().context("otlp_headers is invalid")?;
        headers.insert(name, value.parse().context("otlp_headers is invalid")?);
    }
    let mut builder = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_metadata(MetadataMap::from_headers(headers));
    if endpoint.starts_with("https://") {
        builder = builder.with_tls_config(ClientTlsConfig::new().with_native_roots());
    }
    let exporter = builder
        .build()
        .context("cannot export traces: check otlp_endpoint")?;
    let ratio = Sampler::TraceIdRatioBased(config.otlp_sample_ratio);
    let resource = Resource::builder()
        .with_service_name("echelond")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(Some(
        SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(ratio)))
            .with_resource(resource)
            .build(),
    ))
}

/// Panics go where the log goes, with the span they happened in.
fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("unknown");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            panic.message = message,
            panic.location = place,
            "a thread panicked: this is a fault of the server"
        );
    }));
}
