//! `cargo xtask torture`: builds what is attacked and what attacks it, starts a PostgreSQL that may be treated badly, and
//! lets both databases suffer at once.

use std::{
    process::{Command, ExitCode},
    thread,
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::{
    postgres::{Cluster, Purpose},
    process,
    tally::{GUARANTEES, Tally},
    workspace::Workspace,
};

/// How long the tests torture each database.
const MINUTES: f64 = 3.0;

/// What to do, and on what.
#[derive(Clone, Debug, Args)]
pub(crate) struct Torture {
    /// How long the load lasts
    #[arg(long, default_value_t = MINUTES)]
    minutes: f64,
    /// What the plan is made of; default: another one each time
    #[arg(long)]
    seed: Option<u64>,
    /// On which database; default: on both at once
    #[arg(long, value_enum)]
    database: Option<Database>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// What one torture printed, and whether everything held.
struct Told {
    database: Database,
    text: String,
    success: bool,
}

/// Whether a filter of `cargo xtask test` means the torture.
pub(crate) fn is_filter(filter: &str) -> bool {
    filter == "torture"
}

/// Tortures, and fails if something guaranteed does not hold.
pub(crate) fn run(workspace: &Workspace, torture: &Torture) -> Result<ExitCode> {
    let told = torture_all(workspace, torture)?;
    for one in &told {
        process::print(&one.text);
    }
    Ok(if told.iter().all(|one| one.success) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The same as a part of the tests: each guarantee is one on each database.
pub(crate) fn test(workspace: &Workspace, tally: &mut Tally) -> Result<bool> {
    let torture = Torture {
        minutes: MINUTES,
        seed: None,
        database: None,
        json: true,
    };
    let told = torture_all(workspace, &torture)?;
    for one in &told {
        process::print(&one.text);
        let summary: Value = serde_json::from_str(&one.text)
            .with_context(|| format!("the torture of {} broke off", one.database.as_str()))?;
        for line in results(one.database, &summary["violated"]) {
            process::print(&line);
            tally.line(&line);
        }
    }
    Ok(told.iter().all(|one| one.success))
}

/// Lines as other runners print them, from how often each guarantee was violated.
fn results(database: Database, violated: &Value) -> Vec<String> {
    let mut failed = 0;
    let mut lines = Vec::new();
    let names = (1..).zip(GUARANTEES).map(|(number, name)| {
        let words = name.replace(' ', "_");
        (format!("E{number}"), format!("e{number}_{words}"))
    });
    for (key, name) in names.chain([("service".to_owned(), "recovers_by_itself".to_owned())]) {
        let holds = violated[&key].as_u64() == Some(0);
        failed += usize::from(!holds);
        let result = if holds { "ok" } else { "FAILED" };
        let database = database.as_str();
        lines.push(format!("test torture::{database}::{name} ... {result}\n"));
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    let passed = lines.len() - failed;
    lines.push(format!(
        "test result: {result}. {passed} passed; {failed} failed; 0 ignored\n"
    ));
    lines
}

fn torture_all(workspace: &Workspace, torture: &Torture) -> Result<Vec<Told>> {
    process::run(&mut workspace.cargo(&[
        "build",
        "--package",
        "echelon-server",
        "--package",
        "echelon-torture",
        "--bins",
    ]))?;
    // The log of an SQLite file is brought into it at the end.
    let cluster = Cluster::start(Purpose::Tests)?;
    let databases: Vec<Database> = match torture.database {
        Some(database) => vec![database],
        None => Database::ALL.to_vec(),
    };
    thread::scope(|scope| {
        let running: Vec<_> = databases
            .into_iter()
            .map(|database| {
                let command = command(workspace, torture, database, &cluster);
                scope.spawn(move || torture_one(command, database))
            })
            .collect();
        let told = running.into_iter().map(|one| {
            one.join()
                .unwrap_or_else(|_| anyhow::bail!("a torture panicked"))
        });
        told.collect()
    })
}

fn command(
    workspace: &Workspace,
    torture: &Torture,
    database: Database,
    cluster: &Cluster,
) -> Command {
    let mut command = Command::new(workspace.target.join("debug/echelon-torture"));
    command
        .args(["--database", database.as_str()])
        .args(["--minutes", &torture.minutes.to_string()])
        .args(["--postgres", &cluster.url()])
        .arg("--postgres-programs")
        .arg(cluster.programs())
        .arg("--postgres-data")
        .arg(cluster.data())
        .arg("--keep")
        .arg(workspace.target.join("torture").join(database.as_str()));
    if let Some(seed) = torture.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    if torture.json {
        command.arg("--json");
    }
    command
}

fn torture_one(mut command: Command, database: Database) -> Result<Told> {
    let mut text = String::new();
    let status = process::stream(&mut command, |line| text.push_str(line))?;
    Ok(Told {
        database,
        text,
        success: status.success(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_guarantee_is_a_test_on_its_database() {
        let mut violated: serde_json::Map<String, Value> = (1..=10)
            .map(|number| (format!("E{number}"), json!(0)))
            .collect();
        violated.insert("service".to_owned(), json!(0));
        violated["E3"] = json!(2);
        let mut tally = Tally::default();
        for line in results(Database::Sqlite, &Value::Object(violated)) {
            tally.line(&line);
        }
        assert_eq!(tally.closing(), "10 passed, 1 failed");
        assert_eq!(tally.undefended().len(), 11);
    }
}
