//! A server that cannot serve says why in one line, says what to do, and ends at once.

use std::{
    net::TcpListener,
    path::Path,
    process::Output,
    time::{Duration, Instant},
};

use echelon_testkit::{TestDatabase, on_both};
use tempfile::TempDir;

use super::daemon::{Daemon, run};

on_both!(a_newer_schema_is_refused);

/// How long a refusal may take.
const SECONDS: Duration = Duration::from_secs(10);

/// Runs a command that must be refused with this exit code, and returns what it complains of.
async fn refused(folder: &Path, arguments: &[&str], code: i32) -> String {
    let started = Instant::now();
    let Output {
        status,
        stdout,
        stderr,
    } = run(folder, arguments).await;
    let complaint = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{complaint}");
    assert!(started.elapsed() < SECONDS, "it took too long: {complaint}");
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    assert!(complaint.starts_with("echelond: "), "{complaint}");
    assert!(!complaint.contains("panicked"), "{complaint}");
    complaint
}

/// As [`refused`] with exit code 1, and in one line.
async fn refused_in_one_line(folder: &Path, arguments: &[&str]) -> String {
    let complaint = refused(folder, arguments, 1).await;
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint
}

#[tokio::test]
async fn a_second_server_on_one_sqlite_file_is_refused_and_the_first_goes_on() {
    let database = TestDatabase::sqlite().await;
    let folder = TempDir::new().unwrap();
    let mut first = Daemon::start(folder.path(), database.url(), &[]);
    let client = first.client().await;
    let listen = ["--listen", "127.0.0.1:0", "--http-listen", ""];
    for second in [
        vec!["--database", database.url()],
        vec!["--database", database.url(), "check"],
    ] {
        let arguments = [&listen[..], &second[..]].concat();
        let complaint = refused_in_one_line(folder.path(), &arguments).await;
        assert!(
            complaint.contains("is in use by another Echelon process"),
            "{complaint}"
        );
        assert!(complaint.contains("stop that one"), "{complaint}");
    }
    let request = echelon_client::v1::ListOrganizationsRequest::default();
    client
        .organizations()
        .list_organizations(request)
        .await
        .unwrap();
    first.stop().await;
}

#[tokio::test]
async fn an_unreachable_database_is_told() {
    let folder = TempDir::new().unwrap();
    // A port that nobody listens on any more.
    let port = free_port();
    let url = format!("postgres://echelon:hunter2@127.0.0.1:{port}/echelon");
    let arguments = [
        "--database",
        &url,
        "--listen",
        "127.0.0.1:0",
        "--http-listen",
        "",
        "--set",
        "connect_timeout=1s",
    ];
    let complaint = refused_in_one_line(folder.path(), &arguments).await;
    assert!(
        complaint.contains("the database cannot be reached"),
        "{complaint}"
    );
    assert!(complaint.contains("check its address"), "{complaint}");
    assert!(!complaint.contains("hunter2"), "{complaint}");
}

#[tokio::test]
async fn a_missing_folder_is_told() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        "--database",
        "sqlite://missing/echelon.db",
        "--listen",
        "127.0.0.1:0",
        "--http-listen",
        "",
    ];
    let complaint = refused_in_one_line(folder.path(), &arguments).await;
    assert!(
        complaint.contains("check that the folder exists"),
        "{complaint}"
    );
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_flag() {
    let folder = TempDir::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for (flag, other) in [("--listen", "--http-listen"), ("--http-listen", "--listen")] {
        let arguments = [
            "--database",
            "sqlite://echelon.db",
            flag,
            &taken,
            other,
            "127.0.0.1:0",
        ];
        let complaint = refused_in_one_line(folder.path(), &arguments).await;
        assert!(
            complaint.contains(&format!("cannot listen on {taken}")),
            "{complaint}"
        );
        assert!(complaint.contains(flag), "{complaint}");
    }
    assert!(
        !folder.path().join("echelon.db").exists(),
        "a refused server left a database behind"
    );
}

#[tokio::test]
async fn an_invalid_configuration_is_told_with_every_fault() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("echelond.toml");
    std::fs::write(&path, "listen = \"nowhere\"\nbatch_sise = 3\n").unwrap();
    let arguments = [
        "--config",
        "echelond.toml",
        "--database",
        "mysql://x:hunter2@y/z",
        "--set",
        "log_format=xml",
    ];
    let complaint = refused(folder.path(), &arguments, 2).await;
    for part in ["listen", "batch_sise", "log_format", "echelond.toml"] {
        assert!(complaint.contains(part), "{part} is missing: {complaint}");
    }
    assert!(!complaint.contains("hunter2"), "{complaint}");

    std::fs::write(&path, "listen = [\n").unwrap();
    let complaint = refused(folder.path(), &["--config", "echelond.toml"], 2).await;
    assert!(complaint.contains("echelond.toml"), "{complaint}");
    let complaint = refused(folder.path(), &["--config", "absent.toml"], 2).await;
    assert!(complaint.contains("absent.toml"), "{complaint}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "no database ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let arguments = [
        "--database",
        "sqlite://notes.txt",
        "--listen",
        "127.0.0.1:0",
        "--http-listen",
        "",
    ];
    let complaint = refused_in_one_line(folder.path(), &arguments).await;
    assert!(complaint.contains("no SQLite database"), "{complaint}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

async fn a_newer_schema_is_refused(database: TestDatabase) {
    let later = "INSERT INTO seaql_migrations VALUES ('m29991231_000001_later', 0)";
    database.execute(later).await;
    let needed = "UPDATE schema_compatibility SET needs = 'm29991231_000001_later'";
    database.execute(needed).await;
    let folder = TempDir::new().unwrap();
    let listen = [
        "--listen",
        "127.0.0.1:0",
        "--http-listen",
        "",
        "--database",
        database.url(),
    ];
    for command in [&[][..], &["--no-migrate"], &["migrate"], &["check"]] {
        let complaint = refused_in_one_line(folder.path(), &[&listen, command].concat()).await;
        assert!(complaint.contains("m29991231_000001_later"), "{complaint}");
        assert!(complaint.contains("run that version"), "{complaint}");
    }
}

#[tokio::test]
async fn config_prints_a_file_that_it_takes_without_the_secrets() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        "--database",
        "postgres://echelon:hunter2@db/echelon",
        "--set",
        "otlp_headers=authorization=hunter3",
        "config",
    ];
    let printed = run(folder.path(), &arguments).await;
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(
        printed.status.success(),
        "{}",
        String::from_utf8_lossy(&printed.stderr)
    );
    assert!(text.contains("database = \"postgres://"), "{text}");
    assert!(text.contains("@db/echelon"), "{text}");
    assert!(!text.contains("hunter"), "{text}");

    let printed = run(folder.path(), &["--set", "batch_size=7", "config"]).await;
    std::fs::write(folder.path().join("printed.toml"), &printed.stdout).unwrap();
    let again = run(folder.path(), &["--config", "printed.toml", "config"]).await;
    assert_eq!(
        again.stdout,
        printed.stdout,
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
