//! `echelond check`: verifies a database offline and prints what was found.

use std::process::ExitCode;

use echelon_domain::check::Violation;
use echelon_server::{
    check::{Finding, check_all},
    config::Config,
    server,
};
use echelon_store::Store;
use serde_json::json;

use crate::cli::Output;

pub(crate) async fn check(config: &Config, output: Output) -> anyhow::Result<ExitCode> {
    let store = Store::open_existing(&server::options(config)).await?;
    store.check_schema().await?;
    let findings = check_all(&store).await?;
    store.close().await?;
    match output {
        Output::Text => print(&findings),
        Output::Json => println!("{:#}", to_json(&findings)),
    }
    let holds = findings.iter().all(|found| found.violations.is_empty());
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(findings: &[Finding]) {
    if findings.is_empty() {
        println!("the database holds no organization");
    }
    for finding in findings {
        let Finding {
            organization,
            revision,
            events,
            blockers,
            violations,
        } = finding;
        let verdict = match violations.len() {
            0 => "ok".to_owned(),
            count => format!("{count} violations"),
        };
        println!(
            "{organization}: revision {revision}, {events} events, {blockers} blockers: {verdict}"
        );
        for Violation { guarantee, message } in violations {
            println!("  {guarantee}: {message}");
        }
    }
}

fn to_json(findings: &[Finding]) -> serde_json::Value {
    let organizations: Vec<_> = findings
        .iter()
        .map(|finding| {
            let Finding {
                organization,
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
                "revision": revision,
                "events": events,
                "blockers": blockers,
                "violations": violations,
            })
        })
        .collect();
    json!({ "organizations": organizations })
}
