//! Escalation policies: immutable versions, what they are in force for, rebases and tests.

use echelon_api::v1::{
    self, ClockBase, ErrorReason, EscalationPolicy, EscalationRule, action,
    rule_verdict::Outcome,
    test_policy_request::{Policy, Subject},
};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use tonic::Code;

use crate::support::{
    DAY, HOUR, MINUTE, Org, assert_sound, at, later,
    log::escalations,
    refusal::{faults, refused},
    rules::{after, create, doing, meeting_closed, raised, rule, update},
    short,
};

on_both!(
    versions_are_immutable_and_listed_newest_first,
    policies_are_listed_by_id_in_pages,
    the_nearest_policy_is_in_force,
    an_edit_of_a_policy_surprises_nothing_in_flight,
    a_rebase_does_what_its_dry_run_tells,
    a_policy_is_tested_on_an_existing_blocker,
    a_policy_is_tested_on_a_described_blocker,
    a_faulty_rule_is_refused_by_rule_and_column,
    validating_changes_nothing,
    every_action_does_what_it_says,
);

fn hourly(hours: u32) -> EscalationRule {
    rule("hours", "", after(HOUR * hours, ClockBase::Progress))
}

async fn get(org: &Org, name: String) -> EscalationPolicy {
    let found = org
        .ok(v1::GetEscalationPolicyRequest {
            name,
            ..Default::default()
        })
        .await;
    found.policy.expect("it is found")
}

fn rules_of(policy: &EscalationPolicy) -> &[EscalationRule] {
    &policy.version.as_ref().expect("it has a version").rules
}

async fn versions_are_immutable_and_listed_newest_first(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await.acting("rte@example.com");
    let created = org.ok(create(&org, "fast", "rail", vec![hourly(1)])).await;
    let first = created.policy.expect("a create answers");
    assert_eq!(first.name, org.policy("fast"));
    assert_eq!(
        (first.node.clone(), first.display_name.as_str()),
        (org.node("rail"), "fast")
    );
    let version = first.version.clone().expect("it has a version");
    assert_eq!(version.name, format!("{}/versions/1", first.name));
    assert_eq!(version.author, "rte@example.com");
    let second = org
        .ok(update(
            &org,
            "fast",
            vec![hourly(2), rule("any", "", raised())],
        ))
        .await;
    let second = second.policy.expect("an update answers");
    assert_ne!(second.etag, first.etag);
    assert_eq!(rules_of(&second).len(), 2);
    // Equal rules are no new version.
    let same = org
        .ok(update(&org, "fast", rules_of(&second).to_vec()))
        .await;
    assert_eq!(same.policy, Some(second.clone()));
    let third = org.ok(update(&org, "fast", vec![hourly(1)])).await.policy;
    let third = third.expect("an update answers");

    assert_eq!(get(&org, org.policy("fast")).await, third);
    let old = get(&org, format!("{}/versions/1", first.name)).await;
    assert_eq!(old.version, first.version);
    let mut listed = Vec::new();
    let mut request = v1::ListEscalationPolicyVersionsRequest {
        parent: first.name.clone(),
        page_size: 1,
        ..Default::default()
    };
    loop {
        let page = org.ok(request.clone()).await;
        listed.extend(page.versions);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let versions = [&third, &second, &first].map(|policy| policy.version.clone());
    assert_eq!(listed.into_iter().map(Some).collect::<Vec<_>>(), versions);

    let mut stale = update(&org, "fast", vec![hourly(3)]);
    stale.policy.as_mut().expect("it has one").etag = first.etag;
    refused(org.call(stale).await, Code::Aborted, ErrorReason::StaleEtag);
}

async fn policies_are_listed_by_id_in_pages(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    for (id, node) in [("west", "road"), ("east", "rail"), ("north", "rail-a")] {
        org.ok(create(&org, id, node, vec![hourly(1)])).await;
    }
    let taken = org
        .call(create(&org, "east", "rail-b", vec![hourly(1)]))
        .await;
    refused(taken, Code::AlreadyExists, ErrorReason::AlreadyExists);
    let second = org
        .call(create(&org, "other", "rail", vec![hourly(1)]))
        .await;
    refused(second, Code::FailedPrecondition, ErrorReason::NodeHasPolicy);
    let mut request = v1::ListEscalationPoliciesRequest {
        parent: org.name(),
        page_size: 3,
        ..Default::default()
    };
    let first = org.ok(request.clone()).await;
    request.page_token = first.next_page_token;
    let second = org.ok(request).await;
    let found: Vec<_> = first.policies.iter().chain(&second.policies).collect();
    let ids: Vec<&str> = found.iter().map(|policy| short(&policy.name)).collect();
    assert_eq!(ids, ["default", "east", "north", "west"]);
    assert_eq!(second.next_page_token, "");
    assert_eq!(*found[1], get(&org, org.policy("east")).await);
}

async fn the_nearest_policy_is_in_force(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.ok(create(&org, "train", "rail", vec![hourly(1)])).await;
    org.ok(create(&org, "sos", "rail-a", vec![hourly(2)])).await;
    for (node, policy) in [
        ("acme", "default"),
        ("road", "default"),
        ("team-7", "default"),
        ("rail", "train"),
        ("team-4", "train"),
        ("rail-a", "sos"),
        ("team-1", "sos"),
    ] {
        assert_eq!(
            org.get_node(node).await.effective_policy,
            org.policy(policy),
            "at {node}"
        );
    }
    // A blocker is pinned to what is in force at its holder, level by level.
    let blocker = org.raise("team-1", "no test data").await;
    let mut pinned = vec![short(&blocker.policy_version).to_owned()];
    let mut policies = vec![blocker.policy_version];
    for _ in 0..3 {
        org.ok(v1::EscalateBlockerRequest {
            name: blocker.name.clone(),
            reason: "up".to_owned(),
            ..Default::default()
        })
        .await;
        let now = org.get(&blocker.name).await;
        pinned.push(short(&now.policy_version).to_owned());
        policies.push(now.policy_version);
    }
    let expected = ["sos", "sos", "train", "default"]
        .map(|policy| format!("{}/versions/1", org.policy(policy)));
    assert_eq!(policies, expected);
}

async fn an_edit_of_a_policy_surprises_nothing_in_flight(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.ok(create(&org, "train", "rail", vec![hourly(5)])).await;
    let old = org.raise("team-1", "before the edit").await;
    org.ok(update(&org, "train", vec![hourly(2)])).await;
    assert_eq!(org.get(&old.name).await, old);
    let new = org.raise("team-1", "after the edit").await;
    assert_eq!(
        new.policy_version,
        format!("{}/versions/2", org.policy("train"))
    );
    server.advance(2 * HOUR + MINUTE);
    server.pass_timers().await;
    assert_eq!(org.get(&old.name).await, old);
    assert_eq!(org.get(&new.name).await.holder, org.node("rail-a"));
    // At its own time it moves, by the version it was pinned to, and enters its new level under the newest.
    server.advance(3 * HOUR);
    server.pass_timers().await;
    let moved = org.get(&old.name).await;
    assert_eq!(moved.holder, org.node("rail-a"));
    assert_eq!(
        moved.policy_version,
        format!("{}/versions/2", org.policy("train"))
    );
    let moves = org.explain(&old.name).await.moves;
    assert_eq!(moves[0].policy_version, old.policy_version);
    assert_sound(&server).await;
}

async fn a_rebase_does_what_its_dry_run_tells(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    org.ok(create(&org, "train", "rail", vec![hourly(50)]))
        .await;
    let old = org.raise("team-1", "old").await;
    let elsewhere = org.raise("team-7", "elsewhere").await;
    let closed = org.raise("team-1", "closed").await;
    org.resolve(&closed.name).await;
    server.advance(3 * HOUR);
    let young = org.raise("team-4", "young").await;
    org.ok(update(&org, "train", vec![hourly(2)])).await;
    let newest = org.raise("team-4", "pinned to the newest already").await;
    let rebase = |dry_run| v1::RebasePolicyRequest {
        name: org.policy("train"),
        dry_run,
        ..Default::default()
    };
    // So that the dry run and the rebase are decided at the same time.
    server.advance(MINUTE);
    let before = org.revision().await;
    let told = org.ok(rebase(true)).await;
    assert_eq!(org.revision().await, before);
    assert_eq!(told.revision, before);
    assert_eq!(org.get(&old.name).await, old);
    let listed: Vec<_> = told
        .blockers
        .iter()
        .map(|found| (found.blocker.as_str(), found.moves_now))
        .collect();
    assert_eq!(
        listed,
        [(old.name.as_str(), true), (young.name.as_str(), false)]
    );
    assert_eq!(told.blockers[0].from_version, old.policy_version);

    let done = org.ok(rebase(false)).await;
    assert_eq!(
        (&done.version, &done.blockers),
        (&told.version, &told.blockers)
    );
    assert_eq!(done.version, format!("{}/versions/2", org.policy("train")));
    assert_eq!(done.revision, before + 1);
    for (blocker, version) in [(&old, 2), (&young, 2), (&newest, 2), (&closed, 1)] {
        let pinned = format!("{}/versions/{version}", org.policy("train"));
        assert_eq!(
            org.get(&blocker.name).await.policy_version,
            pinned,
            "{}",
            blocker.title
        );
    }
    assert_eq!(org.get(&elsewhere.name).await, elsewhere);
    // What moves at once does so by its timer, and the rest when it was foretold.
    server.pass_timers().await;
    assert_eq!(org.get(&old.name).await.holder, org.node("rail-a"));
    assert_eq!(org.get(&young.name).await.holder, org.node("team-4"));
    let next = done.blockers[1]
        .next
        .clone()
        .expect("something happens next");
    assert_eq!(
        (next.rule.as_str(), next.target),
        ("hours", org.node("rail-b"))
    );
    crate::support::advance_to(&server, crate::support::log::time(next.time.as_ref()));
    server.pass_timers().await;
    assert_eq!(org.get(&young.name).await.holder, org.node("rail-b"));
    // There is nothing more to do.
    assert_eq!(org.ok(rebase(true)).await.blockers.len(), 0);
    assert_sound(&server).await;
}

async fn a_policy_is_tested_on_an_existing_blocker(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let blocker = org.raise("team-1", "no test data").await;
    let before = org.revision().await;
    let test = |policy| v1::TestPolicyRequest {
        parent: org.name(),
        policy: Some(policy),
        subject: Some(Subject::BlockerName(blocker.name.clone())),
        min_revision: 0,
    };
    let told = org
        .ok(test(Policy::PolicyName(org.policy("default"))))
        .await;
    let rules: Vec<_> = told.rules.iter().map(|rule| rule.rule.as_str()).collect();
    let explained = org.explain(&blocker.name).await.rules;
    let explained: Vec<_> = explained.iter().map(|rule| rule.rule.as_str()).collect();
    assert_eq!(rules, explained);
    let effects: Vec<_> = told
        .steps
        .iter()
        .filter(|step| step.effect.starts_with("escalates"))
        .map(|step| (step.rule.as_str(), step.effect.as_str()))
        .collect();
    assert_eq!(
        effects,
        [
            ("team-day", "escalates to rail-a"),
            ("sos-meetings", "escalates to rail"),
            ("above-meeting", "escalates to mobility"),
            ("above-meeting", "escalates to acme"),
        ]
    );
    // Rules that are not saved.
    let unsaved = v1::EscalationPolicyVersion {
        rules: vec![doing(
            rule(
                "root",
                "severity == \"MEDIUM\"",
                after(HOUR, ClockBase::Raised),
            ),
            action::Kind::EscalateToRoot(action::EscalateToRoot {}),
        )],
        ..Default::default()
    };
    let told = org.ok(test(Policy::Rules(unsaved))).await;
    assert_eq!(told.rules[0].outcome(), Outcome::Waiting);
    assert_eq!(told.rules[0].target, org.node("acme"));
    let step = &told.steps[0];
    assert_eq!(
        (step.rule.as_str(), step.effect.as_str()),
        ("root", "escalates to acme")
    );
    let due = crate::support::log::time(blocker.raise_time.as_ref()).plus(HOUR);
    assert_eq!(step.time, at(due));
    assert_eq!(org.revision().await, before);
    assert_eq!(org.get(&blocker.name).await, blocker);
}

async fn a_policy_is_tested_on_a_described_blocker(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    server.advance(10 * DAY);
    let now = server.app().now();
    let test = async |blocker: v1::Blocker| {
        org.ok(v1::TestPolicyRequest {
            parent: org.name(),
            policy: Some(Policy::PolicyName(format!(
                "{}/versions/1",
                org.policy("default")
            ))),
            subject: Some(Subject::Blocker(blocker)),
            min_revision: 0,
        })
        .await
    };
    let described = v1::Blocker {
        origin: org.node("team-1"),
        title: "an idea of a blocker".to_owned(),
        ..Default::default()
    };
    let verdict = |told: &v1::TestPolicyResponse, name: &str| {
        let found = told.rules.iter().find(|rule| rule.rule == name);
        found.expect("every rule has a verdict").clone()
    };
    let new = test(described.clone()).await;
    assert_eq!(verdict(&new, "team-day").outcome(), Outcome::Waiting);
    assert_eq!(verdict(&new, "team-day").due_time, at(now.plus(DAY)));
    assert_eq!(verdict(&new, "team-meeting").outcome(), Outcome::Holds);
    assert_eq!(verdict(&new, "critical").outcome(), Outcome::NotMet);

    let old = test(v1::Blocker {
        raise_time: at(now.minus(3 * DAY)),
        ..described.clone()
    })
    .await;
    assert_eq!(verdict(&old, "team-day").outcome(), Outcome::Holds);
    let first = old
        .steps
        .iter()
        .find(|step| step.effect.starts_with("escalates"));
    let first = first.expect("it moves");
    assert_eq!(
        (first.rule.as_str(), first.effect.as_str()),
        ("team-day", "escalates to rail-a")
    );
    assert_eq!(first.time, at(now));

    let higher = test(v1::Blocker {
        holder: org.node("rail-a"),
        meetings_survived: 1,
        ..described.clone()
    })
    .await;
    let survived = verdict(&higher, "sos-meetings");
    assert_eq!(
        (survived.outcome(), survived.target),
        (Outcome::Holds, org.node("rail"))
    );

    let owned = test(v1::Blocker {
        owner: "tech-lead@example.com".to_owned(),
        commit_time: later(&server, 2 * DAY),
        ..described.clone()
    })
    .await;
    assert_eq!(verdict(&owned, "team-meeting").outcome(), Outcome::NotMet);
    assert_eq!(
        verdict(&owned, "commitment-missed").outcome(),
        Outcome::Waiting
    );
    let on_hold = test(v1::Blocker {
        hold_expire_time: later(&server, DAY),
        ..described.clone()
    })
    .await;
    assert!(
        on_hold
            .rules
            .iter()
            .all(|rule| rule.outcome() == Outcome::Suspended)
    );
    let top = test(v1::Blocker {
        holder: org.node("acme"),
        ..described
    })
    .await;
    assert_eq!(verdict(&top, "above-meeting").outcome(), Outcome::NoTarget);
}

async fn a_faulty_rule_is_refused_by_rule_and_column(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let before = org.revision().await;
    let good = rule("good", "severity == \"HIGH\"", meeting_closed());
    for (when, column) in [
        ("severty == \"HIGH\"", "column 1"),
        ("owned && severity > 3", "column 19"),
        ("severity == ", "column"),
        ("meetings_survived", "column 1"),
    ] {
        let faulty = rule("bad", when, meeting_closed());
        let rules = vec![good.clone(), faulty];
        let requests = [
            org.call(create(&org, "fast", "rail", rules.clone()))
                .await
                .map(drop),
            org.call(update(&org, "default", rules)).await.map(drop),
        ];
        for refusal in requests {
            let status = refused(
                refusal,
                Code::InvalidArgument,
                ErrorReason::InvalidCondition,
            );
            let (field, description) = &faults(&status)[0];
            assert_eq!(field, "policy.version.rules[1].when");
            assert!(description.contains("rule `bad`"), "{description}");
            assert!(description.contains(column), "{when}: {description}");
        }
    }
    let twice = create(&org, "fast", "rail", vec![good.clone(), good]);
    let status = org.call(twice).await;
    refused(status, Code::InvalidArgument, ErrorReason::InvalidField);
    let none = org.call(create(&org, "fast", "rail", Vec::new())).await;
    refused(none, Code::InvalidArgument, ErrorReason::InvalidField);
    assert_eq!(org.revision().await, before);
}

async fn validating_changes_nothing(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let before = org.revision().await;
    let mut request = create(&org, "fast", "rail", vec![hourly(1)]);
    request.validate_only = true;
    let would_be = org.ok(request.clone()).await.policy.expect("it answers");
    assert_eq!(would_be.name, org.policy("fast"));
    let name = org.policy("fast");
    let absent = org
        .call(v1::GetEscalationPolicyRequest {
            name,
            ..Default::default()
        })
        .await;
    refused(absent, Code::NotFound, ErrorReason::NotFound);
    let mut edit = update(&org, "default", vec![hourly(1)]);
    edit.validate_only = true;
    let would_be = org.ok(edit).await.policy.expect("it answers");
    assert_eq!(rules_of(&would_be).len(), 1);
    assert_eq!(rules_of(&get(&org, org.policy("default")).await).len(), 8);
    request.policy.as_mut().expect("it has one").node = org.node("nowhere");
    refused(
        org.call(request).await,
        Code::NotFound,
        ErrorReason::NotFound,
    );
    assert_eq!(org.revision().await, before);
}

async fn every_action_does_what_it_says(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let of_category = |name: &str| {
        rule(
            name,
            &format!("category == \"{name}\""),
            after(HOUR, ClockBase::Progress),
        )
    };
    let rules = vec![
        doing(
            of_category("level"),
            action::Kind::EscalateToLevel(action::EscalateToLevel {
                level: "SOLUTION".to_owned(),
            }),
        ),
        doing(
            of_category("common"),
            action::Kind::EscalateToCommonAncestor(action::EscalateToCommonAncestor {}),
        ),
        doing(
            of_category("root"),
            action::Kind::EscalateToRoot(action::EscalateToRoot {}),
        ),
        of_category("parent"),
        doing(
            of_category("owner"),
            action::Kind::RequireOwner(action::RequireOwner {}),
        ),
        doing(
            of_category("notify"),
            action::Kind::Notify(action::Notify {
                roles: vec!["RTE".to_owned()],
                message: "look at this".to_owned(),
            }),
        ),
        rule("meeting", "", meeting_closed()),
    ];
    org.ok(create(&org, "teams", "rail-a", rules)).await;
    let mut names = Vec::new();
    for category in ["level", "common", "root", "parent", "owner", "notify"] {
        let blocker = org
            .raise_with(v1::Blocker {
                origin: org.node("team-1"),
                title: category.to_owned(),
                category: category.to_owned(),
                causing_nodes: vec![org.node("team-4")],
                ..Default::default()
            })
            .await;
        names.push(blocker.name);
    }
    server.advance(HOUR + MINUTE);
    server.pass_timers().await;
    let mut holders = Vec::new();
    for name in &names {
        holders.push(short(&org.get(name).await.holder).to_owned());
    }
    assert_eq!(
        holders,
        ["mobility", "rail", "acme", "rail-a", "team-1", "team-1"]
    );
    let events = org.events().await;
    assert_eq!(escalations(&events).len(), 4);
    let told = crate::support::log::changes(&events);
    let notified = told
        .iter()
        .find(|change| change.kind == v1::BlockerChange::Notified);
    let notified = notified.expect("a notification is in the log");
    assert_eq!(notified.blocker, names[5]);
    assert_eq!(notified.record.roles, ["RTE"]);
    assert_eq!(notified.record.text, "look at this");
    let attention = org
        .ok(v1::ListAttentionRequest {
            node: org.node("team-1"),
            ..Default::default()
        })
        .await;
    let required = attention
        .items
        .iter()
        .find(|item| item.reason() == v1::AttentionReason::OwnerRequired);
    let required = required.and_then(|item| item.blocker.clone());
    assert_eq!(required.map(|blocker| blocker.name), Some(names[4].clone()));
    assert_sound(&server).await;
}
