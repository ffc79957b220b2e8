//! A backup that is not what was written is found out, and nothing is made of it.

use std::fs;

use super::{BACKUP, DATABASE, Site};

/// Each byte that is flipped alone, by its place: in the database's first page, in its middle, in the manifest, in its length, in
/// the checksum and in what is last.
fn places(length: usize) -> [usize; 7] {
    [
        40,
        length / 3,
        length / 2,
        length - 100,
        length - 56,
        length - 30,
        length - 1,
    ]
}

#[tokio::test]
async fn a_flipped_byte_is_found_by_check_and_by_restore() {
    let site = Site::with_blockers(20).await;
    site.succeed(DATABASE, &["backup", BACKUP]).await;
    let whole = fs::read(site.file(BACKUP)).unwrap();
    for place in places(whole.len()) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        fs::write(site.file("damaged"), damaged).unwrap();
        for command in [
            &["check", "--backup", "damaged"][..],
            &["restore", "damaged"],
        ] {
            let said = site.fail("sqlite://new.db", command).await;
            let found = said.contains("is damaged") || said.contains("is no whole backup");
            assert!(found, "{place} of {}: {said}", whole.len());
        }
        assert!(!site.file("new.db").exists(), "{place}");
    }
    fs::write(site.file("damaged"), &whole).unwrap();
    site.succeed("sqlite://new.db", &["restore", "damaged"])
        .await;
}

#[tokio::test]
async fn what_is_no_whole_backup_is_refused() {
    let site = Site::with_blockers(2).await;
    site.succeed(DATABASE, &["backup", BACKUP]).await;
    let whole = fs::read(site.file(BACKUP)).unwrap();
    for (bytes, why) in [
        (&b""[..], "too short"),
        (&whole[..whole.len() - 1], "its end is missing"),
        (&whole[..whole.len() / 2], "its end is missing"),
        (&whole[4096..], "does not begin with an SQLite database"),
    ] {
        fs::write(site.file("part"), bytes).unwrap();
        let said = site.fail("sqlite://new.db", &["restore", "part"]).await;
        assert!(said.contains(why), "{said}");
    }
    let copied = site.fail("sqlite://new.db", &["restore", "acme.db"]).await;
    assert!(
        copied.contains("`echelond backup` has finished"),
        "{copied}"
    );
    assert!(!site.file("new.db").exists());
}

/// What was wrong before the backup was made is found in it, though every byte of it is as it was written.
#[tokio::test]
async fn e9_a_backup_of_a_damaged_database_is_not_restored() {
    let database = echelon_testkit::TestDatabase::sqlite().await;
    let server = echelon_testkit::TestServer::start(&database).await;
    let org = crate::support::Org::set_up(&server).await;
    org.raise("team-1", "no test data").await;
    server.stop().await;
    database
        .execute("UPDATE blocker SET title = 'something else'")
        .await;
    let site = Site::new();
    site.succeed(database.url(), &["backup", BACKUP]).await;
    let check = ["--database", DATABASE, "check", "--backup", BACKUP];
    let checked = super::run(site.path(), &check).await;
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("E9: "), "{said}");
    let refusal = site.fail(DATABASE, &["restore", BACKUP]).await;
    assert!(refusal.contains("nothing was restored"), "{refusal}");
    assert_eq!(site.files(), [BACKUP]);
}
