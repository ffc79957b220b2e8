//! A collector of traces: OTLP's own service, which keeps what it is sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
};

use opentelemetry::{global, trace::TraceId};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind},
};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use tokio::{net::TcpListener, runtime, sync::oneshot};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// What the tests' own spans are of.
const SERVICE: &str = "platform-bot";

/// A collector that serves as long as the process, and the provider that sends it what the SDK does in here. Only a caller
/// that is part of a sampled trace makes any: other tests go on as if there were none.
pub(super) struct Collector {
    address: SocketAddr,
    kept: Kept,
    provider: SdkTracerProvider,
}

/// A span, and the service that sent it.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) service: String,
    span: Span,
}

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<Received>>>);

impl Collector {
    /// The one of this process: OpenTelemetry's provider is global.
    pub(super) fn of_this_process() -> &'static Self {
        static COLLECTOR: OnceLock<Collector> = OnceLock::new();
        COLLECTOR.get_or_init(Self::start)
    }

    /// On a thread of its own, since tests end with their runtimes.
    fn start() -> Self {
        let kept = Kept::default();
        let (sender, started) = oneshot::channel();
        let serving = kept.clone();
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0")
                    .await
                    .expect("a port is free");
                let address = listener.local_addr().expect("a listener has an address");
                let started = (address, provider(address));
                sender.send(started).expect("the test waits");
                let served = Server::builder()
                    .add_service(TraceServiceServer::new(serving))
                    .serve_with_incoming(TcpListenerStream::new(listener));
                served.await.expect("the collector serves");
            });
        });
        let (address, provider) = wait(started);
        global::set_tracer_provider(provider.clone());
        Self {
            address,
            kept,
            provider,
        }
    }

    /// Where it is, as a setting names it.
    pub(super) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans of a trace, with those that are still on their way from here.
    pub(super) async fn received(&self, trace: TraceId) -> Vec<Received> {
        let provider = self.provider.clone();
        let flushed = tokio::task::spawn_blocking(move || provider.force_flush()).await;
        flushed
            .expect("it does not panic")
            .expect("the collector is there");
        let kept = self.kept.all();
        let of_trace = kept
            .into_iter()
            .filter(|span| span.span.trace_id == trace.to_bytes());
        of_trace.collect()
    }

    /// The traces that it knows.
    pub(super) fn traces(&self) -> Vec<TraceId> {
        let ids = self.kept.all().into_iter().map(|span| span.span.trace_id);
        ids.map(|id| TraceId::from_bytes(id.try_into().expect("an id has 16 bytes")))
            .collect()
    }
}

impl Received {
    pub(super) fn name(&self) -> &str {
        &self.span.name
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.span.kind() {
            SpanKind::Client => "client",
            SpanKind::Server => "server",
            SpanKind::Internal => "internal",
            SpanKind::Unspecified | SpanKind::Producer | SpanKind::Consumer => "other",
        }
    }

    pub(super) fn id(&self) -> &[u8] {
        &self.span.span_id
    }

    pub(super) fn parent(&self) -> &[u8] {
        &self.span.parent_span_id
    }

    pub(super) const fn begin(&self) -> u64 {
        self.span.start_time_unix_nano
    }

    pub(super) const fn end(&self) -> u64 {
        self.span.end_time_unix_nano
    }

    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.span.attributes, name)
    }
}

impl Kept {
    fn all(&self) -> Vec<Received> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for sent in request.into_inner().resource_spans {
            let resource = sent.resource.unwrap_or_default();
            let service = attribute(&resource.attributes, "service.name").unwrap_or_default();
            let spans = sent.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let received = spans.map(|span| Received {
                service: service.clone(),
                span,
            });
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(received);
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn provider(address: SocketAddr) -> SdkTracerProvider {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(format!("http://{address}"))
        .build()
        .expect("an exporter is made");
    SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
        .with_resource(Resource::builder().with_service_name(SERVICE).build())
        .build()
}

/// Waits without a runtime.
fn wait<T: Send + 'static>(receiver: oneshot::Receiver<T>) -> T {
    let waiting = thread::spawn(move || receiver.blocking_recv());
    let received = waiting.join().expect("it waits");
    received.expect("the collector starts")
}

fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    let AnyValue { value } = found.value.clone()?;
    Some(match value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        other => format!("{other:?}"),
    })
}
