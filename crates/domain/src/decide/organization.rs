//! Deciding about the organization itself.

use std::collections::BTreeSet;

use super::{Draft, check_etag, node};
use crate::{
    command::Outcome,
    error::Error,
    event::Payload,
    id::{NodeId, PolicyId},
    node::{Level, Node},
    plan::{self, Declaration, NodeDeclaration, PlanStep},
    policy,
    profile::{Profile, Settings, SettingsPatch},
    text::{self, TITLE_MAX},
};

/// Id of the policy that a new organization comes with.
const DEFAULT_POLICY: &str = "default";
/// Where settings stand in a request about the organization itself; an apply has checked its own before.
const SETTINGS_FIELD: &str = "organization.settings";

pub(super) fn create(
    draft: &mut Draft,
    display_name: &str,
    settings: &SettingsPatch,
    root: &NodeId,
    root_level: &Level,
) -> Result<Outcome, Error> {
    if draft.next.exists() {
        return Err(Error::already_exists("organization", draft.next.id()));
    }
    let profile = Profile {
        display_name: text::line("organization.display_name", display_name, TITLE_MAX)?,
        root: root.clone(),
        settings: Settings::default().patched(SETTINGS_FIELD, settings)?,
        created_at: draft.now,
        updated_at: draft.now,
        revision: 0,
    };
    let node = Node {
        id: root.clone(),
        parent: None,
        level: root_level.clone(),
        display_name: profile.display_name.clone(),
        representatives: Vec::new(),
        archived: false,
        created_at: draft.now,
        updated_at: draft.now,
        revision: 0,
    };
    draft.record(Payload::OrganizationCreated(profile))?;
    draft.record(Payload::NodeCreated(node))?;
    let id = PolicyId::new("policy", DEFAULT_POLICY)?;
    super::policy::create(
        draft,
        &id,
        root,
        Some("Default policy"),
        &policy::default::rules(),
    )?;
    Ok(Outcome::Organization)
}

pub(super) fn update(
    draft: &mut Draft,
    display_name: Option<&str>,
    settings: &SettingsPatch,
    etag: Option<i64>,
) -> Result<Outcome, Error> {
    let before = draft.next.profile()?.clone();
    check_etag(etag, before.revision, "organization", draft.next.id())?;
    let mut profile = (*before).clone();
    if let Some(name) = display_name {
        profile.display_name = text::line("organization.display_name", name, TITLE_MAX)?;
    }
    profile.settings = profile.settings.patched(SETTINGS_FIELD, settings)?;
    if profile != *before {
        draft.record(Payload::OrganizationUpdated(profile))?;
    }
    Ok(Outcome::Organization)
}

/// Makes the tree as declared, step by step; every step is valid when it is taken.
pub(super) fn apply(draft: &mut Draft, declaration: &Declaration) -> Result<Outcome, Error> {
    let plan = plan::plan(&draft.next, declaration)?;
    let leaving: BTreeSet<NodeId> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            PlanStep::Archive(id) => Some(id.clone()),
            _ => None,
        })
        .collect();
    for step in &plan.steps {
        take(draft, step, declaration, &leaving)?;
    }
    Ok(Outcome::Applied(plan))
}

fn take(
    draft: &mut Draft,
    step: &PlanStep,
    declaration: &Declaration,
    leaving: &BTreeSet<NodeId>,
) -> Result<(), Error> {
    match step {
        PlanStep::CreateOrganization { display_name, root } => {
            create(
                draft,
                display_name,
                &declaration.settings,
                &root.id,
                &root.level,
            )?;
            node::update(
                draft,
                &root.id,
                Some(root.display_name.as_deref().unwrap_or(root.id.as_str())),
                None,
                Some(&root.representatives),
            )?;
        }
        PlanStep::UpdateOrganization => {
            update(
                draft,
                declaration.display_name.as_deref(),
                &declaration.settings,
                None,
            )?;
        }
        PlanStep::Create(declared) => {
            let Some(parent) = &declared.parent else {
                return Err(Error::internal("a planned node has no parent"));
            };
            node::create(
                draft,
                &declared.id,
                parent,
                &declared.level,
                declared.display_name.as_deref(),
                &declared.representatives,
            )?;
        }
        PlanStep::Restore(declared) => restore(draft, declared, leaving)?,
        PlanStep::Move { id, new_parent } => {
            node::relocate(draft, id, new_parent, leaving)?;
        }
        PlanStep::Update(declared) => {
            node::update(
                draft,
                &declared.id,
                declared.display_name.as_deref(),
                Some(&declared.level),
                Some(&declared.representatives),
            )?;
        }
        PlanStep::Archive(id) => {
            node::archive(draft, id, leaving)?;
        }
    }
    Ok(())
}

/// An archived node takes part again, where it is declared.
fn restore(
    draft: &mut Draft,
    declared: &NodeDeclaration,
    leaving: &BTreeSet<NodeId>,
) -> Result<(), Error> {
    let Some(parent) = &declared.parent else {
        return Err(Error::internal("a planned node has no parent"));
    };
    draft.next.tree().require_active(parent)?;
    let before = draft.next.tree().require(&declared.id)?.clone();
    if before.parent.as_ref() != Some(parent) {
        node::rehold(draft, &declared.id, parent, leaving)?;
    }
    let node = Node {
        parent: Some(parent.clone()),
        level: declared.level.clone(),
        display_name: node::named(declared.display_name.as_deref(), &declared.id)?,
        representatives: declared.representatives.clone(),
        archived: false,
        ..(*before).clone()
    };
    draft.record(Payload::NodeRestored(node))
}
