//! Counters that are wrong, in memory or in the tables, are found by a recount and put right by an event.

use echelon_domain::{
    Error, NodeId, Organization,
    blocker::Severity,
    check::{Books, Completeness, check, drift},
    command::{Command, Outcome},
    counters::{Counters, Repair},
    event::{Event, Payload},
    replay::Replay,
};

use crate::support::{Desk, books, level, node, parts};

/// A desk with open, resolved and closed blockers on every level, and its log.
fn desk() -> (Desk, Vec<Event>) {
    let mut desk = Desk::new();
    let mut numbers = Vec::new();
    for team in ["team-a1", "team-a2", "team-b1", "supplier", "team-a1"] {
        numbers.push(desk.raise(team, Severity::High));
    }
    desk.escalate(numbers[0], Some("train"));
    desk.own(numbers[1], None);
    desk.resolve(numbers[2]);
    desk.resolve(numbers[4]);
    desk.run(Command::VerifyBlocker {
        number: numbers[4],
        etag: None,
    });
    desk.meet("sos-a");
    let log = desk.log.clone();
    (desk, log)
}

fn repair(books: Books, limit: usize) -> Command {
    Command::RepairCounters {
        books: Box::new(books),
        limit,
    }
}

fn nodes(drifted: &[Repair]) -> Vec<&str> {
    drifted.iter().map(|repair| repair.node.as_str()).collect()
}

/// Damages the rows of a node.
fn damage(rows: &mut [(NodeId, Counters)], id: &str, damage: impl FnOnce(&mut Counters)) {
    let (_, counters) = rows
        .iter_mut()
        .find(|(node, _)| node.as_str() == id)
        .expect("the node has counters");
    damage(counters);
}

#[test]
fn e9_e2_a_state_from_wrong_rows_drifts_and_is_put_right() {
    let (mut desk, mut log) = desk();
    let sound = desk.organization.clone();
    let mut rows = parts(&sound);
    damage(&mut rows.counters, "train", |counters| {
        counters.by_severity[2] += 3;
        counters.raised_total -= 1;
    });
    damage(&mut rows.counters, "sos-b", |counters| {
        counters.closed_total += 1;
    });
    damage(&mut rows.counters, "team-a1", |counters| {
        counters.by_holder_level.insert(level("CREW"), 7);
    });
    rows.counters.retain(|(node, _)| node.as_str() != "team-a2");
    let mut stored = books(&sound);
    stored.counters = rows.counters.iter().cloned().collect();
    desk.organization = Organization::restore(rows);
    assert_ne!(check(&desk.organization, Completeness::All), []);
    let wrong = ["sos-b", "team-a1", "team-a2", "train"];
    assert_eq!(nodes(&drift(&desk.organization, &stored)), wrong);

    let decision = desk.run(repair(stored, 10));
    assert_eq!(
        decision.outcome,
        Outcome::CountersRepaired {
            nodes: 4,
            remaining: false
        }
    );
    let [event] = decision.events.as_slice() else {
        panic!("one event tells of all: {:?}", decision.events)
    };
    for about in wrong.into_iter().chain(["sos-a", "solution"]) {
        assert!(event.nodes.contains(&node(about)), "{:?}", event.nodes);
    }
    for node in sound.tree().iter() {
        assert_eq!(
            desk.organization.counters(&node.id).countable(),
            sound.counters(&node.id).countable(),
        );
        let changed = event.nodes.contains(&node.id);
        assert_eq!(
            desk.organization.changed(&node.id) == event.revision,
            changed,
            "{}: what is shown of it is prepared anew",
            node.id
        );
    }

    // What was never wrong is what it was, but for what was lost with a whole row.
    log.push(event.clone());
    let mut folded = Organization::empty(sound.id().clone());
    for event in &log {
        folded.apply(event).expect("an event can be folded");
    }
    for node in folded
        .tree()
        .iter()
        .filter(|node| node.id.as_str() != "team-a2")
    {
        assert_eq!(
            folded.counters(&node.id),
            desk.organization.counters(&node.id)
        );
    }
    let again = desk.run(repair(books(&desk.organization), 10));
    assert_eq!(again.events, []);
}

#[test]
fn e9_what_is_wrong_in_the_tables_alone_is_found_and_the_memory_stays() {
    let (mut desk, _) = desk();
    let before = desk.organization.clone();
    for wrong in [
        |counters: &mut Counters| counters.unowned += 1,
        |counters: &mut Counters| counters.by_holder_level.clear(),
        // Only the log can tell these.
        |counters: &mut Counters| counters.escalated_in += 1,
        |counters: &mut Counters| counters.escalated_out -= 1,
        |counters: &mut Counters| counters.meetings_held += 1,
        |counters: &mut Counters| counters.day_open += 1,
    ] {
        let mut stored = books(&before);
        wrong(
            stored
                .counters
                .get_mut(&node("sos-a"))
                .expect("it has counters"),
        );
        assert_eq!(nodes(&drift(&desk.organization, &stored)), ["sos-a"]);
        assert_eq!(desk.run(repair(stored, 10)).events.len(), 1);
        for node in before.tree().iter() {
            assert_eq!(
                desk.organization.counters(&node.id),
                before.counters(&node.id)
            );
        }
    }
}

#[test]
fn e9_who_loaded_what_was_wrong_learns_what_only_the_log_can_tell() {
    let (mut desk, _) = desk();
    let sound = desk.organization.clone();
    let mut rows = parts(&sound);
    damage(&mut rows.counters, "train", |counters| {
        counters.escalated_in = 0;
        counters.unowned += 1;
    });
    let mut stored = books(&sound);
    stored.counters = rows.counters.iter().cloned().collect();
    let mut loaded = Desk::of(Organization::restore(rows));
    // It cannot know better than what it was loaded from, and does not say so.
    let told = loaded.run(repair(stored.clone(), 10));
    desk.follow(&told.events);
    assert_eq!(
        desk.organization.counters(&node("train")),
        sound.counters(&node("train"))
    );
    stored
        .counters
        .insert(node("train"), loaded.organization.counters(&node("train")));
    // Who has seen the log does.
    let told = desk.run(repair(stored, 10));
    loaded.follow(&told.events);
    for node in sound.tree().iter() {
        assert_eq!(
            loaded.organization.counters(&node.id),
            sound.counters(&node.id)
        );
    }
    let agreed = books(&sound);
    for state in [&desk.organization, &loaded.organization] {
        assert_eq!(drift(state, &agreed), []);
    }
}

#[test]
fn e9_many_nodes_are_put_right_a_few_at_a_time() {
    let (mut desk, _) = desk();
    let mut stored = books(&desk.organization);
    stored.counters.clear();
    let wrong = drift(&desk.organization, &stored);
    let mut seen = Vec::new();
    loop {
        let decision = desk.run(repair(stored.clone(), 3));
        for event in &decision.events {
            let Payload::CountersRepaired(repaired) = &event.payload else {
                panic!("{event:?}")
            };
            for Repair { node, .. } in repaired {
                stored
                    .counters
                    .insert(node.clone(), desk.organization.counters(node));
            }
            seen.extend(repaired.clone());
        }
        let Outcome::CountersRepaired { nodes, remaining } = decision.outcome else {
            panic!("{:?}", decision.outcome)
        };
        assert!(nodes <= 3);
        if !remaining {
            break;
        }
    }
    assert!(wrong.len() > 6);
    assert_eq!(seen, wrong);
}

#[test]
fn e9_a_log_from_elsewhere_cannot_count_as_it_likes() {
    let (desk, log) = desk();
    let mut sound = Replay::new(desk.organization.id().clone());
    for event in &log {
        sound.fold(event).expect("the log is sound");
    }
    let right = |id: &str| {
        let counters = desk.organization.counters(&node(id));
        Repair {
            node: node(id),
            logged: Some(counters.logged()),
            counted: counters.countable(),
        }
    };
    let fold = |repaired: Vec<Repair>| -> Result<Organization, Error> {
        let last = log.last().expect("there are events");
        let event = Event {
            revision: last.revision + 1,
            index: 0,
            at: last.at,
            actor: None,
            nodes: ["sos-a", "train", "solution", "sos-b"].map(node).into(),
            payload: Payload::CountersRepaired(repaired),
        };
        let mut replay = sound.clone();
        replay.fold(&event)?;
        replay.finish()
    };
    let folded = fold(vec![right("sos-a"), right("sos-b")]).expect("it changes nothing");
    for node in folded.tree().iter() {
        assert_eq!(
            folded.counters(&node.id),
            desk.organization.counters(&node.id)
        );
    }
    let (mut miscounted, mut mistold, mut nobody) =
        (right("sos-b"), right("sos-b"), right("sos-a"));
    miscounted.counted.raised_total += 1;
    miscounted.counted.closed_total += 1;
    if let Some(logged) = &mut mistold.logged {
        logged.escalated_in += 1;
    }
    nobody.node = node("nobody");
    for (repaired, message) in [
        (vec![], "at least one node"),
        (vec![right("sos-b"), right("sos-a")], "in the order"),
        (vec![right("sos-a"), right("sos-a")], "each once"),
        (vec![nobody, right("sos-a")], "nobody"),
        (vec![right("sos-a"), miscounted], "do not come to"),
        (vec![right("sos-a"), mistold], "do not come to"),
        (vec![right("sos-a"), right("team-b1")], "nearest first"),
    ] {
        let error = fold(repaired).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
}
