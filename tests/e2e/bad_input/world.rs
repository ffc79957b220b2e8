//! An organization in which there is something of everything, and another one.

use echelon_api::v1;
use echelon_testkit::{TestDatabase, TestServer};

use crate::support::{DAY, Org, assert_sound, later, rules};

/// Every table that calls write to.
const TABLES: [&str; 10] = [
    "organization_head",
    "node",
    "policy",
    "policy_version",
    "blocker",
    "meeting",
    "node_counter",
    "counter_log",
    "event",
    "request",
];
/// The request id of a call that was made.
pub(super) const USED: &str = "used-before";

pub(super) struct World {
    // Before the database, which it must not outlive.
    pub(super) server: TestServer,
    database: TestDatabase,
    /// The sample organization. `team-8` is archived, `rail` has the policy `rail-rules`.
    pub(super) acme: Org,
    /// An organization with one node, `other`.
    pub(super) other: Org,
    /// Raised at `team-1` and open.
    pub(super) open: String,
    /// Raised at `team-1` and owned.
    pub(super) owned: String,
    /// Raised at `team-4` and held by the root.
    pub(super) top: String,
    /// Raised at `team-8` before it was archived, and open.
    pub(super) orphan: String,
    /// Closed, each in its way; none can be worked on.
    pub(super) resolved: String,
    pub(super) withdrawn: String,
    pub(super) merged: String,
    /// Resolved; an open one has the same dedupe key.
    pub(super) replaced: String,
    /// Open, of `rail-a`.
    pub(super) meeting: String,
    /// Closed, of `rail-b`.
    pub(super) closed_meeting: String,
    before: Vec<i64>,
}

impl World {
    pub(super) async fn new(database: TestDatabase) -> Self {
        let server = TestServer::start(&database).await;
        let acme = Org::set_up(&server).await;
        let other = Org::named(&server, "other");
        other
            .ok(v1::CreateOrganizationRequest {
                organization_id: "other".to_owned(),
                ..Default::default()
            })
            .await;
        other.raise("other", "of another organization").await;
        other.open("other").await;

        acme.ok(v1::RaiseBlockerRequest {
            parent: acme.name(),
            blocker: Some(v1::Blocker {
                origin: acme.node("team-2"),
                title: "the first".to_owned(),
                ..Default::default()
            }),
            request_id: USED.to_owned(),
            ..Default::default()
        })
        .await;
        let open = acme.raise("team-1", "open").await.name;
        let owned = acme.raise("team-1", "owned").await.name;
        acme.ok(v1::OwnBlockerRequest {
            name: owned.clone(),
            owner: "architect@example.com".to_owned(),
            commit_time: later(&server, DAY),
            ..Default::default()
        })
        .await;
        let top = acme.raise("team-4", "at the top").await.name;
        acme.ok(v1::EscalateBlockerRequest {
            name: top.clone(),
            to: acme.node("acme"),
            reason: "all of us".to_owned(),
            ..Default::default()
        })
        .await;
        let orphan = acme.raise("team-8", "of an archived team").await.name;
        acme.ok(v1::ArchiveNodeRequest {
            name: acme.node("team-8"),
            ..Default::default()
        })
        .await;
        let (resolved, withdrawn, merged) = close_some(&acme, &open).await;
        let replaced = replace(&acme).await;
        let rule = rules::rule("up", "", rules::meeting_closed());
        acme.ok(rules::create(&acme, "rail-rules", "rail", vec![rule]))
            .await;
        let closed_meeting = acme.meet("rail-b").await.name;
        let meeting = acme.open("rail-a").await.name;
        let mut world = Self {
            server,
            database,
            acme,
            other,
            open,
            owned,
            top,
            orphan,
            resolved,
            withdrawn,
            merged,
            replaced,
            meeting,
            closed_meeting,
            before: Vec::new(),
        };
        world.before = world.count().await;
        world
    }

    /// Revisions, and the rows of every table.
    async fn count(&self) -> Vec<i64> {
        let mut counted = vec![self.acme.revision().await, self.other.revision().await];
        for table in TABLES {
            counted.push(self.database.rows(table).await);
        }
        counted
    }

    /// Checks that nothing was written, that all guarantees hold, and that the server still works.
    pub(super) async fn assert_unharmed(&self) {
        assert_eq!(
            self.count().await,
            self.before,
            "revisions, then the rows of {TABLES:?}"
        );
        assert_sound(&self.server).await;
        let raised = self.acme.raise("team-1", "after all that").await;
        self.acme.resolve(&raised.name).await;
    }
}

async fn close_some(acme: &Org, open: &str) -> (String, String, String) {
    let resolved = acme.raise("team-1", "resolved").await.name;
    acme.resolve(&resolved).await;
    let withdrawn = acme.raise("team-1", "withdrawn").await.name;
    acme.ok(v1::WithdrawBlockerRequest {
        name: withdrawn.clone(),
        ..Default::default()
    })
    .await;
    let merged = acme.raise("team-1", "merged").await.name;
    acme.ok(v1::MergeBlockerRequest {
        name: merged.clone(),
        into: open.to_owned(),
        ..Default::default()
    })
    .await;
    (resolved, withdrawn, merged)
}

async fn replace(acme: &Org) -> String {
    let twin = v1::Blocker {
        origin: acme.node("team-3"),
        title: "twin".to_owned(),
        dedupe_key: "twin".to_owned(),
        ..Default::default()
    };
    let replaced = acme.raise_with(twin.clone()).await.name;
    acme.resolve(&replaced).await;
    acme.raise_with(twin).await;
    replaced
}
