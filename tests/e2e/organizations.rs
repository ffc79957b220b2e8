//! Organizations: created, read, changed, and applied as one declared document.

use echelon_api::v1::{self, ErrorReason, planned_change::Kind};
use echelon_testkit::{TestDatabase, TestServer, on_both};
use tonic::Code;

use crate::support::{
    DAY, HOUR, Org, mask, refusal::refused, sample::declaration, sample::declarations, short, span,
};

on_both!(
    a_new_organization_has_a_root_and_the_default_policy,
    an_update_changes_what_its_mask_names,
    without_a_mask_an_update_changes_what_is_set,
    a_stale_etag_is_refused_and_changes_nothing,
    organizations_are_listed_by_name_in_pages,
    what_an_apply_plans_is_what_it_does,
    e7_applying_twice_changes_nothing,
    an_apply_moves_archives_and_restores,
    an_apply_takes_blockers_and_meetings_along,
    an_apply_warns_of_sizes_that_do_not_work,
    a_faulty_declaration_names_every_fault_and_applies_nothing,
);

async fn create(org: &Org, id: &str) -> v1::CreateOrganizationResponse {
    org.ok(v1::CreateOrganizationRequest {
        organization_id: id.to_owned(),
        organization: Some(v1::Organization {
            display_name: format!("The {id}"),
            ..Default::default()
        }),
        ..Default::default()
    })
    .await
}

async fn get(org: &Org) -> v1::Organization {
    let name = org.name();
    let found = org
        .ok(v1::GetOrganizationRequest {
            name,
            ..Default::default()
        })
        .await;
    found.organization.expect("it is found")
}

async fn update(
    org: &Org,
    organization: v1::Organization,
    update_mask: Option<prost_types::FieldMask>,
) -> Result<v1::Organization, tonic::Status> {
    let request = v1::UpdateOrganizationRequest {
        organization: Some(organization),
        update_mask,
        ..Default::default()
    };
    let updated = org.call(request).await?;
    Ok(updated.organization.expect("an update answers with it"))
}

fn apply(org: &Org, nodes: Vec<v1::NodeDeclaration>) -> v1::ApplyOrganizationRequest {
    v1::ApplyOrganizationRequest {
        name: org.name(),
        nodes,
        ..Default::default()
    }
}

/// What an apply changed, as kind and id.
fn told(applied: &v1::ApplyOrganizationResponse) -> Vec<(Kind, &str)> {
    let changes = applied.changes.iter();
    changes
        .map(|change| (change.kind(), short(&change.name)))
        .collect()
}

async fn a_new_organization_has_a_root_and_the_default_policy(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::named(&server, "acme");
    let created = create(&org, "acme").await;
    assert_eq!(created.revision, 1);
    let organization = created.organization.expect("a create answers with it");
    assert_eq!(organization.name, "organizations/acme");
    assert_eq!(organization.display_name, "The acme");
    assert_eq!(organization.root_node, org.node("acme"));
    let settings = organization.settings.expect("settings have defaults");
    assert_eq!(settings.aged_after, span(7 * DAY));
    assert_eq!(settings.due_soon_within, span(2 * DAY));
    assert_eq!(settings.acknowledgement_expiry, span(DAY));
    assert_eq!(settings.hold_limit, span(30 * DAY));
    assert_eq!(get(&org).await, organization);

    let root = org.get_node("acme").await;
    assert_eq!(
        (root.level.as_str(), root.parent.as_str()),
        ("PORTFOLIO", "")
    );
    assert_eq!(root.effective_policy, org.policy("default"));
    let name = org.policy("default");
    let policy = org
        .ok(v1::GetEscalationPolicyRequest {
            name,
            ..Default::default()
        })
        .await;
    let version = policy.policy.and_then(|policy| policy.version);
    assert_eq!(version.expect("it has a version").rules.len(), 8);

    let again = org
        .call(v1::CreateOrganizationRequest {
            organization_id: "acme".to_owned(),
            organization: Some(v1::Organization {
                display_name: "Another".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        })
        .await;
    refused(again, Code::AlreadyExists, ErrorReason::AlreadyExists);
    assert_eq!(get(&org).await, organization);
}

async fn an_update_changes_what_its_mask_names(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let before = get(&org).await;
    let wanted = v1::Organization {
        name: org.name(),
        display_name: "Renamed".to_owned(),
        settings: Some(v1::OrganizationSettings {
            aged_after: span(3 * DAY),
            hold_limit: span(5 * DAY),
            ..Default::default()
        }),
        ..Default::default()
    };
    let updated = update(&org, wanted.clone(), mask(&["settings.aged_after"])).await;
    let updated = updated.expect("the mask is good");
    let settings = updated.settings.expect("settings are told");
    assert_eq!(updated.display_name, before.display_name);
    assert_eq!(settings.aged_after, span(3 * DAY));
    assert_eq!(settings.hold_limit, span(30 * DAY));
    assert_ne!(updated.etag, before.etag);
    assert_eq!(updated.create_time, before.create_time);

    // A span that the mask names and that is not set goes back to its default.
    let unset = v1::Organization {
        name: org.name(),
        ..Default::default()
    };
    let updated = update(&org, unset, mask(&["settings"])).await;
    let settings = updated.expect("the mask is good").settings;
    assert_eq!(settings, before.settings);
}

async fn without_a_mask_an_update_changes_what_is_set(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let wanted = v1::Organization {
        name: org.name(),
        settings: Some(v1::OrganizationSettings {
            due_soon_within: span(5 * HOUR),
            ..Default::default()
        }),
        ..Default::default()
    };
    let updated = update(&org, wanted.clone(), None)
        .await
        .expect("it is good");
    assert_eq!(updated.display_name, "Acme");
    let settings = updated.settings.expect("settings are told");
    assert_eq!(settings.due_soon_within, span(5 * HOUR));
    assert_eq!(settings.aged_after, span(7 * DAY));
    // The same once more is no change.
    assert_eq!(
        update(&org, wanted, None).await.expect("it is good"),
        updated
    );
}

async fn a_stale_etag_is_refused_and_changes_nothing(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let first = get(&org).await;
    let renamed = |name: &str, etag: &str| v1::Organization {
        name: org.name(),
        display_name: name.to_owned(),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let second = update(&org, renamed("Second", &first.etag), None).await;
    let second = second.expect("the etag is that of the newest");
    let stale = update(&org, renamed("Third", &first.etag), None).await;
    refused(stale, Code::Aborted, ErrorReason::StaleEtag);
    assert_eq!(get(&org).await, second);
    // What happens in the organization does not change the organization itself.
    org.raise("team-1", "no test data").await;
    let third = update(&org, renamed("Third", &second.etag), None).await;
    assert_eq!(third.expect("the etag still matches").display_name, "Third");
}

async fn organizations_are_listed_by_name_in_pages(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::named(&server, "any");
    let ids = ["delta", "alpha", "charlie", "echo", "bravo"];
    for id in ids {
        create(&org, id).await;
    }
    let mut listed = Vec::new();
    let mut request = v1::ListOrganizationsRequest {
        page_size: 2,
        ..Default::default()
    };
    let mut sizes = Vec::new();
    loop {
        let page = org.ok(request.clone()).await;
        sizes.push(page.organizations.len());
        listed.extend(page.organizations);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(sizes, [2, 2, 1]);
    let names: Vec<&str> = listed.iter().map(|found| short(&found.name)).collect();
    assert_eq!(names, ["alpha", "bravo", "charlie", "delta", "echo"]);
    let alpha = get(&Org::named(&server, "alpha")).await;
    assert_eq!(listed[0], alpha);
}

async fn what_an_apply_plans_is_what_it_does(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::named(&server, "acme");
    let mut request = apply(&org, declarations());
    request.display_name = "Acme".to_owned();
    let plan = v1::ApplyOrganizationRequest {
        validate_only: true,
        ..request.clone()
    };
    let planned = org.ok(plan.clone()).await;
    let name = org.name();
    let absent = org
        .call(v1::GetOrganizationRequest {
            name,
            ..Default::default()
        })
        .await;
    refused(absent, Code::NotFound, ErrorReason::NotFound);

    let applied = org.ok(request.clone()).await;
    assert_eq!(applied.changes, planned.changes);
    assert_eq!(applied.changes.len(), 15);
    assert_eq!(told(&applied)[0], (Kind::OrganizationCreated, "acme"));
    assert!(
        told(&applied)[1..]
            .iter()
            .all(|(kind, _)| *kind == Kind::Created)
    );
    assert_eq!(applied.warnings, planned.warnings);
    assert_eq!(applied.revision, 1);

    // And for one that is there.
    request.nodes.retain(|node| node.id != "team-8");
    request.nodes.push(declaration("team-9", "rail-b", "TEAM"));
    let plan = v1::ApplyOrganizationRequest {
        nodes: request.nodes.clone(),
        ..plan
    };
    let planned = org.ok(plan).await;
    assert_eq!(planned.revision, 1);
    assert_eq!(org.revision().await, 1);
    let applied = org.ok(request).await;
    assert_eq!(applied.changes, planned.changes);
    assert_eq!(
        told(&applied),
        [(Kind::Created, "team-9"), (Kind::Archived, "team-8")]
    );
}

async fn e7_applying_twice_changes_nothing(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut nodes = declarations();
    nodes[7].display_name = "The first team".to_owned();
    nodes[7].representatives = vec![v1::Representative {
        person: "scrum-master@example.com".to_owned(),
        role: "SCRUM_MASTER".to_owned(),
        ..Default::default()
    }];
    let mut request = apply(&org, nodes);
    request.settings = Some(v1::OrganizationSettings {
        hold_limit: span(9 * DAY),
        ..Default::default()
    });
    let first = org.ok(request.clone()).await;
    assert_eq!(
        told(&first),
        [
            (Kind::OrganizationUpdated, "acme"),
            (Kind::Updated, "team-1")
        ]
    );
    let events = org.events().await.len();
    // Whatever the order of the nodes.
    request.nodes.reverse();
    let second = org.ok(request).await;
    assert_eq!(second.changes, []);
    assert_eq!(second.revision, first.revision);
    assert_eq!(org.events().await.len(), events);
}

async fn an_apply_moves_archives_and_restores(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let mut nodes = declarations();
    // Upside down: a Scrum of Scrums goes below what was its team's neighbour, and a train goes.
    nodes.retain(|node| !["road", "road-a", "team-6", "team-7"].contains(&node.id.as_str()));
    for node in &mut nodes {
        match node.id.as_str() {
            "team-8" => "rail-b".clone_into(&mut node.parent),
            "rail-b" => "rail-a".clone_into(&mut node.parent),
            "team-2" => "SQUAD".clone_into(&mut node.level),
            _ => {}
        }
    }
    let applied = org.ok(apply(&org, nodes)).await;
    let mut changes = told(&applied);
    changes.sort();
    assert_eq!(
        changes,
        [
            (Kind::Moved, "rail-b"),
            (Kind::Moved, "team-8"),
            (Kind::Updated, "team-2"),
            (Kind::Archived, "road"),
            (Kind::Archived, "road-a"),
            (Kind::Archived, "team-6"),
            (Kind::Archived, "team-7"),
        ]
    );
    assert_eq!(org.get_node("rail-b").await.parent, org.node("rail-a"));
    assert_eq!(org.get_node("team-8").await.parent, org.node("rail-b"));
    assert_eq!(org.get_node("team-2").await.level, "SQUAD");
    assert_eq!(org.get_node("road").await.state(), v1::NodeState::Archived);
    assert_eq!(org.get_node("mobility").await.height, 4);

    let restored = org.ok(apply(&org, declarations())).await;
    let mut changes = told(&restored);
    changes.sort();
    assert_eq!(
        changes,
        [
            (Kind::Moved, "rail-b"),
            (Kind::Moved, "team-8"),
            (Kind::Updated, "team-2"),
            (Kind::Restored, "road"),
            (Kind::Restored, "road-a"),
            (Kind::Restored, "team-6"),
            (Kind::Restored, "team-7"),
        ]
    );
    let road = org.get_node("road").await;
    assert_eq!(road.state(), v1::NodeState::Active);
    assert_eq!(road.height, 2);
    assert_eq!(org.ok(apply(&org, declarations())).await.changes, []);
    crate::support::assert_sound(&server).await;
}

async fn an_apply_takes_blockers_and_meetings_along(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let stays = org
        .raise("team-6", "raised below the train that goes")
        .await;
    let moved = org.raise("team-8", "raised in the team that moves").await;
    for blocker in [&stays, &moved] {
        org.ok(v1::EscalateBlockerRequest {
            name: blocker.name.clone(),
            to: org.node("road"),
            reason: "two teams".to_owned(),
            ..Default::default()
        })
        .await;
    }
    let meeting = org.open("road").await;
    let mut nodes = declarations();
    nodes.retain(|node| !["road", "road-a", "team-6", "team-7"].contains(&node.id.as_str()));
    for node in &mut nodes {
        if node.id == "team-8" {
            "rail-a".clone_into(&mut node.parent);
        }
    }
    org.ok(apply(&org, nodes)).await;
    assert_eq!(org.get(&stays.name).await.holder, org.node("mobility"));
    assert_eq!(org.get(&moved.name).await.holder, org.node("mobility"));
    let name = meeting.name;
    let meeting = org
        .ok(v1::GetMeetingRequest {
            name,
            ..Default::default()
        })
        .await
        .meeting;
    assert_eq!(
        meeting.expect("it is there").state(),
        v1::MeetingState::Closed
    );
    crate::support::assert_sound(&server).await;
}

async fn an_apply_warns_of_sizes_that_do_not_work(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::named(&server, "acme");
    let mut nodes = declarations();
    for number in 9..=14 {
        nodes.push(declaration(&format!("team-{number}"), "road-a", "TEAM"));
    }
    for number in 15..=23 {
        let parent = if number % 2 == 0 { "rail-a" } else { "rail-b" };
        nodes.push(declaration(&format!("team-{number}"), parent, "TEAM"));
    }
    let applied = org.ok(apply(&org, nodes)).await;
    let warned = |node: &str| {
        let of_node = format!("{node} has ");
        applied
            .warnings
            .iter()
            .any(|text| text.starts_with(&of_node))
    };
    assert!(warned("road-a"), "{:?}", applied.warnings);
    assert!(warned("rail"), "{:?}", applied.warnings);
    assert!(!warned("road"), "{:?}", applied.warnings);
    assert!(!warned("acme"), "{:?}", applied.warnings);
}

async fn a_faulty_declaration_names_every_fault_and_applies_nothing(database: TestDatabase) {
    let server = TestServer::start(&database).await;
    let org = Org::set_up(&server).await;
    let before = org.revision().await;
    let mut nodes = declarations();
    nodes.push(declaration("team-1", "rail-b", "TEAM"));
    nodes.push(declaration("team-9", "nowhere", "TEAM"));
    nodes.push(declaration("second", "", "PORTFOLIO"));
    let refusal = org.call(apply(&org, nodes)).await;
    let status = refused(refusal, Code::InvalidArgument, ErrorReason::InvalidField);
    let faults = crate::support::refusal::faults(&status);
    let fields: Vec<&str> = faults.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        ["nodes[15].id", "nodes[16].parent", "nodes[17].parent"]
    );
    assert_eq!(org.revision().await, before);
}
