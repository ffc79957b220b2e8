//! Trying rules on a blocker.

use echelon_api::v1::{
    self, EscalationRule,
    test_policy_request::{Policy, Subject},
};

use super::super::{
    cases::Cases,
    wanted::{archived, field, missing},
};
use super::{good, rules::faulty_rules, version};
use crate::support::{HOUR, later};

type Try = v1::TestPolicyRequest;

fn trial(cases: &Cases<'_>) -> Try {
    Try {
        parent: cases.world.acme.name(),
        policy: Some(Policy::PolicyName(cases.world.acme.policy("default"))),
        subject: Some(Subject::BlockerName(cases.world.open.clone())),
        min_revision: 0,
    }
}

pub(super) async fn try_policy(cases: &mut Cases<'_>) {
    let base = trial(cases);
    let (acme, foreign) = (
        cases.world.acme.clone(),
        cases.world.other.policy("default"),
    );
    for parent in ["", "acme", "organizations/acme/nodes/rail"] {
        let parent = parent.to_owned();
        cases
            .refused(
                Try {
                    parent,
                    ..base.clone()
                },
                field("parent"),
            )
            .await;
    }
    let nowhere = Try {
        parent: "organizations/nowhere".to_owned(),
        policy: Some(Policy::PolicyName(
            "organizations/nowhere/policies/x".to_owned(),
        )),
        subject: Some(Subject::BlockerName(
            "organizations/nowhere/blockers/B-1".to_owned(),
        )),
        min_revision: 0,
    };
    cases.refused(nowhere, missing("organization")).await;
    cases
        .refused(
            Try {
                policy: None,
                ..base.clone()
            },
            field("policy"),
        )
        .await;
    cases
        .refused(
            Try {
                subject: None,
                ..base.clone()
            },
            field("subject"),
        )
        .await;
    cases
        .min_revisions(|min_revision| Try {
            min_revision,
            ..base.clone()
        })
        .await;
    let named = |name: String| Try {
        policy: Some(Policy::PolicyName(name)),
        ..base.clone()
    };
    for name in [
        "",
        "default",
        "organizations/acme/policies/A",
        "organizations/acme/policies/default/versions/0",
    ] {
        cases
            .refused(named(name.to_owned()), field("policy_name"))
            .await;
    }
    cases
        .refused(
            named(foreign),
            field("policy_name").saying("is of organization"),
        )
        .await;
    cases
        .refused(named(acme.policy("nowhere")), missing("policy"))
        .await;
    let version_name = format!("{}/versions/4711", acme.policy("default"));
    cases
        .refused(named(version_name), missing("policy version"))
        .await;
    let rules = |rules| Try {
        policy: version(rules).map(Policy::Rules),
        ..base.clone()
    };
    faulty_rules(cases, "rules.rules", rules).await;
    // Long, and harmless: it is tried like any other.
    for long in [
        format!("{}true", "true || ".repeat(240)),
        format!("category.matches(\"{}b\")", "(a*)*".repeat(300)),
    ] {
        let rule = EscalationRule {
            when: long,
            ..good()
        };
        acme.ok(rules(vec![rule])).await;
    }
}

pub(super) async fn try_on(cases: &mut Cases<'_>) {
    let base = trial(cases);
    let world = cases.world;
    let acme = world.acme.clone();
    let on = |name: String| Try {
        subject: Some(Subject::BlockerName(name)),
        ..base.clone()
    };
    for name in ["", "B-1", "organizations/acme/nodes/rail"] {
        cases
            .refused(on(name.to_owned()), field("blocker_name"))
            .await;
    }
    cases
        .refused(on(world.other.blocker(1)), field("blocker_name"))
        .await;
    cases
        .refused(on(acme.blocker(4711)), missing("blocker"))
        .await;

    let described = |blocker| Try {
        subject: Some(Subject::Blocker(blocker)),
        ..base.clone()
    };
    let blocker = v1::Blocker {
        origin: acme.node("team-1"),
        title: "No test data".to_owned(),
        ..Default::default()
    };
    let like = || blocker.clone();
    cases
        .other_nodes("blocker.origin", |origin| {
            described(v1::Blocker { origin, ..like() })
        })
        .await;
    cases
        .other_nodes("blocker.holder", |holder| {
            described(v1::Blocker { holder, ..like() })
        })
        .await;
    for node in ["road", "team-2"] {
        let holder = acme.node(node);
        cases
            .refused(
                described(v1::Blocker { holder, ..like() }),
                field("blocker.holder"),
            )
            .await;
    }
    let gone = acme.node("team-8");
    cases
        .refused(
            described(v1::Blocker {
                origin: gone.clone(),
                ..like()
            }),
            archived(),
        )
        .await;
    cases
        .refused(
            described(v1::Blocker {
                holder: gone,
                ..like()
            }),
            archived(),
        )
        .await;
    cases
        .required_lines("blocker.title", 200, |title| {
            described(v1::Blocker { title, ..like() })
        })
        .await;
    cases
        .lines("blocker.owner", 200, |owner| {
            described(v1::Blocker { owner, ..like() })
        })
        .await;
    cases
        .enums("blocker.severity", |severity| {
            described(v1::Blocker { severity, ..like() })
        })
        .await;
    for meetings_survived in [-1, i32::MIN] {
        let request = described(v1::Blocker {
            meetings_survived,
            ..like()
        });
        cases
            .refused(request, field("blocker.meetings_survived"))
            .await;
    }
    times(cases, &like, &described).await;
}

async fn times(
    cases: &mut Cases<'_>,
    like: &impl Fn() -> v1::Blocker,
    described: &impl Fn(v1::Blocker) -> Try,
) {
    type Set = fn(&mut v1::Blocker) -> &mut Option<prost_types::Timestamp>;
    let past: [(&str, Set); 3] = [
        ("blocker.raise_time", |blocker| &mut blocker.raise_time),
        ("blocker.level_enter_time", |blocker| {
            &mut blocker.level_enter_time
        }),
        ("blocker.progress_time", |blocker| {
            &mut blocker.progress_time
        }),
    ];
    let any: [(&str, Set); 4] = [
        ("blocker.due_time", |blocker| &mut blocker.due_time),
        ("blocker.commit_time", |blocker| &mut blocker.commit_time),
        ("blocker.acknowledgement_expire_time", |blocker| {
            &mut blocker.acknowledgement_expire_time
        }),
        ("blocker.hold_expire_time", |blocker| {
            &mut blocker.hold_expire_time
        }),
    ];
    for (at, set) in past.into_iter().chain(any) {
        let make = |time| {
            let mut blocker = like();
            *set(&mut blocker) = time;
            described(blocker)
        };
        cases.times(at, make).await;
    }
    let soon = later(&cases.world.server, HOUR);
    for (at, set) in past {
        let mut blocker = like();
        *set(&mut blocker) = soon;
        cases
            .refused(described(blocker), field(at).saying("is in the future"))
            .await;
    }
}
