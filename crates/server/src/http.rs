//! The second port: what a supervisor and Prometheus ask for, over plain HTTP.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{app::App, health::Health};

/// What Prometheus's text format is called.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) health: Health,
    pub(crate) app: Arc<App>,
}

/// Routes of the second port.
pub(crate) fn router(side: Side) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(side)
}

async fn ready(State(side): State<Side>) -> Response {
    match side.health.check().await {
        Ok(()) => format!("ready\n{}", stuck(&side.app)).into_response(),
        Err(faults) => {
            let text = format!("{}\n", faults.join("\n"));
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// What is stuck, line by line. Another replica would be stuck as well, so this one is ready all the same.
fn stuck(app: &App) -> String {
    let lines = app.stuck().into_iter().map(|stuck| match stuck.blocker {
        Some(blocker) => format!("stuck: {} {blocker}\n", stuck.organization),
        None => format!("stuck: {}\n", stuck.organization),
    });
    lines.collect()
}

async fn metrics(State(side): State<Side>) -> Response {
    match side.app.metrics().render(side.app.store().statements()) {
        Ok(text) => ([(header::CONTENT_TYPE, PROMETHEUS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
