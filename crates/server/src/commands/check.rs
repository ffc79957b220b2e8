//! `echelond check`: verifies a database offline, or a backup, and prints what was found.

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use echelon_domain::check::Violation;
use echelon_server::{
    backup::{Proof, prove},
    check::{Finding, check_all},
    config::Config,
    server,
};
use echelon_store::Store;
use serde_json::json;

use super::restore::extract;
use crate::cli::Output;

pub(crate) async fn check(config: &Config, output: Output) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(&server::options(config)).await?;
    store.check_schema().await?;
    let faults = store.faults_of_file().await?;
    let findings = check_all(&store).await?;
    store.close().await?;
    Ok(tell(&Proof { findings, faults }, output))
}

/// Checks what a backup would restore, and leaves it as it is.
pub(crate) async fn check_backup(
    config: &Config,
    file: &Path,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let folder = tempfile::Builder::new()
        .prefix("echelon-check-")
        .tempdir()
        .context("cannot unpack the backup: name a folder that may be written in TMPDIR")?;
    let extracted = extract(file, &folder).await?;
    let (store, proof) = prove(&extracted, &server::options(config)).await?;
    store.close().await?;
    Ok(tell(&proof, output))
}

fn tell(proof: &Proof, output: Output) -> ExitCode {
    match output {
        Output::Text => print(&proof.findings, &proof.faults),
        Output::Json => println!("{:#}", to_json(&proof.findings, &proof.faults)),
    }
    if proof.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints what was found for people.
pub(super) fn print(findings: &[Finding], faults: &[String]) {
    for fault in faults {
        println!("the file is damaged: {fault}");
    }
    if findings.is_empty() {
        println!("the database holds no organization");
    }
    for finding in findings {
        let Finding {
            organization,
            compacted,
            revision,
            events,
            blockers,
            violations,
        } = finding;
        let verdict = match violations.len() {
            0 => "ok".to_owned(),
            count => format!("{count} violations"),
        };
        let since = match compacted {
            0 => String::new(),
            revision => format!(" since revision {revision}"),
        };
        println!(
            "{organization}: revision {revision}, {events} events{since}, {blockers} blockers: {verdict}"
        );
        for Violation { guarantee, message } in violations {
            println!("  {guarantee}: {message}");
        }
    }
}

fn to_json(findings: &[Finding], faults: &[String]) -> serde_json::Value {
    let organizations: Vec<_> = findings
        .iter()
        .map(|finding| {
            let Finding {
                organization,
                compacted,
                revision,
                events,
                blockers,
                violations,
            } = finding;
            let violations: Vec<_> = violations
                .iter()
                .map(|Violation { guarantee, message }| {
                    json!({ "guarantee": guarantee, "message": message })
                })
                .collect();
            json!({
                "organization": organization.as_str(),
                "compacted": compacted,
                "revision": revision,
                "events": events,
                "blockers": blockers,
                "violations": violations,
            })
        })
        .collect();
    json!({ "organizations": organizations, "faults_of_file": faults })
}
