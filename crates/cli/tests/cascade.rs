//! The binary against a real server: a morning by hand, and what goes wrong.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use echelon_api::v1;
use echelon_testkit::{TestDatabase, TestServer};
use serde_json::Value;
use tempfile::TempDir;

/// A server, and a place for the configuration file.
struct Desk {
    server: TestServer,
    home: TempDir,
    // Dropped last: its end takes the file away.
    _database: TestDatabase,
}

impl Desk {
    /// With the organization of docs/cli.md.
    async fn new() -> Self {
        let database = TestDatabase::sqlite().await;
        let desk = Self {
            server: TestServer::start(&database).await,
            home: tempfile::tempdir().expect("there is room for a file"),
            _database: database,
        };
        let address = format!("http://{}", desk.server.address());
        desk.ok(&["context", "set", "test", "--address", &address]);
        desk.ok(&[
            "context",
            "set",
            "test",
            "--organization",
            "acme",
            "--actor",
            "rte@example.com",
        ]);
        let document = desk.document("organization tree");
        desk.ok(&["apply", "-f", document.to_str().expect("the path is text")]);
        desk
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_echelon"));
        for variable in ["ADDRESS", "ORGANIZATION", "ACTOR", "CONTEXT", "TOKEN"] {
            command.env_remove(format!("ECHELON_{variable}"));
        }
        command
            .env("ECHELON_CLI_CONFIG", self.home.path().join("config.toml"))
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .output()
            .expect("the binary was built")
    }

    /// Standard output of a command that must succeed.
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = text(output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        text(output.stdout)
    }

    /// The answer of a command as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[&["-o", "json"], arguments].concat());
        serde_json::from_str(&text).expect("the answer is JSON")
    }

    /// Exit code and standard error of a command that must fail.
    fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(
            output.stdout.is_empty(),
            "data goes to standard output only"
        );
        let errors = text(output.stderr);
        (output.status.code().expect("no signal ended it"), errors)
    }

    /// An example of docs/cli.md as a file.
    fn document(&self, name: &str) -> PathBuf {
        let book = include_str!("../../../docs/cli.md");
        let marker = format!("<!-- example: {name} -->");
        let after = book.split_once(&marker).expect("the example is there").1;
        let block = after.split("```").nth(1).expect("a block follows");
        let text = block.split_once('\n').expect("the block has lines").1;
        let path = self.home.path().join(format!("{name}.yaml"));
        std::fs::write(&path, text).expect("there is room for a file");
        path
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the output is text")
}

#[tokio::test]
async fn a_morning_by_hand() {
    let desk = Desk::new().await;
    assert_eq!(
        desk.ok(&["tree"]),
        "shop  SOLUTION  Shop\n└─ buying  SOS\n   ├─ checkout  TEAM\n   └─ payments  TEAM\n"
    );
    let document = desk.document("organization list");
    assert_eq!(desk.ok(&["apply", "-f", document.to_str().unwrap()]), "");

    assert_eq!(desk.ok(&["-q", "meeting", "open", "checkout"]), "M-1\n");
    let raised = desk.ok(&[
        "-q",
        "meeting",
        "check-in",
        "checkout",
        "--done",
        "Cart",
        "--blocker",
        "HIGH: No test cards",
    ]);
    assert_eq!(raised, "B-1\n");
    let closed = desk.ok(&["meeting", "close", "checkout"]);
    assert!(
        closed.contains("↑  B-1  HIGH      escalated  No test cards"),
        "{closed}"
    );
    let agenda = desk.ok(&["meeting", "agenda", "buying"]);
    assert!(
        agenda.contains("Came up from below\n  B-1  HIGH"),
        "{agenda}"
    );
    let explained = desk.ok(&["explain", "b-1"]);
    assert!(
        explained.contains("escalated checkout → buying (rule "),
        "{explained}"
    );

    let owned = desk.ok(&["blocker", "own", "1", "rte@example.com", "--by", "+2d"]);
    assert!(
        owned.starts_with("B-1 is owned by rte@example.com, committed to "),
        "{owned}"
    );
    desk.ok(&["blocker", "resolve", "B-1", "Cards are back"]);
    assert_eq!(
        desk.ok(&["blocker", "verify", "B-1"]),
        "B-1 is verified: checkout is unblocked\n"
    );
    let blocker = &desk.json(&["blocker", "show", "B-1"])["blocker"];
    assert_eq!(blocker["state"], "BLOCKER_STATE_VERIFIED");
    assert_eq!(blocker["reporter"], "rte@example.com");
    assert_eq!(desk.ok(&["-q", "blocker", "list"]), "");
    let figures = &desk.json(&["rollup"])["rollup"]["figures"];
    assert_eq!(
        (&figures["raised_total"], &figures["closed_total"]),
        (&Value::from("1"), &Value::from("1"))
    );
}

#[tokio::test]
async fn a_policy_is_applied_shown_and_applied_again() {
    let desk = Desk::new().await;
    let text = std::fs::read_to_string(desk.document("policy")).unwrap();
    let path = desk.home.path().join("policy.yaml");
    std::fs::write(&path, text.replace("node: storefront", "node: buying")).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(
        desk.ok(&["policy", "apply", "-f", path]),
        "+ policy storefront  created at buying\n"
    );
    let shown = desk.ok(&["policy", "show", "storefront"]);
    std::fs::write(path, shown).unwrap();
    assert_eq!(
        desk.ok(&["policy", "apply", "-f", path]),
        "policy storefront is as declared, nothing to change\n"
    );
    let tested = desk.ok(&[
        "policy",
        "test",
        "storefront",
        "--origin",
        "checkout",
        "-s",
        "high",
    ]);
    assert!(tested.contains("escalates to "), "{tested}");
}

#[tokio::test]
async fn lists_are_merged_over_their_pages() {
    let desk = Desk::new().await;
    for number in 1..=3 {
        desk.ok(&["blocker", "raise", "checkout", &format!("Blocker {number}")]);
    }
    let all = desk.json(&["blocker", "list"]);
    assert_eq!(all["blockers"].as_array().unwrap().len(), 3);
    assert!(all.get("next_page_token").is_none());
    let some = desk.json(&["blocker", "list", "--limit", "2", "--reverse"]);
    assert_eq!(
        some["blockers"][0]["name"],
        "organizations/acme/blockers/B-3"
    );
    assert_eq!(some["blockers"].as_array().unwrap().len(), 2);
    let revision = some["revision"].as_str().unwrap();
    let read = desk.json(&["--min-revision", revision, "blocker", "show", "B-3"]);
    assert_eq!(read["revision"], revision);
    let followed = desk.ok(&[
        "-o", "json", "events", "--follow", "--after", "0", "--limit", "2",
    ]);
    assert_eq!(followed.lines().count(), 2);
    for line in followed.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[tokio::test]
async fn a_meeting_with_more_than_an_answer_holds_is_shown_whole() {
    const BLOCKERS: usize = 1_050;
    let desk = Desk::new().await;
    for begin in (0..BLOCKERS).step_by(150) {
        let raises: Vec<_> = (begin..begin + 150)
            .map(|number| {
                let mut blockers = desk.server.blockers();
                let request = v1::RaiseBlockerRequest {
                    parent: "organizations/acme".to_owned(),
                    blocker: Some(v1::Blocker {
                        origin: "organizations/acme/nodes/checkout".to_owned(),
                        title: format!("Blocker {number}"),
                        ..v1::Blocker::default()
                    }),
                    ..v1::RaiseBlockerRequest::default()
                };
                tokio::spawn(async move { blockers.raise_blocker(request).await })
            })
            .collect();
        for raise in raises {
            raise.await.unwrap().unwrap();
        }
    }
    desk.ok(&["meeting", "open", "checkout"]);
    let agenda = desk.json(&["meeting", "agenda", "checkout"]);
    assert_eq!(agenda["items"].as_array().unwrap().len(), BLOCKERS);
    for arguments in [["meeting", "close", "M-1"], ["meeting", "show", "M-1"]] {
        let meeting = &desk.json(&arguments)["meeting"];
        assert_eq!(meeting["fates"].as_array().unwrap().len(), BLOCKERS);
    }
}

#[tokio::test]
async fn failures_have_their_exit_codes_and_say_what_to_try() {
    let desk = Desk::new().await;
    for (arguments, code, part) in [
        (
            &["blocker", "show", "B-99"][..],
            3,
            "try: echelon blocker list --all",
        ),
        (&["node", "show", "nope"], 3, "try: echelon tree"),
        (
            &["blocker", "raise", "checkout", ""],
            4,
            "error: blocker.title: ",
        ),
        (&["blocker", "show", "x"], 2, "error: `x` is no blocker"),
        (
            &["meeting", "close", "checkout"],
            5,
            "try: echelon meeting open checkout",
        ),
        (&["node", "archive", "shop"], 5, "error: "),
        (
            &["node", "update", "buying", "-l", "SOS", "--etag", "999"],
            5,
            "error: ",
        ),
        (&["events", "--after", "99999"], 4, "error: "),
        (
            &["--timeout", "1s", "--min-revision", "99999", "tree"],
            6,
            "error: ",
        ),
        (&["--min-revision=-1", "tree"], 2, "--min-revision"),
        (
            &["--organization", "", "tree"],
            2,
            "try: --organization acme",
        ),
        (&["--context", "nope", "tree"], 2, "try: one of: test"),
        (
            &["--address", "localhost:1", "tree"],
            2,
            "write http://localhost:1",
        ),
        (
            &["--address", "http://127.0.0.1:1", "tree"],
            6,
            "try: start a server",
        ),
        (&["tre"], 2, "'tree'"),
    ] {
        let (exit, errors) = desk.fails(arguments);
        assert_eq!(exit, code, "{arguments:?}: {errors}");
        assert!(errors.contains(part), "{arguments:?}: {errors}");
    }
}

#[tokio::test]
async fn a_document_from_standard_input_is_refused_with_its_line() {
    let desk = Desk::new().await;
    let mut child = desk
        .command(&["apply", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(b"organization: acme\nnodes:\n  - id: shop\n    lvl: X\n")
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(
        errors.contains("unknown field `lvl`") && errors.contains("line 4"),
        "{errors}"
    );
}

#[tokio::test]
async fn whoever_has_read_enough_hears_nothing_more() {
    let desk = Desk::new().await;
    let mut child = desk
        .command(&["events", "--follow", "--after", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    // What comes next finds the pipe broken.
    desk.ok(&["blocker", "raise", "checkout", "No test cards"]);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
