//! Serving: both ports, the workers, and their orderly end.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::{Server as Transport, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};
use tonic_web::GrpcWebLayer;
use tower::util::option_layer;

use super::{
    Background, ServerError,
    connections::{self, Limits, OPENING},
    transport::{KEEPALIVE, cors},
};
use crate::{
    app::{App, run_wakeups, run_workers},
    config::Config,
    grpc,
    health::{Health, Told},
    http::{self, Side},
    layers::{Layered, Layers},
};

/// How long to wait before workers that panicked start again.
const WORKER_PAUSE: Duration = Duration::from_secs(1);
/// How long workers, the database and the second port may take to end after the last call.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of a question about the API itself: it comes as a stream, which is not read ahead.
const QUESTION_BYTES_MAX: usize = 64 * 1024;

pub(super) struct Parts {
    pub(super) transport: Transport,
    pub(super) config: Config,
    pub(super) listener: TcpListener,
    pub(super) http_listener: Option<TcpListener>,
    pub(super) app: Arc<App>,
    pub(super) shutdown: CancellationToken,
    pub(super) background: Background,
}

impl Parts {
    /// Starts everything. The task ends when all of it has shut down.
    pub(super) async fn spawn(self) -> Result<JoinHandle<Result<(), ServerError>>, ServerError> {
        let Self {
            transport,
            config,
            listener,
            http_listener,
            app,
            shutdown,
            background,
        } = self;
        let health = Health::new(app.store().clone(), app.metrics().clone(), shutdown.clone());
        let reporter = HealthReporter::new();
        let service = service(&config, &app, &reporter)?;
        let cors = cors(&config.allowed_origins);
        let incoming = TcpIncoming::from(listener)
            .with_nodelay(Some(true))
            .with_keepalive(Some(KEEPALIVE));
        let limits = Limits {
            connections: config.max_client_connections,
            opening: OPENING,
            // Over HTTP/1.1 a call may take so long without a byte in between.
            silence: config.request_timeout_max + KEEPALIVE,
        };
        let incoming = connections::accept(incoming, limits, app.metrics().clone());
        let grpc = tokio::spawn(
            transport
                .layer(option_layer(cors))
                .layer(GrpcWebLayer::new())
                .serve_with_incoming_shutdown(
                    service,
                    incoming,
                    shutdown.clone().cancelled_owned(),
                ),
        );
        let end_http = CancellationToken::new();
        let http = http_listener.map(|listener| {
            let side = Side {
                health: health.clone(),
                app: app.clone(),
            };
            let serving = axum::serve(listener, http::router(side))
                .with_graceful_shutdown(end_http.clone().cancelled_owned());
            tokio::spawn(async move { serving.await })
        });
        let mut background_tasks = Vec::new();
        let told = Told::new(reporter, services());
        told.set(ServingStatus::Serving).await;
        if background == Background::Runs {
            background_tasks.push(tokio::spawn(supervise(app.clone(), health.clone())));
            background_tasks.push(tokio::spawn(run_wakeups(app.clone())));
        }
        background_tasks.push(tokio::spawn({
            let shutdown = shutdown.clone();
            async move {
                match background {
                    Background::Runs => health.watch(&told).await,
                    Background::ByHand => shutdown.cancelled().await,
                }
                told.end().await;
            }
        }));
        Ok(tokio::spawn(async move {
            let served = drain(grpc, &shutdown, config.shutdown_grace).await;
            // Whatever ended the server, nothing of it goes on.
            shutdown.cancel();
            let ending = async {
                for task in background_tasks {
                    task.await.map_err(ServerError::serve)?;
                }
                app.store().close().await?;
                end_http.cancel();
                if let Some(http) = http {
                    http.await
                        .map_err(ServerError::serve)?
                        .map_err(ServerError::serve)?;
                }
                Ok(())
            };
            match timeout(END_PATIENCE, ending).await {
                Ok(ended) => served.and(ended),
                Err(_) => {
                    tracing::warn!("the database is still busy: its connections are cut off");
                    served
                }
            }
        }))
    }
}

/// Waits for the end of gRPC: by itself, which is a failure, or by shutdown, within the grace.
async fn drain(
    mut grpc: JoinHandle<Result<(), tonic::transport::Error>>,
    shutdown: &CancellationToken,
    grace: Duration,
) -> Result<(), ServerError> {
    let ended = tokio::select! {
        ended = &mut grpc => ended,
        () = shutdown.cancelled() => match timeout(grace, &mut grpc).await {
            Ok(ended) => ended,
            Err(_) => {
                grpc.abort();
                tracing::warn!(
                    grace = %humantime::format_duration(grace),
                    "some calls did not finish within shutdown_grace and are cut off"
                );
                return Ok(());
            }
        },
    };
    ended
        .map_err(ServerError::serve)?
        .map_err(ServerError::serve)
}

/// Every method, with its layers.
fn service(
    config: &Config,
    app: &Arc<App>,
    reporter: &HealthReporter,
) -> Result<Layered<Routes>, ServerError> {
    use tonic_health::{pb::health_server::HealthServer, server::HealthService};
    use tonic_reflection::pb::{v1, v1alpha};

    let health = tonic_health::pb::FILE_DESCRIPTOR_SET;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(echelon_api::DESCRIPTORS)
            .register_encoded_file_descriptor_set(health)
    };
    let routes = grpc::routes(app, config.max_message_bytes)
        .add_service(HealthServer::new(HealthService::from_health_reporter(
            reporter.clone(),
        )))
        .add_service(
            reflection()
                .build_v1()
                .map_err(ServerError::serve)?
                .max_decoding_message_size(QUESTION_BYTES_MAX),
        )
        .add_service(
            reflection()
                .build_v1alpha()
                .map_err(ServerError::serve)?
                .max_decoding_message_size(QUESTION_BYTES_MAX),
        );
    let layers = Layers::new(
        &[
            echelon_api::DESCRIPTORS,
            health,
            v1::FILE_DESCRIPTOR_SET,
            v1alpha::FILE_DESCRIPTOR_SET,
        ],
        app.metrics().clone(),
        config.otlp_endpoint.is_some(),
        config.max_concurrent_requests,
        config.request_timeout,
        config.request_timeout_max,
        config.max_message_bytes,
    )
    .map_err(ServerError::serve)?;
    Ok(layers.around(routes.prepare()))
}

/// The services whose health is told apart, all of them by the same measure.
fn services() -> Vec<String> {
    use echelon_api::v1;
    [
        v1::organization_service_server::SERVICE_NAME,
        v1::node_service_server::SERVICE_NAME,
        v1::blocker_service_server::SERVICE_NAME,
        v1::meeting_service_server::SERVICE_NAME,
        v1::escalation_policy_service_server::SERVICE_NAME,
        v1::rollup_service_server::SERVICE_NAME,
        v1::event_service_server::SERVICE_NAME,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Runs the workers until shutdown. They are idempotent: after a panic they start again.
async fn supervise(app: Arc<App>, health: Health) {
    loop {
        health.set_workers_stopped(false);
        let ended = tokio::spawn(run_workers(app.clone())).await;
        if ended.is_ok() || app.shutdown().is_cancelled() {
            return;
        }
        health.set_workers_stopped(true);
        tracing::error!("the workers panicked and will start again: report it with the log");
        tokio::select! {
            () = app.shutdown().cancelled() => return,
            () = tokio::time::sleep(WORKER_PAUSE) => {}
        }
    }
}
