//! `echelond export` and `echelond import` as commands: files, pipes, and a kill in the middle.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Output, Stdio},
};

use echelon_api::v1;
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, on_both};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;

use super::daemon::{Daemon, check, command, run};
use crate::streams::sample::{Stream, events};

on_both!(
    a_database_moves_through_a_pipe_and_a_file,
    e9_an_import_that_is_killed_leaves_nothing,
    an_export_beside_a_server,
);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeeded(output: &Output) {
    let Output { status, stderr, .. } = output;
    assert!(status.success(), "{}", text(stderr));
}

async fn write_stream(folder: &Path, blockers: i64) -> String {
    let path = folder.join("stream");
    let bytes = Stream::with_blockers(blockers).await.bytes();
    fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    path.display().to_string()
}

async fn a_database_moves_through_a_pipe_and_a_file(database: TestDatabase) {
    let folder = TempDir::new().unwrap();
    let stream = write_stream(folder.path(), 8).await;
    let url = database.url();
    let imported = run(folder.path(), &["--database", url, "import", &stream]).await;
    succeeded(&imported);
    assert!(imported.stdout.is_empty());
    let said = text(&imported.stderr);
    assert!(said.starts_with("imported acme: "), "{said}");
    assert!(said.contains(" events, revision "), "{said}");

    let piped = run(folder.path(), &["--database", url, "export"]).await;
    succeeded(&piped);
    assert!(text(&piped.stderr).starts_with("exported acme: "));
    let arguments = ["--database", url, "export", "-o", "acme", "out/acme.stream"];
    let nowhere = run(folder.path(), &arguments).await;
    assert!(text(&nowhere.stderr).contains("check the folder"));
    fs::create_dir(folder.path().join("out")).unwrap();
    succeeded(&run(folder.path(), &arguments).await);
    let file = fs::read(folder.path().join("out/acme.stream")).unwrap();
    assert_eq!(events(&file), events(&piped.stdout));
    let files = fs::read_dir(folder.path().join("out")).unwrap();
    assert_eq!(files.count(), 1, "something is left beside it");

    let mut other = command(
        folder.path(),
        &["--database", "sqlite://other.db", "import"],
    )
    .stdin(Stdio::piped())
    .spawn()
    .unwrap();
    let mut stdin = other.stdin.take().unwrap();
    stdin.write_all(&piped.stdout).await.unwrap();
    drop(stdin);
    succeeded(&other.wait_with_output().await.unwrap());
    check(folder.path(), "sqlite://other.db").await;

    let unknown = ["--database", url, "export", "-o", "umbrella"];
    let refused = run(folder.path(), &unknown).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("`umbrella` does not exist"));
    let again = run(folder.path(), &["--database", url, "import", &stream]).await;
    assert_eq!(again.status.code(), Some(1));
    let said = text(&again.stderr);
    assert!(
        said.contains("nothing was imported: organization `acme` exists"),
        "{said}"
    );
    assert!(!said.contains("panicked"), "{said}");
}

async fn e9_an_import_that_is_killed_leaves_nothing(database: TestDatabase) {
    let folder = TempDir::new().unwrap();
    let mut stream = Stream::with_blockers(30_000).await;
    stream.trailer = None;
    let bytes = stream.bytes();
    // It waits for the rest when it is killed; what came before is with the database by then.
    let mut killed = command(folder.path(), &["--database", database.url(), "import"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = killed.stdin.take().unwrap();
    stdin.write_all(&bytes).await.unwrap();
    stdin.flush().await.unwrap();
    killed.kill().await.unwrap();
    drop(stdin);
    // A server finds nothing, and the same organization can be imported.
    let mut daemon = Daemon::start(folder.path(), database.url(), &[]);
    let client = daemon.client().await;
    let all = v1::ListOrganizationsRequest::default();
    let found = client.organizations().list_organizations(all).await;
    assert_eq!(found.unwrap().into_inner().organizations, []);
    daemon.stop().await;
    for table in ["event", "blocker", "meeting", "node"] {
        assert_eq!(database.rows(table).await, 0, "{table}");
    }
    let whole = write_stream(folder.path(), 100).await;
    let imported = run(
        folder.path(),
        &["--database", database.url(), "import", &whole],
    )
    .await;
    succeeded(&imported);
    check(folder.path(), database.url()).await;
}

async fn an_export_beside_a_server(database: TestDatabase) {
    let folder = TempDir::new().unwrap();
    let stream = write_stream(folder.path(), 8).await;
    let url = database.url();
    succeeded(&run(folder.path(), &["--database", url, "import", &stream]).await);
    let mut daemon = Daemon::start(folder.path(), url, &[]);
    daemon.client().await;
    let exported = run(folder.path(), &["--database", url, "export", "beside"]).await;
    match database.kind() {
        DatabaseKind::Postgres => succeeded(&exported),
        DatabaseKind::Sqlite => {
            assert_eq!(exported.status.code(), Some(1));
            let said = text(&exported.stderr);
            assert!(
                said.contains("is in use by another Echelon process"),
                "{said}"
            );
            assert!(!folder.path().join("beside").exists());
        }
    }
    daemon.stop().await;
}
