//! Making a step concrete: its picks choose among what the world has.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use echelon_domain::{
    MeetingNumber, NodeId,
    blocker::ChangeKind,
    command::{Command, ContentPatch, NamedBlocker, NewBlocker, NewCheckIn},
    event::Payload,
    explain::next_step,
    meeting::BlockingClaim,
    plan::{Declaration, NodeDeclaration, plan},
    profile::SettingsPatch,
};

use super::{
    generate::{Edit, Pick, Step},
    pick::{
        choose, fresh, hours, nodes, some_blocker, some_holder, some_level, some_meeting,
        some_node, some_policy,
    },
    world::World,
};
use crate::support::{level, new_blocker, policy};

/// Most timer passes followed to see a foretold move come.
const FOLLOW_MAX: usize = 25;

pub(super) fn act(world: &mut World, step: &Step) {
    match step {
        Step::Advance(span) => world.clock = world.now().plus(*span),
        Step::Foretell(pick) => foretell(world, *pick),
        Step::Apply(picks) => apply(world, picks),
        Step::CloseAgain(pick) => close_again(world, *pick),
        step => {
            if let Some(command) = command(world, step) {
                // A refusal is checked there as well.
                drop(world.run(&command));
            }
        }
    }
}

/// The command of a step; none if there is nothing to do it to.
fn command(world: &World, step: &Step) -> Option<Command> {
    let at = |span: &Option<Duration>| span.map(|span| world.now().plus(span));
    Some(match step {
        Step::Advance(_) | Step::Foretell(_) | Step::Apply(_) | Step::CloseAgain(_) => return None,
        Step::PassTimers(limit) => Command::PassTimers {
            limit: *limit,
            apart: BTreeSet::new(),
        },
        Step::Raise {
            origin,
            severity,
            due,
            key,
            label,
            causing,
            anonymous,
        } => Command::RaiseBlocker {
            blocker: Box::new(NewBlocker {
                due_at: due.map(|due| hours(world, due)),
                dedupe_key: key.map(|key| format!("key-{key}")).unwrap_or_default(),
                labels: labels(*label),
                causing_nodes: causing.iter().map(|pick| some_node(world, *pick)).collect(),
                ..new_blocker(some_node(world, *origin).as_str(), "stuck", *severity)
            }),
            anonymous: *anonymous,
        },
        Step::Open(pick) => Command::OpenMeeting {
            node: some_holder(world, *pick),
            title: None,
        },
        Step::CheckIn {
            meeting,
            node,
            raise,
            existing,
            may_block,
        } => {
            let meeting = some_meeting(world, *meeting)?;
            let host = world.live.meeting(meeting).ok()?.node.clone();
            let mut guests: Vec<NodeId> = world.live.tree().children(&host).cloned().collect();
            guests.push(host);
            let guest = choose(&guests, *node)?;
            let raised = raise.map(|severity| {
                NamedBlocker::New(Box::new(new_blocker(guest.as_str(), "said", severity)))
            });
            let named = existing
                .and_then(|pick| some_blocker(world, pick))
                .map(NamedBlocker::Existing);
            Command::SubmitCheckIn {
                meeting,
                check_in: NewCheckIn {
                    node: guest,
                    accomplished: String::new(),
                    planned: String::new(),
                    blockers: raised.into_iter().chain(named).collect(),
                    may_block: may_block
                        .iter()
                        .map(|pick| BlockingClaim {
                            node: some_node(world, *pick),
                            note: String::new(),
                        })
                        .collect(),
                    decisions: Vec::new(),
                },
            }
        }
        Step::Close(pick) => Command::CloseMeeting {
            number: some_meeting(world, *pick)?,
        },
        Step::Acknowledge(pick, until) => Command::AcknowledgeBlocker {
            number: some_blocker(world, *pick)?,
            until: at(until),
            etag: None,
        },
        Step::Own(pick, who, committed) => Command::OwnBlocker {
            number: some_blocker(world, *pick)?,
            owner: if *who {
                "lead@example.com"
            } else {
                "rte@example.com"
            }
            .to_owned(),
            committed_at: at(committed),
            etag: None,
        },
        Step::Hold(pick, span) => Command::HoldBlocker {
            number: some_blocker(world, *pick)?,
            until: world.now().plus(*span),
            approver: "rte@example.com".to_owned(),
            reason: String::new(),
            etag: None,
        },
        Step::Resolve(pick) => Command::ResolveBlocker {
            number: some_blocker(world, *pick)?,
            resolution: String::new(),
            etag: None,
        },
        Step::Verify(pick) => Command::VerifyBlocker {
            number: some_blocker(world, *pick)?,
            etag: None,
        },
        Step::Reopen(pick) => Command::ReopenBlocker {
            number: some_blocker(world, *pick)?,
            reason: String::new(),
            etag: None,
        },
        Step::Withdraw(pick) => Command::WithdrawBlocker {
            number: some_blocker(world, *pick)?,
            reason: String::new(),
            etag: None,
        },
        Step::Merge(pick, into) => Command::MergeBlocker {
            number: some_blocker(world, *pick)?,
            into: some_blocker(world, *into)?,
            etag: None,
        },
        Step::Escalate(pick, to) => Command::EscalateBlocker {
            number: some_blocker(world, *pick)?,
            to: to.map(|to| some_node(world, to)),
            reason: "by hand".to_owned(),
            etag: None,
        },
        Step::Return(pick, to) => Command::ReturnBlocker {
            number: some_blocker(world, *pick)?,
            to: to.map(|to| some_node(world, to)),
            guidance: "look again".to_owned(),
            etag: None,
        },
        Step::Comment(pick) => Command::CommentOnBlocker {
            number: some_blocker(world, *pick)?,
            text: "still there".to_owned(),
        },
        Step::Edit(pick, edit) => Command::UpdateBlocker {
            number: some_blocker(world, *pick)?,
            patch: Box::new(patch(world, edit)),
            etag: None,
        },
        Step::CreateNode(parent, label) => Command::CreateNode {
            id: fresh(world, 0),
            parent: some_node(world, *parent),
            level: some_level(*label),
            display_name: None,
            representatives: Vec::new(),
        },
        Step::Relabel(pick, label) => Command::UpdateNode {
            id: some_node(world, *pick),
            display_name: None,
            level: Some(some_level(*label)),
            representatives: None,
            etag: None,
        },
        Step::MoveNode(pick, parent) => Command::MoveNode {
            id: some_node(world, *pick),
            new_parent: some_node(world, *parent),
            etag: None,
        },
        Step::Archive(pick) => Command::ArchiveNode {
            id: some_node(world, *pick),
            etag: None,
        },
        Step::CreatePolicy(pick, rules) => Command::CreatePolicy {
            id: policy(&format!("p{}", world.live.policies().count())),
            node: some_node(world, *pick),
            display_name: None,
            rules: rules.clone(),
        },
        Step::UpdatePolicy(pick, rules) => Command::UpdatePolicy {
            id: some_policy(world, *pick)?,
            display_name: None,
            rules: Some(rules.clone()),
            etag: None,
        },
        Step::Rebase(pick) => Command::RebasePolicy {
            id: some_policy(world, *pick)?,
        },
    })
}

fn labels(set: bool) -> BTreeMap<String, String> {
    let label = ("area".to_owned(), "HIGH".to_owned());
    set.then_some(label).into_iter().collect()
}

fn patch(world: &World, edit: &Edit) -> ContentPatch {
    let mut patch = ContentPatch::default();
    match edit {
        Edit::Severity(severity) => patch.severity = Some(*severity),
        Edit::Due(due) => patch.due_at = Some(due.map(|due| hours(world, due))),
        Edit::Description(text) => patch.description = Some(text.to_string()),
        Edit::Label(set) => patch.labels = Some(labels(*set)),
        Edit::Causing(pick) => patch.causing_nodes = Some(vec![some_node(world, *pick)]),
    }
    patch
}

/// E7: closing a meeting again changes nothing.
fn close_again(world: &mut World, pick: Pick) {
    let closed: Vec<MeetingNumber> = world
        .live
        .meetings()
        .filter(|meeting| meeting.closed_at.is_some())
        .map(|meeting| meeting.number)
        .collect();
    if let Some(number) = choose(&closed, pick) {
        let before = world.live.clone();
        let decision = world
            .run(&Command::CloseMeeting { number })
            .expect("E7: it is no error");
        assert!(decision.events.is_empty(), "E7");
        assert_eq!(world.live, before, "E7");
    }
}

/// E6: what `explain` says will happen at a time happens then, if nobody does anything.
fn foretell(world: &mut World, pick: Pick) {
    let Some(blocker) = some_blocker(world, pick).and_then(|n| world.live.blocker(n).ok().cloned())
    else {
        return;
    };
    let Some(next) = next_step(&world.live, &blocker, world.now()) else {
        assert!(!blocker.is_open(), "E6: an open blocker has a next step");
        return;
    };
    let (Some(at), Some(target)) = (next.at, next.target) else {
        return;
    };
    for _ in 0..FOLLOW_MAX {
        let Some(timer) = world.live.next_timer() else {
            break;
        };
        world.clock = world.now().max(timer);
        let now = world.now();
        let decision = world
            .run(&Command::PassTimers {
                limit: 1_000,
                apart: BTreeSet::new(),
            })
            .expect("timers pass");
        let moved = decision
            .events
            .iter()
            .find_map(|event| match &event.payload {
                Payload::BlockerChanged(change) if change.number == blocker.number => {
                    match &change.kind {
                        ChangeKind::Moved(moved) => Some(moved.clone()),
                        _ => None,
                    }
                }
                _ => None,
            });
        // Where another timer held the time up by a microsecond, facts may differ by that.
        if now >= at || moved.is_some() {
            if now == at {
                let moved = moved.expect("E6: what was foretold came");
                assert_eq!((moved.to, moved.rule), (target, next.rule), "E6");
            }
            return;
        }
    }
}

/// Declares a tree made of the nodes there are and two new ones, and applies it; applying it again changes nothing.
fn apply(world: &mut World, picks: &[(Pick, bool)]) {
    let Some(root) = world.live.tree().root().cloned() else {
        return;
    };
    let mut ids: Vec<NodeId> = nodes(world).into_iter().filter(|id| *id != root).collect();
    ids.extend([fresh(world, 0), fresh(world, 1)]);
    let pick = |index: usize| picks[index % picks.len()];
    // Any order of the nodes, in which each may hang below any that comes before it.
    let mut order: Vec<(Pick, NodeId)> = ids
        .into_iter()
        .enumerate()
        .filter(|(index, _)| pick(*index).1)
        .map(|(index, id)| (pick(index).0, id))
        .collect();
    order.sort();
    let mut declared = vec![declare(world, &root, None)];
    for (pick, id) in order {
        let parent = &declared[usize::from(pick) / 7 % declared.len()].id;
        // Most nodes stay where they are if they can.
        let stays = world
            .live
            .tree()
            .parent(&id)
            .filter(|old| declared.iter().any(|d| d.id == **old));
        let parent = if pick.is_multiple_of(3) {
            parent
        } else {
            stays.unwrap_or(parent)
        };
        declared.push(declare(world, &id, Some(parent.clone())));
    }
    declared.reverse();
    let declaration = Declaration {
        display_name: None,
        settings: SettingsPatch::default(),
        nodes: declared,
    };
    world
        .run(&Command::ApplyOrganization(declaration.clone()))
        .expect("a tree can be applied");
    let again = plan(&world.live, &declaration).expect("it is valid still");
    assert!(
        again.steps.is_empty() && again.changes.is_empty(),
        "{again:?}"
    );
}

fn declare(world: &World, id: &NodeId, parent: Option<NodeId>) -> NodeDeclaration {
    NodeDeclaration {
        id: id.clone(),
        parent,
        level: world
            .live
            .tree()
            .get(id)
            .map_or_else(|| level("TEAM"), |node| node.level.clone()),
        display_name: None,
        representatives: Vec::new(),
    }
}
