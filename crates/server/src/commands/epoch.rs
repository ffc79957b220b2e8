//! `echelond new-epoch`: after a restore, what was told of the lost history must be refused.

use std::process::ExitCode;

use echelon_server::{
    config::{Config, redacted_url},
    server,
};
use echelon_store::Store;

pub(crate) async fn begin(config: &Config) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(&server::options(config)).await?;
    store.check_schema().await?;
    let organizations = store.begin_epochs().await?;
    store.close().await?;
    println!(
        "{}: {organizations} organizations have a new epoch: resume tokens from before the restore are refused",
        redacted_url(&config.database)
    );
    Ok(ExitCode::SUCCESS)
}
