//! The end of a history: roll-ups against a naive recount, the log against the state, and the state against its rows.

use std::time::Duration;

use echelon_domain::{
    NodeId, Organization,
    attention::{Range, attention},
    blocker::{Blocker, EscalationState, Severity, State},
    check::compare,
    rollup::{Figures, rollup},
};

use super::world::World;
use crate::support::parts;

/// Every blocker raised in the subtree of a node, as the tree is now.
fn raised_below<'a>(organization: &'a Organization, node: &NodeId) -> Vec<&'a Blocker> {
    organization
        .blockers()
        .map(|blocker| &**blocker)
        .filter(|blocker| {
            organization
                .tree()
                .is_self_or_ancestor(node, &blocker.content.origin)
        })
        .collect()
}

fn open_below(organization: &Organization, node: &NodeId) -> i64 {
    count(&raised_below(organization, node), |blocker| {
        blocker.is_open()
    })
}

fn count(blockers: &[&Blocker], matches: impl Fn(&Blocker) -> bool) -> i64 {
    i64::try_from(blockers.iter().filter(|blocker| matches(blocker)).count()).expect("few")
}

/// E2, E9: the figures of every node are those of a recount, and those of the children add up.
pub(super) fn check_rollups(world: &World) {
    let organization = &world.live;
    let now = world.now();
    // One whose figures have gone on must rank the past anew, from every blocker.
    let mut later = organization.clone();
    later.advance(now.plus(Duration::from_secs(40 * 86_400)));
    for node in organization.tree().iter() {
        for include_subtree in [true, false] {
            let ranked = |organization| {
                attention(organization, &node.id, include_subtree, Range::ALL, now)
                    .expect("the node exists")
            };
            assert_eq!(ranked(organization), ranked(&later), "{}", node.id);
        }
        let answer = rollup(organization, &node.id, now).expect("the node exists");
        assert_eq!(
            (answer.as_of, answer.revision),
            (now, organization.revision())
        );
        check_figures(world, &node.id, &answer.figures);
        let mut sum = 0;
        for child in &answer.children {
            check_figures(world, &child.node.id, &child.figures);
            sum += child.figures.counters.raised_total;
        }
        let own = count(&raised_below(organization, &node.id), |blocker| {
            blocker.content.origin == node.id
        });
        let archived: i64 = organization
            .tree()
            .iter()
            .filter(|child| child.archived && child.parent.as_ref() == Some(&node.id))
            .map(|child| organization.counters(&child.id).raised_total)
            .sum();
        assert_eq!(
            answer.figures.counters.raised_total,
            sum + own + archived,
            "the children of {}",
            node.id
        );
    }
}

fn check_figures(world: &World, node: &NodeId, figures: &Figures) {
    let organization = &world.live;
    let now = world.now();
    let settings = organization.settings();
    let all = raised_below(organization, node);
    let open: Vec<&Blocker> = all
        .iter()
        .copied()
        .filter(|blocker| blocker.is_open())
        .collect();
    let counters = &figures.counters;
    let tree = organization.tree();
    let above = |blocker: &Blocker| {
        blocker.status.holder != *node && tree.is_self_or_ancestor(&blocker.status.holder, node)
    };
    let deadline = |blocker: &Blocker| {
        blocker
            .content
            .due_at
            .into_iter()
            .chain(blocker.status.committed_at)
            .min()
    };
    for (index, severity) in Severity::ALL.iter().enumerate() {
        assert_eq!(
            counters.by_severity[index],
            count(&open, |b| b.content.severity == *severity)
        );
    }
    for (index, state) in State::ALL.iter().take(4).enumerate() {
        assert_eq!(
            counters.by_state[index],
            count(&open, |b| b.status.state == *state)
        );
    }
    for (level, counted) in &counters.by_holder_level {
        let here = count(&open, |b| {
            tree.get(&b.status.holder)
                .is_some_and(|holder| holder.level == *level)
        });
        assert_eq!(*counted, here);
        assert_ne!(*counted, 0);
    }
    assert_eq!(
        counters.by_holder_level.values().sum::<i64>(),
        count(&open, |_| true)
    );
    assert_eq!(
        counters.held_here,
        count(&open, |b| b.status.holder == *node)
    );
    assert_eq!(counters.held_above, count(&open, above));
    assert_eq!(
        counters.held_below,
        count(&open, |b| b.status.holder != *node && !above(b))
    );
    assert_eq!(counters.unowned, count(&open, |b| b.status.owner.is_none()));
    assert_eq!(
        counters.exhausted,
        count(&open, |b| b.status.escalation == EscalationState::Exhausted)
    );
    assert_eq!(
        counters.awaiting_verification,
        count(&all, |b| b.status.state == State::Resolved)
    );
    assert_eq!(counters.raised_total, count(&all, |_| true));
    assert_eq!(counters.closed_total, count(&all, |b| !b.is_open()));
    let told = world.told.get(node).cloned().unwrap_or_default();
    assert_eq!(counters.escalated_in, told.escalated_in);
    assert_eq!(counters.escalated_out, told.escalated_out);
    assert_eq!(counters.meetings_held, told.meetings_held);
    assert_eq!(
        figures.overdue,
        count(&open, |b| deadline(b).is_some_and(|at| at <= now))
    );
    assert_eq!(
        figures.due_soon,
        count(&open, |b| deadline(b).is_some_and(
            |at| at > now && at <= now.plus(settings.due_soon_within)
        ))
    );
    assert_eq!(
        figures.aged,
        count(&open, |b| now.since(b.content.raised_at)
            > settings.aged_after)
    );
    assert_eq!(
        figures.oldest,
        open.iter().map(|b| b.content.raised_at).min()
    );
    let since_midnight = if now.day() == organization.time().day() {
        open_below(organization, node) - open_below(&world.midnight, node)
    } else {
        0
    };
    assert_eq!(figures.open_since_yesterday, since_midnight, "{node}");
}

/// E9: folding the log from zero gives the state.
pub(super) fn check_log(world: &World) {
    let mut folded = Organization::empty(world.live.id().clone());
    for event in &world.log {
        folded.apply(event).expect("an event can be folded");
    }
    assert_eq!(folded, world.live, "E9");
    assert_eq!(compare(&folded, &world.live), []);
    let revisions: Vec<i64> = world.log.iter().map(|event| event.revision).collect();
    assert!(
        revisions.windows(2).all(|pair| pair[1] - pair[0] <= 1),
        "E10: without gaps"
    );
    assert!(world.log.windows(2).all(|pair| {
        pair[0].revision == pair[1].revision && pair[0].at == pair[1].at || pair[0].at < pair[1].at
    }));
}

/// E9: a state restored from rows, in any order, is the same.
pub(super) fn check_restored(world: &World) {
    let live = &world.live;
    let mut parts = parts(live);
    parts.nodes.sort_by(|a, b| b.id.cmp(&a.id));
    let restored = Organization::restore(parts);
    assert_eq!(compare(live, &restored), []);
    assert_eq!(restored.tree(), live.tree());
    assert_eq!(restored.next_timer(), live.next_timer());
}
