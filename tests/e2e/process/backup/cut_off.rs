//! A backup that cannot be finished leaves nothing under its name.

use std::{fs, process::Stdio};

use echelon_testkit::echelond;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt as _;
use tokio::process::Command;

use super::{BACKUP, DATABASE, Site};

/// A backup in a shell that lets no file grow beyond 64 KiB, which is less than the database has.
async fn bounded(site: &Site, first: &str) -> std::process::Output {
    let script = format!("{first}; ulimit -c 0; ulimit -f 128; exec \"$@\"");
    Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(echelond())
        .args(["--database", DATABASE, "backup", BACKUP])
        .current_dir(site.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_backup_without_room_leaves_nothing() {
    let site = Site::with_blockers(20).await;
    // What would be written beyond the bound is an error.
    let ended = bounded(&site, "trap '' XFSZ").await;
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("no backup of `acme.db` was made"), "{said}");
    assert_eq!(site.files(), ["acme.db"]);

    let nowhere = site
        .fail(DATABASE, &["backup", "nowhere/acme.backup"])
        .await;
    assert!(nowhere.contains("check the folder"), "{nowhere}");
    assert_eq!(site.files(), ["acme.db"]);
}

#[tokio::test]
async fn a_backup_that_is_killed_in_the_middle_leaves_nothing_under_its_name() {
    let site = Site::with_blockers(20).await;
    // The system kills it at its first write beyond the bound.
    let ended = bounded(&site, "true").await;
    assert_eq!(
        ended.status.signal(),
        Some(Signal::XFSZ.as_raw()),
        "{ended:?}"
    );
    assert!(!site.file(BACKUP).exists());
    let left = site.files();
    let partial = left.iter().find(|name| name.ends_with(".partial"));
    let partial = partial.unwrap_or_else(|| panic!("it had not begun: {left:?}"));
    let size = fs::metadata(site.file(partial)).unwrap().len();
    assert!(size > 0, "it was not in the middle");
    site.succeed(DATABASE, &["backup", BACKUP]).await;
    site.succeed(DATABASE, &["check", "--backup", BACKUP]).await;
}
