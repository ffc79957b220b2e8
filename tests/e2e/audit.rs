//! The drift audit: damage to what is counted is found by a recount and put right, and nothing else is ever touched.

mod replicas;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use echelon_api::{
    convert::event::from_foreign,
    v1::{self, event::Payload},
};
use echelon_domain::{NodeId, OrganizationId, replay::Replay};
use echelon_server::check::check_all;
use echelon_store::DatabaseKind;
use echelon_testkit::{TestDatabase, TestServer, on_both};
use prost::Message as _;

use crate::support::{
    HOUR, Org, assert_sound,
    history::History,
    sample::{NODES, TEAMS},
    soon,
};

on_both!(
    e9_e2_damage_to_the_tables_is_put_right_and_told,
    e9_e2_damage_that_was_loaded_is_put_right_in_memory,
    e9_damage_is_put_right_once_whoever_looks,
    e9_e2_a_sound_history_is_never_repaired_whatever_is_written_meanwhile,
    e9_rows_that_no_event_has_made_are_found,
);

/// Every figure of every node.
async fn figures(org: &Org) -> BTreeMap<&'static str, v1::RollupFigures> {
    let mut figures = BTreeMap::new();
    for (node, _, _) in NODES {
        figures.insert(node, org.figures(node).await);
    }
    figures
}

/// Blockers in every state at every level, and counters of all kinds.
async fn live_a_little(server: &TestServer) -> Org {
    let org = Org::set_up(server).await;
    for team in TEAMS {
        org.raise_many(team, 4).await;
    }
    for number in 1..=6 {
        org.resolve(&org.blocker(number)).await;
    }
    for number in 1..=3 {
        let request = v1::VerifyBlockerRequest {
            name: org.blocker(number),
            ..Default::default()
        };
        org.ok(request).await;
    }
    org.meet("team-3").await;
    server.advance_and_pass(30 * HOUR).await;
    org.meet("rail-a").await;
    org
}

const DAMAGE: [&str; 6] = [
    "UPDATE node_counter SET open_medium = open_medium + 3 WHERE node = 'rail'",
    "UPDATE node_counter SET raised_total = raised_total - 1 WHERE node = 'team-4'",
    // A level that nobody has, and one that is lost.
    "UPDATE node_counter SET levels = '{\"CREW\":2}' WHERE node = 'road'",
    "UPDATE node_counter SET levels = '{}' WHERE node = 'acme'",
    // Only the log can tell this, and the memory is a fold of it.
    "UPDATE node_counter SET escalated_in = 0, meetings_held = 0 WHERE node = 'rail-a'",
    "DELETE FROM node_counter WHERE node = 'team-8'",
];
const DAMAGED: [&str; 6] = ["acme", "rail", "rail-a", "road", "team-4", "team-8"];

async fn damage(server: &TestServer, database: &TestDatabase) {
    server.fold("acme").await;
    for sql in DAMAGE {
        database.execute(sql).await;
    }
}

fn ids(nodes: &[NodeId]) -> Vec<&str> {
    nodes.iter().map(NodeId::as_str).collect()
}

/// What events tell of repairs: the revision, and the ids of the nodes.
fn repairs(events: &[v1::Event]) -> Vec<(i64, Vec<&str>)> {
    events
        .iter()
        .filter_map(|event| match &event.payload {
            Some(Payload::CountersRepaired(repaired)) => {
                let nodes = repaired.nodes.iter().map(|counted| counted.node.as_str());
                Some((event.revision, nodes.collect()))
            }
            _ => None,
        })
        .collect()
}

async fn e9_rows_that_no_event_has_made_are_found(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    live_a_little(&server).await;
    for (table, columns, key, value) in [
        (
            "meeting",
            "organization, node, title, check_ins, fates, departed, opened_us, closed_us",
            "number",
            "77",
        ),
        (
            "policy",
            "organization, node, display_name, latest, revision",
            "policy",
            "'phantom'",
        ),
    ] {
        database
            .execute(&format!(
                "INSERT INTO {table} ({columns}, {key}) SELECT {columns}, {value} FROM {table} LIMIT 1"
            ))
            .await;
    }
    let findings = check_all(server.app().store()).await.expect("it is read");
    let told: Vec<&str> = findings[0]
        .violations
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    for what in ["meetings", "policies"] {
        assert!(
            told.iter().any(|told| told.contains(what)),
            "{what}: {told:?}"
        );
    }
}

async fn e9_e2_damage_to_the_tables_is_put_right_and_told(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = live_a_little(&server).await;
    let before = figures(&org).await;
    let revision = org.revision().await;
    let mut watch = org.watch(String::new()).await;
    let sound = server.audit("acme").await;
    assert_eq!((sound.revision, sound.repaired), (revision, 0));
    assert_eq!(sound.drifted, []);
    damage(&server, &database).await;
    let findings = check_all(server.app().store()).await.expect("it is read");
    assert!(findings[0].violations.len() >= DAMAGED.len());

    let audited = server.audit("acme").await;
    assert_eq!(ids(&audited.drifted), DAMAGED);
    assert_eq!((audited.revision, audited.repaired), (revision, 6));
    let events = org.events_after(revision).await;
    assert_eq!(repairs(&events), [(revision + 1, DAMAGED.to_vec())]);
    let [event] = events.as_slice() else {
        panic!("one event tells of it: {events:?}")
    };
    let about: Vec<String> = event.nodes.clone();
    for node in ["rail-a", "rail", "mobility", "acme", "team-8", "road-a"] {
        assert!(about.contains(&org.node(node)), "{node} in {about:?}");
    }
    assert!(!about.contains(&org.node("team-1")));
    let Some(Payload::CountersRepaired(repaired)) = &event.payload else {
        panic!("{event:?}")
    };
    for counted in &repaired.nodes {
        let figures = &before[counted.node.as_str()];
        let told = v1::NodeCountersRecord {
            node: counted.node.clone(),
            by_severity: figures.by_severity,
            by_state: figures.by_state,
            by_holder_level: figures.by_holder_level.clone(),
            held_here: figures.held_here,
            held_below: figures.held_below,
            held_above: figures.held_above,
            unowned: figures.unowned,
            exhausted: figures.exhausted,
            awaiting_verification: figures.awaiting_verification,
            raised_total: figures.raised_total,
            closed_total: figures.closed_total,
            logged: counted.logged,
        };
        assert_eq!(*counted, told);
        let is_logged = ["rail-a", "team-8"].contains(&counted.node.as_str());
        assert_eq!(counted.logged.is_some(), is_logged, "{}", counted.node);
        if let Some(logged) = &counted.logged {
            assert_eq!(logged.escalated_in, figures.escalated_in);
            assert_eq!(logged.escalated_out, figures.escalated_out);
            assert_eq!(logged.meetings_held, figures.meetings_held);
        }
    }
    let mut seen = Vec::new();
    while seen.is_empty() {
        let message = soon(watch.message()).await.expect("the watch goes on");
        seen = message.expect("the watch goes on").events;
    }
    assert_eq!(seen, events);
    let metrics = server.app().metrics().render(0).expect("they are told");
    for line in [
        "echelon_audits_total{result=\"sound\"} 1",
        "echelon_audits_total{result=\"drifted\"} 1",
        "echelon_drift_repaired_nodes_total 6",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert_eq!(figures(&org).await, before);
    assert_sound(&server).await;

    let clock = server.clock().clone();
    server.kill().await;
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    assert_eq!(figures(&org).await, before);
    assert_eq!(server.audit("acme").await.drifted, []);
    assert_eq!(org.revision().await, revision + 1);
    org.raise("team-8", "goes on").await;
    assert_sound(&server).await;
    assert_fits(&org).await;
}

/// A log with repairs in it can be brought in elsewhere.
async fn assert_fits(org: &Org) {
    let id = OrganizationId::new("organization", "acme").expect("it is an id");
    let mut replay = Replay::new(id.clone());
    for event in org.events().await {
        let event = from_foreign(&id, &event.encode_to_vec()).expect("it can be read");
        replay.fold(&event).expect("it fits");
    }
    replay.finish().expect("nothing is broken at its end");
}

async fn e9_e2_damage_that_was_loaded_is_put_right_in_memory(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = live_a_little(&server).await;
    let before = figures(&org).await;
    let clock = server.clock().clone();
    server.fold("acme").await;
    server.stop().await;
    for sql in [
        "UPDATE node_counter SET open_medium = open_medium + 3, state_raised = state_raised + 3 WHERE node = 'rail'",
        "UPDATE node_counter SET closed_total = 0 WHERE node = 'rail-a'",
        "UPDATE node_counter SET levels = '{\"CREW\":1}' WHERE node = 'team-2'",
    ] {
        database.execute(sql).await;
    }
    let server = TestServer::start_with(&database, clock, |_| {}).await;
    let org = org.through(&server);
    assert_eq!(org.figures("rail").await.open, before["rail"].open + 3);
    // What is counted from wrong counters on is as wrong as they are.
    org.raise("team-4", "in between").await;
    let audited = server.audit("acme").await;
    assert_eq!(ids(&audited.drifted), ["rail", "rail-a", "team-2"]);
    assert_eq!(audited.repaired, 3);
    let after = figures(&org).await;
    assert_eq!(after["rail"].open, before["rail"].open + 1);
    for node in ["rail-a", "team-2", "road", "team-1"] {
        assert_eq!(after[node], before[node]);
    }
    assert_sound(&server).await;
    assert_eq!(server.audit("acme").await.drifted, []);
    assert_fits(&org).await;
}

/// A server, and on PostgreSQL a second one on the same clock.
async fn servers(database: &TestDatabase) -> Vec<TestServer> {
    let mut servers = vec![TestServer::start(database).await];
    if database.kind() == DatabaseKind::Postgres {
        let clock = servers[0].clock().clone();
        servers.push(TestServer::start_with(database, clock, |_| {}).await);
    }
    servers
}

async fn e9_damage_is_put_right_once_whoever_looks(database: TestDatabase) {
    let servers = servers(&database).await;
    let (first, last) = (&servers[0], &servers[servers.len() - 1]);
    let org = live_a_little(first).await;
    let before = figures(&org).await;
    let revision = org.revision().await;
    org.through(last).touch().await;
    damage(first, &database).await;
    let audits = tokio::join!(
        first.audit("acme"),
        last.audit("acme"),
        first.audit("acme"),
        last.audit("acme"),
    );
    let repaired = [&audits.0, &audits.1, &audits.2, &audits.3].map(|audited| audited.repaired);
    assert_eq!(repaired.iter().sum::<usize>(), 6, "{audits:?}");
    let events = org.events_after(revision).await;
    assert_eq!(repairs(&events), [(revision + 1, DAMAGED.to_vec())]);
    for server in &servers {
        let org = org.through(server);
        org.touch().await;
        assert_eq!(figures(&org).await, before);
        assert_eq!(server.audit("acme").await.drifted, []);
    }
    assert_sound(last).await;
}

async fn e9_e2_a_sound_history_is_never_repaired_whatever_is_written_meanwhile(
    database: TestDatabase,
) {
    let servers = servers(&database).await;
    let mut history = History::begin(&servers, 11).await;
    let org = history.org().clone();
    let done = Arc::new(AtomicBool::new(false));
    let writers = (0..4).map(|writer| {
        let org = org.through(&servers[writer % servers.len()]);
        let done = done.clone();
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let raised = org.raise("team-5", "again").await;
                // What is closed for good and opened again is not at hand in between.
                let name = raised.name;
                let withdraw = v1::WithdrawBlockerRequest {
                    name: name.clone(),
                    reason: "no more".to_owned(),
                    ..Default::default()
                };
                let reopen = v1::ReopenBlockerRequest {
                    name: name.clone(),
                    reason: "again".to_owned(),
                    ..Default::default()
                };
                // The tree may change under it.
                drop(org.call(withdraw.clone()).await);
                drop(org.call(reopen).await);
                drop(org.call(withdraw).await);
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let auditing = async {
        let mut audits = 0;
        while !done.load(Ordering::Relaxed) {
            for server in &servers {
                assert_eq!(server.audit("acme").await.drifted, []);
                audits += 1;
            }
        }
        audits
    };
    let acting = async {
        history.run(150).await;
        done.store(true, Ordering::Relaxed);
    };
    let (audits, ()) = tokio::join!(auditing, acting);
    for writer in writers {
        soon(writer).await.expect("no writer panics");
    }
    assert!(audits > 10, "there were {audits} audits");
    assert_eq!(repairs(&org.events().await), []);
    assert_sound(&servers[0]).await;
}
