//! Planning: what must change so that the tree is as declared, in steps that are valid one after the other.

mod validate;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::Error,
    id::NodeId,
    node::{Level, Representative},
    organization::Organization,
    profile::SettingsPatch,
};

/// A Scrum of Scrums works best with four or five teams.
const TEAMS_OF_SOS_MAX: usize = 5;
/// A train has at most twelve teams.
const TEAMS_OF_TRAIN_MAX: usize = 12;

/// The whole tree as one declared document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Name for people; none leaves it.
    pub display_name: Option<String>,
    /// Settings to change.
    pub settings: SettingsPatch,
    /// Every node, in any order.
    pub nodes: Vec<NodeDeclaration>,
}

/// One declared node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDeclaration {
    /// Id.
    pub id: NodeId,
    /// Parent; none for the root.
    pub parent: Option<NodeId>,
    /// Level label.
    pub level: Level,
    /// Name for people; none: the id.
    pub display_name: Option<String>,
    /// Who speaks for it.
    pub representatives: Vec<Representative>,
}

impl NodeDeclaration {
    /// The declared name as it is stored.
    fn name(&self) -> Option<&str> {
        self.display_name.as_deref().map(str::trim)
    }
}

/// Kind of a planned change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanKind {
    /// The node is new.
    Created,
    /// The node gets another parent.
    Moved,
    /// The node's name, level or representatives change.
    Updated,
    /// The node is not declared any more.
    Archived,
    /// An archived node is declared again.
    Restored,
    /// The organization is created.
    OrganizationCreated,
    /// The organization's name or settings change.
    OrganizationUpdated,
}

/// One planned change, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedChange {
    /// Kind.
    pub kind: PlanKind,
    /// The node; none for the organization itself.
    pub node: Option<NodeId>,
    /// What exactly.
    pub detail: String,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanStep {
    /// Create the organization with its root.
    CreateOrganization {
        /// Name for people.
        display_name: String,
        /// The root.
        root: Box<NodeDeclaration>,
    },
    /// Change the organization's name or settings.
    UpdateOrganization,
    /// Create a node below its parent, which is there.
    Create(NodeDeclaration),
    /// Let an archived node take part again, below its declared parent.
    Restore(NodeDeclaration),
    /// Give a node its declared parent.
    Move {
        /// The node.
        id: NodeId,
        /// Its new parent.
        new_parent: NodeId,
    },
    /// Give a node its declared name, level and representatives.
    Update(NodeDeclaration),
    /// Archive a node, whose children are archived or moved already.
    Archive(NodeId),
}

/// What must change so that the tree is as declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The changes, for people, in order.
    pub changes: Vec<PlannedChange>,
    /// The steps, in order; each is valid after the ones before it.
    pub steps: Vec<PlanStep>,
    /// Advice that does not stop the change.
    pub warnings: Vec<String>,
}

impl Plan {
    fn add(&mut self, kind: PlanKind, node: Option<&NodeId>, detail: String, step: PlanStep) {
        self.changes.push(PlannedChange {
            kind,
            node: node.cloned(),
            detail,
        });
        self.steps.push(step);
    }
}

/// Plans a declaration. Errors: [`Error::Invalid`] with every faulty field.
pub fn plan(organization: &Organization, declaration: &Declaration) -> Result<Plan, Error> {
    let order = validate::validate(organization, declaration)?;
    let mut plan = Plan::default();
    plan_organization(organization, declaration, &order, &mut plan)?;
    // Parents come before their children in `order`: when a node is placed, all above it are in their places already,
    // so no move can make a cycle.
    let tree = organization.tree();
    let mut parents: BTreeMap<&NodeId, &NodeId> = tree
        .iter()
        .filter(|node| !node.archived)
        .filter_map(|node| node.parent.as_ref().map(|parent| (&node.id, parent)))
        .collect();
    for declared in &order {
        let Some(parent) = &declared.parent else {
            plan_update(organization, declared, &mut plan);
            continue;
        };
        let id = &declared.id;
        match tree.get(id) {
            None => plan.add(
                PlanKind::Created,
                Some(id),
                format!("{} below {parent}", declared.level.as_str()),
                PlanStep::Create((*declared).clone()),
            ),
            Some(node) if node.archived => plan.add(
                PlanKind::Restored,
                Some(id),
                format!("below {parent}"),
                PlanStep::Restore((*declared).clone()),
            ),
            Some(_) => {
                let before = parents.get(id).map_or("", |before| before.as_str());
                if before != parent.as_str() {
                    plan.add(
                        PlanKind::Moved,
                        Some(id),
                        format!("parent {before} → {parent}"),
                        PlanStep::Move {
                            id: id.clone(),
                            new_parent: parent.clone(),
                        },
                    );
                }
                plan_update(organization, declared, &mut plan);
            }
        }
        parents.insert(id, parent);
    }
    plan_archives(organization, &order, &parents, &mut plan);
    plan.warnings = warnings(&order);
    Ok(plan)
}

fn plan_organization(
    organization: &Organization,
    declaration: &Declaration,
    order: &[&NodeDeclaration],
    plan: &mut Plan,
) -> Result<(), Error> {
    let Some(root) = order.first() else {
        return Ok(());
    };
    if !organization.exists() {
        let display_name = declaration
            .display_name
            .clone()
            .unwrap_or_else(|| organization.id().to_string());
        plan.add(
            PlanKind::OrganizationCreated,
            None,
            format!("with the root {} and the default policy", root.id),
            PlanStep::CreateOrganization {
                display_name,
                root: Box::new((*root).clone()),
            },
        );
        return Ok(());
    }
    let profile = organization.profile()?;
    let mut detail = Vec::new();
    if let Some(name) = declaration.display_name.as_deref().map(str::trim)
        && name != profile.display_name
    {
        detail.push(format!("name {:?} → {name:?}", profile.display_name));
    }
    if profile
        .settings
        .patched("settings", &declaration.settings)?
        != profile.settings
    {
        detail.push("settings".to_owned());
    }
    if !detail.is_empty() {
        plan.add(
            PlanKind::OrganizationUpdated,
            None,
            detail.join(", "),
            PlanStep::UpdateOrganization,
        );
    }
    Ok(())
}

fn plan_update(organization: &Organization, declared: &NodeDeclaration, plan: &mut Plan) {
    let Some(node) = organization.tree().get(&declared.id) else {
        return;
    };
    let mut detail = Vec::new();
    if let Some(name) = declared.name()
        && name != node.display_name
    {
        detail.push(format!("name {:?} → {name:?}", node.display_name));
    }
    if node.level != declared.level {
        detail.push(format!(
            "level {} → {}",
            node.level.as_str(),
            declared.level.as_str()
        ));
    }
    if node.representatives != declared.representatives {
        detail.push("representatives".to_owned());
    }
    if !detail.is_empty() {
        plan.add(
            PlanKind::Updated,
            Some(&declared.id),
            detail.join(", "),
            PlanStep::Update(declared.clone()),
        );
    }
}

fn plan_archives(
    organization: &Organization,
    order: &[&NodeDeclaration],
    parents: &BTreeMap<&NodeId, &NodeId>,
    plan: &mut Plan,
) {
    let declared: BTreeSet<&NodeId> = order.iter().map(|node| &node.id).collect();
    let depth =
        |id: &NodeId| std::iter::successors(Some(id), |step| parents.get(step).copied()).count();
    let mut archived: Vec<&NodeId> = organization
        .tree()
        .iter()
        .filter(|node| !node.archived && !declared.contains(&node.id))
        .map(|node| &node.id)
        .collect();
    // Children first.
    archived.sort_by_key(|id| (std::cmp::Reverse(depth(id)), (*id).clone()));
    for id in archived {
        plan.add(
            PlanKind::Archived,
            Some(id),
            "not declared any more".to_owned(),
            PlanStep::Archive(id.clone()),
        );
    }
}

/// Advice on sizes.
fn warnings(order: &[&NodeDeclaration]) -> Vec<String> {
    let mut children: BTreeMap<&NodeId, Vec<&NodeId>> = BTreeMap::new();
    for node in order {
        if let Some(parent) = &node.parent {
            children.entry(parent).or_default().push(&node.id);
        }
    }
    let is_leaf = |id: &NodeId| !children.contains_key(id);
    let mut warnings = Vec::new();
    for (id, below) in &children {
        if below.iter().all(|child| is_leaf(child)) {
            if below.len() > TEAMS_OF_SOS_MAX {
                warnings.push(format!(
                    "{id} has {} teams: a Scrum of Scrums works best with 4–{TEAMS_OF_SOS_MAX}",
                    below.len()
                ));
            }
            continue;
        }
        let grandchildren: Vec<&NodeId> = below
            .iter()
            .flat_map(|child| children.get(child).into_iter().flatten().copied())
            .collect();
        if grandchildren.iter().all(|id| is_leaf(id)) && grandchildren.len() > TEAMS_OF_TRAIN_MAX {
            warnings.push(format!(
                "{id} has {} teams: a train works best with 5–{TEAMS_OF_TRAIN_MAX}",
                grandchildren.len()
            ));
        }
    }
    warnings
}
