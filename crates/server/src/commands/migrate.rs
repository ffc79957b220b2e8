//! `echelond migrate`: brings the schema up to date, before a server that must not do so itself.

use std::process::ExitCode;

use echelon_server::{
    config::{Config, redacted_url},
    server,
};
use echelon_store::Store;

pub(crate) async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    let store = Store::open(&server::options(config)).await?;
    store.migrate().await?;
    store.close().await?;
    println!(
        "{}: the schema is up to date",
        redacted_url(&config.database)
    );
    Ok(ExitCode::SUCCESS)
}
