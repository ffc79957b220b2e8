//! The demo's morning, killed in its middle again and again: it is finished all the same, as if nothing had happened.

use echelon_testkit::{TestDatabase, on_both};
use tempfile::TempDir;

use super::daemon::{Daemon, check};

on_both!(e2_e3_e7_a_morning_that_is_killed_again_and_again_is_finished);

/// What stands there when it is killed.
const STAGES: [&str; 6] = [
    "TEAM: Daily Scrums",
    "payments  ",
    "CRITICAL: does not wait",
    "SOS: Scrums of Scrums",
    "TRAIN: ART Syncs",
    "SOLUTION: Solution Sync",
];
/// What stands there when it is finished.
const END: &str = "Ctrl-C ends the server.";

async fn e2_e3_e7_a_morning_that_is_killed_again_and_again_is_finished(database: TestDatabase) {
    let folder = TempDir::new().unwrap();
    let play = || {
        let arguments = ["--demo", "--demo-pace", "5ms"];
        Daemon::start(folder.path(), database.url(), &arguments)
    };
    for stage in STAGES {
        let mut daemon = play();
        daemon.printed(stage).await;
        daemon.kill().await;
    }
    let mut daemon = play();
    daemon.printed(END).await;
    let resumed = figures(&daemon.output());
    daemon.stop().await;
    check(folder.path(), database.url()).await;

    let undisturbed = TestDatabase::sqlite().await;
    let arguments = ["--demo", "--demo-pace", "0ms"];
    let mut daemon = Daemon::start(folder.path(), undisturbed.url(), &arguments);
    daemon.printed(END).await;
    assert_eq!(resumed, figures(&daemon.output()));
    daemon.stop().await;
}

/// The rows of the roll-up: what is the same for every morning.
fn figures(output: &[String]) -> Vec<String> {
    let rows: Vec<String> = output
        .iter()
        .skip_while(|line| !line.starts_with("Roll-up of "))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .cloned()
        .collect();
    assert!(rows.len() > 3, "there is no roll-up: {output:#?}");
    rows
}
