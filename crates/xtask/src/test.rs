//! `cargo xtask test`: every test on both databases, and a closing line that sums them.

use std::process::ExitCode;

use anyhow::Result;

use crate::{
    postgres::{self, Server},
    process, python,
    tally::Tally,
    torture,
    workspace::Workspace,
};

/// Runs the tests whose names contain one of the filters; all without filters.
pub(crate) fn run(workspace: &Workspace, filters: &[String]) -> Result<ExitCode> {
    let mut tally = Tally::default();
    let outcome = run_all(workspace, filters, &mut tally);
    process::check_signal()?;
    let mut success = matches!(outcome, Ok(true)) && tally.failed == 0;
    if let Err(error) = &outcome {
        eprintln!("error: {error:#}");
    }
    if !success && tally.failed == 0 {
        // What did not compile, start or print its result failed too.
        tally.failed = 1;
    }
    process::print(&format!("\n{}", tally.table()));
    if filters.is_empty() && success {
        for missing in tally.undefended() {
            process::print(&format!("error: {missing}\n"));
            tally.failed += 1;
            success = false;
        }
    }
    process::print(&format!("{}\n", tally.closing()));
    Ok(if success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Whether everything succeeded. PostgreSQL is gone when this returns.
fn run_all(workspace: &Workspace, filters: &[String], tally: &mut Tally) -> Result<bool> {
    let server = Server::start()?;
    let mut success = true;
    // `python` and `torture` alone ask for nothing of cargo.
    let is_chore = |filter: &String| python::is_filter(filter) || torture::is_filter(filter);
    if filters.is_empty() || !filters.iter().all(is_chore) {
        success &= cargo_test(workspace, &server, filters, tally)?;
    }
    if filters.is_empty() || filters.iter().any(|filter| python::is_filter(filter)) {
        success &= python::test(workspace, &server, tally)?;
    }
    if filters.is_empty() || filters.iter().any(|filter| torture::is_filter(filter)) {
        success &= torture::test(workspace, tally)?;
    }
    Ok(success)
}

fn cargo_test(
    workspace: &Workspace,
    server: &Server,
    filters: &[String],
    tally: &mut Tally,
) -> Result<bool> {
    let mut command = workspace.cargo(&["test", "--workspace", "--no-fail-fast", "--"]);
    command
        .args(filters)
        .env(postgres::VARIABLE, server.url())
        .envs(postgres::programs()?);
    let status = process::stream(&mut command, |line| {
        process::print(line);
        tally.line(line);
    })?;
    Ok(status.success())
}
