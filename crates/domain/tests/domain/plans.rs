//! Declared trees: what is declared comes true, applying it again changes nothing, every fault is named.

use std::time::Duration;

use echelon_domain::{
    Error, NodeId,
    blocker::Severity,
    command::{Command, Outcome},
    node::Representative,
    plan::{Declaration, NodeDeclaration, Plan, PlanKind, plan},
    profile::SettingsPatch,
};

use crate::support::{DAY, Desk, level, moves, node};

fn declare(nodes: &[(&str, &str)]) -> Declaration {
    Declaration {
        display_name: None,
        settings: SettingsPatch::default(),
        nodes: nodes
            .iter()
            .map(|(id, parent)| NodeDeclaration {
                id: node(id),
                parent: (!parent.is_empty()).then(|| node(parent)),
                level: level("TEAM"),
                display_name: None,
                representatives: Vec::new(),
            })
            .collect(),
    }
}

/// Applies a declaration twice: the second time there is nothing to do.
fn apply(desk: &mut Desk, declaration: &Declaration) -> Plan {
    let decision = desk.run(Command::ApplyOrganization(declaration.clone()));
    let again = plan(&desk.organization, declaration).expect("it is valid still");
    assert_eq!((again.changes, again.steps), (Vec::new(), Vec::new()));
    let again = desk.run(Command::ApplyOrganization(declaration.clone()));
    assert!(again.events.is_empty());
    match decision.outcome {
        Outcome::Applied(plan) => plan,
        other => panic!("{other:?}"),
    }
}

fn faults(desk: &Desk, declaration: &Declaration) -> Vec<String> {
    match plan(&desk.organization, declaration) {
        Err(Error::Invalid { fields, .. }) => fields
            .into_iter()
            .map(|fault| format!("{}: {}", fault.field, fault.message))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn parent(desk: &Desk, id: &str) -> Option<NodeId> {
    desk.organization.tree().parent(&node(id)).cloned()
}

fn kinds(plan: &Plan) -> Vec<(PlanKind, String)> {
    plan.changes
        .iter()
        .map(|change| {
            (
                change.kind,
                change
                    .node
                    .as_ref()
                    .map_or_else(String::new, NodeId::to_string),
            )
        })
        .collect()
}

#[test]
fn parents_can_be_swapped() {
    let mut desk = Desk::new();
    // solution > train > sos-a > team-a1 becomes solution > team-a1 > sos-a > train.
    let plan = apply(
        &mut desk,
        &declare(&[
            ("train", "sos-a"),
            ("sos-a", "team-a1"),
            ("team-a1", "solution"),
            ("solution", ""),
        ]),
    );
    assert_eq!(parent(&desk, "train"), Some(node("sos-a")));
    assert_eq!(parent(&desk, "sos-a"), Some(node("team-a1")));
    assert_eq!(parent(&desk, "team-a1"), Some(node("solution")));
    let archived: Vec<String> = kinds(&plan)
        .into_iter()
        .filter(|(kind, _)| *kind == PlanKind::Archived)
        .map(|(_, id)| id)
        .collect();
    assert_eq!(
        archived,
        ["team-b1", "sos-b", "team-a2", "supplier"],
        "children first"
    );
}

#[test]
fn what_is_declared_again_comes_back_below_what_is_new() {
    let mut desk = Desk::new();
    apply(&mut desk, &declare(&[("solution", "")]));
    let plan = apply(
        &mut desk,
        &declare(&[
            ("team-a1", "fresh"),
            ("solution", ""),
            ("train", "team-a1"),
            ("fresh", "solution"),
        ]),
    );
    assert_eq!(
        kinds(&plan),
        [
            (PlanKind::Created, "fresh".to_owned()),
            (PlanKind::Restored, "team-a1".to_owned()),
            (PlanKind::Restored, "train".to_owned()),
        ]
    );
    assert_eq!(desk.organization.tree().subtree(&node("solution")).len(), 4);
}

#[test]
fn a_declaration_can_begin_an_organization() {
    let mut desk = Desk::new();
    desk.organization = echelon_domain::Organization::empty(desk.organization.id().clone());
    let mut declaration = declare(&[("a", "root"), ("root", ""), ("b", "a")]);
    declaration.display_name = Some("  Acme  ".to_owned());
    declaration.settings.aged_after = Some(3 * DAY);
    declaration.nodes[0].display_name = Some(" Alpha ".to_owned());
    declaration.nodes[0].representatives = vec![Representative {
        person: " sm@example.com ".to_owned(),
        role: "SCRUM_MASTER".to_owned(),
        start: None,
        end: None,
    }];
    apply(&mut desk, &declaration);
    let name = |id: &str| {
        desk.organization
            .tree()
            .get(&node(id))
            .map(|node| node.display_name.clone())
    };
    assert_eq!(name("a").as_deref(), Some("Alpha"));
    assert_eq!(desk.organization.settings().aged_after, 3 * DAY);
    assert!(desk.organization.policies().count() == 1);
}

#[test]
fn e3_archiving_a_whole_branch_moves_each_blocker_once() {
    let mut desk = Desk::new();
    let deep = desk.raise("team-a1", Severity::Low);
    let middle = desk.raise("team-a2", Severity::Low);
    desk.escalate(middle, None);
    let decision = desk.run(Command::ApplyOrganization(declare(&[
        ("solution", ""),
        ("supplier", "solution"),
    ])));
    let moved = moves(&decision.events);
    assert_eq!(moved.len(), 2);
    assert_eq!(
        (desk.holder(deep).as_str(), desk.holder(middle).as_str()),
        ("solution", "solution")
    );
}

#[test]
fn every_fault_is_named_at_once() {
    let desk = Desk::new();
    let mut declaration = declare(&[
        ("solution", ""),
        ("second", ""),
        ("train", "nowhere"),
        ("train", "solution"),
        ("a", "b"),
        ("b", "a"),
        ("below", "a"),
        ("self", "self"),
    ]);
    declaration.settings.hold_limit = Some(Duration::from_nanos(1));
    declaration.nodes[0].display_name = Some("two\nlines".to_owned());
    declaration.nodes[2].representatives = vec![Representative {
        person: String::new(),
        role: "SCRUM_MASTER".to_owned(),
        start: None,
        end: None,
    }];
    let faults = faults(&desk, &declaration);
    for part in [
        "settings.hold_limit",
        "nodes[0].display_name: must be one line",
        "nodes[1].parent: `second` is a second root",
        "nodes[2].parent: `nowhere` is not declared",
        "nodes[2].representatives[0].person",
        "nodes[3].id: `train` is declared twice",
        "nodes: a, b, below, self lie on a cycle of parents",
    ] {
        assert!(
            faults.iter().any(|fault| fault.contains(part)),
            "{part}: {faults:#?}"
        );
    }
    assert_eq!(faults.len(), 7, "{faults:#?}");
}

#[test]
fn a_tree_needs_its_root() {
    let desk = Desk::new();
    for (nodes, part) in [
        (&[][..], "has 0 nodes"),
        (&[("train", "train")][..], "has no root"),
        (&[("train", "")][..], "the root is `solution`"),
    ] {
        let faults = faults(&desk, &declare(nodes));
        assert!(
            faults.iter().any(|fault| fault.contains(part)),
            "{part}: {faults:?}"
        );
    }
}

#[test]
fn sizes_are_advised_about_and_not_enforced() {
    let mut desk = Desk::new();
    let teams: Vec<String> = (0..13).map(|number| format!("t{number}")).collect();
    let mut nodes = vec![("solution", ""), ("sos", "solution")];
    nodes.extend(teams.iter().map(|team| (team.as_str(), "sos")));
    let plan = apply(&mut desk, &declare(&nodes));
    assert_eq!(plan.warnings.len(), 2, "{:?}", plan.warnings);
}
