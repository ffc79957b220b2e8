//! The server as a library: configuration, bound listeners, clock and shutdown go in, a running server comes out.

mod connections;
mod error;
mod serve;
mod transport;

use std::{net::SocketAddr, sync::Arc};

use echelon_store::{Options, Pooling, Store};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{app::App, clock::Clock, config::Config, metrics::Metrics};

pub use error::ServerError;

/// Whether what runs by time runs by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// Workers and health checks run.
    Runs,
    /// They do not: a test calls [`App::pass_timers_until_idle`].
    ByHand,
}

/// All that a server needs to start.
#[derive(Debug)]
pub struct Server {
    /// Its configuration; the addresses are those of the listeners.
    pub config: Config,
    /// Where gRPC, gRPC-Web, health and reflection are served.
    pub listener: TcpListener,
    /// Where `/healthz`, `/readyz` and `/metrics` are served, if anywhere.
    pub http_listener: Option<TcpListener>,
    /// Its clock.
    pub clock: Clock,
    /// Ends it gracefully when cancelled.
    pub shutdown: CancellationToken,
    /// Whether workers run.
    pub background: Background,
}

impl Server {
    /// Opens the database, brings its schema up to date or checks it, and starts to serve.
    ///
    /// # Errors
    /// [`ServerError`] says what to do.
    pub async fn start(self) -> Result<Running, ServerError> {
        let Self {
            config,
            listener,
            http_listener,
            clock,
            shutdown,
            background,
        } = self;
        let local = |listener: &TcpListener| listener.local_addr().map_err(ServerError::Listener);
        let address = local(&listener)?;
        let http_address = http_listener.as_ref().map(local).transpose()?;
        // What can be refused without the database is refused before it is touched.
        let transport = transport::transport(&config)?;
        let store = open(&config).await?;
        let metrics = Arc::new(Metrics::new());
        metrics.set_database_up(true);
        for (setting, limit) in config.limits() {
            metrics.set_limit(setting, limit);
        }
        let app = Arc::new(App::new(
            store,
            clock,
            metrics,
            shutdown.clone(),
            config.app_settings(),
        ));
        let parts = serve::Parts {
            transport,
            config,
            listener,
            http_listener,
            app: app.clone(),
            shutdown,
            background,
        };
        Ok(Running {
            address,
            http_address,
            app,
            serving: parts.spawn().await?,
        })
    }
}

/// A server at work. Dropping it does not end it: cancel its shutdown token, then [`Running::wait`].
pub struct Running {
    address: SocketAddr,
    http_address: Option<SocketAddr>,
    app: Arc<App>,
    serving: JoinHandle<Result<(), ServerError>>,
}

impl Running {
    /// Where gRPC is served.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where HTTP is served, if anywhere.
    #[must_use]
    pub const fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// The application.
    #[must_use]
    pub const fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Waits until the server has shut down.
    ///
    /// # Errors
    /// [`ServerError::Serve`] if it ended by itself.
    pub async fn wait(self) -> Result<(), ServerError> {
        let Self {
            address: _,
            http_address: _,
            app: _,
            serving,
        } = self;
        serving
            .await
            .unwrap_or_else(|error| Err(ServerError::serve(error)))
    }
}

/// Opens the configured database, with the schema of this version.
///
/// # Errors
/// [`ServerError::Database`].
pub async fn open(config: &Config) -> Result<Store, ServerError> {
    let store = Store::open(&options(config)).await?;
    if config.migrate_at_start {
        store.migrate().await?;
    } else {
        store.check_schema().await?;
    }
    Ok(store)
}

/// How the configured database is to be opened.
#[must_use]
pub fn options(config: &Config) -> Options {
    Options {
        url: config.database.clone(),
        max_connections: config.max_connections,
        connect_timeout: config.connect_timeout,
        pooling: match config.transaction_pooling {
            true => Pooling::Transaction,
            false => Pooling::Session,
        },
    }
}
