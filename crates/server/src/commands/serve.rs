//! `echelond`: serves until it is told to end.

use std::{fs, io, net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use echelon_server::{
    Background, Running, Server,
    config::{Config, redacted_url},
    server,
};
use echelon_store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{self, DEMO_DATABASE},
    clock_shift, demo,
    shutdown::Signals,
    telemetry::Telemetry,
};

/// What SQLite keeps beside a file.
const SQLITE_FILES: [&str; 3] = ["", "-wal", "-shm"];

pub(crate) async fn serve(config: Config, demo: cli::Demo) -> anyhow::Result<ExitCode> {
    let telemetry = Telemetry::start(&config)?;
    let outcome = run(config, demo).await;
    telemetry.shut_down();
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn run(config: Config, demo: cli::Demo) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let signals = Signals::new().context("cannot take over SIGTERM and SIGINT")?;
    tokio::spawn(signals.watch(shutdown.clone()));
    if demo.demo {
        prepare(&config, demo).await?;
    }
    let clock = clock_shift::from_environment()?;
    let database = redacted_url(&config.database);
    let listener = bind(config.listen, "--listen").await?;
    let http_listener = match config.http_listen {
        Some(address) => Some(bind(address, "--http-listen").await?),
        None => None,
    };
    let starting = Server {
        config,
        listener,
        http_listener,
        clock,
        shutdown: shutdown.clone(),
        background: Background::Runs,
    }
    .start();
    let running = tokio::select! {
        running = starting => running?,
        // A database that does not answer must not hold up the end.
        () = shutdown.cancelled() => return Ok(()),
    };
    announce(&running, &database);
    let morning = if demo.demo {
        let playing = demo::play(running.address(), demo.demo_pace);
        tokio::select! {
            played = playing => played.context("the demo's morning was cut off"),
            () = shutdown.cancelled() => Ok(()),
        }
    } else {
        Ok(())
    };
    if morning.is_err() {
        shutdown.cancel();
    }
    running.wait().await?;
    morning
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}: choose another address with {flag}, or end what uses it"
        )
    })
}

fn announce(running: &Running, database: &str) {
    let version = env!("CARGO_PKG_VERSION");
    let listen = running.address();
    match running.http_address() {
        Some(http) => tracing::info!(
            "echelond {version} serves gRPC on {listen} and HTTP on {http}; database {database}"
        ),
        None => tracing::info!("echelond {version} serves gRPC on {listen}; database {database}"),
    }
}

/// Deletes the demo's file if that is asked for, and says what will happen to one that is there.
async fn prepare(config: &Config, demo: cli::Demo) -> anyhow::Result<()> {
    let is_own = config.database == DEMO_DATABASE;
    let path = DEMO_DATABASE.trim_start_matches("sqlite://");
    if !is_own || !fs::exists(path)? {
        return Ok(());
    }
    if !demo.demo_fresh {
        println!(
            "{path} is there: its morning goes on where it stopped. Start anew with --demo-fresh."
        );
        return Ok(());
    }
    // Opening it proves that no server uses it.
    let store = Store::open(&server::options(config)).await?;
    store.close().await?;
    for ending in SQLITE_FILES {
        match fs::remove_file(format!("{path}{ending}")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot delete {path}{ending}"));
            }
            _ => {}
        }
    }
    Ok(())
}
