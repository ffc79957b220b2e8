//! Checks of a declared document: every faulty field is named at once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Declaration, NodeDeclaration};
use crate::{
    error::{Error, FieldError, InvalidReason},
    id::NodeId,
    node::check_representatives,
    organization::Organization,
    text::{self, TITLE_MAX},
};

const NODES_MAX: usize = 100_000;
/// Most faults listed: a longer list helps nobody.
const FAULTS_MAX: usize = 100;

/// Checks a declaration and returns its nodes with parents before children, children by id.
pub(super) fn validate<'a>(
    organization: &Organization,
    declaration: &'a Declaration,
) -> Result<Vec<&'a NodeDeclaration>, Error> {
    let mut faults = Vec::new();
    if declaration.nodes.is_empty() || declaration.nodes.len() > NODES_MAX {
        return Err(Error::field(
            "nodes",
            format!(
                "has {} nodes: declare 1 to {NODES_MAX}, the root among them",
                declaration.nodes.len()
            ),
        ));
    }
    if let Some(name) = &declaration.display_name {
        collect(&mut faults, text::line("display_name", name, TITLE_MAX));
    }
    collect(
        &mut faults,
        organization
            .settings()
            .patched("settings", &declaration.settings),
    );
    let mut by_id: BTreeMap<&NodeId, &NodeDeclaration> = BTreeMap::new();
    let mut roots = Vec::new();
    for (index, node) in declaration.nodes.iter().enumerate() {
        if by_id.insert(&node.id, node).is_some() {
            faults.push(FieldError::new(
                format!("nodes[{index}].id"),
                format!("`{}` is declared twice: remove one", node.id),
            ));
        }
        if node.parent.is_none() {
            roots.push((index, &node.id));
        }
        if let Some(name) = &node.display_name {
            collect(
                &mut faults,
                text::line(&format!("nodes[{index}].display_name"), name, TITLE_MAX),
            );
        }
        collect(
            &mut faults,
            check_representatives(
                &format!("nodes[{index}].representatives"),
                &node.representatives,
            ),
        );
    }
    for (index, node) in declaration.nodes.iter().enumerate() {
        if let Some(parent) = &node.parent
            && !by_id.contains_key(parent)
        {
            faults.push(FieldError::new(
                format!("nodes[{index}].parent"),
                format!("`{parent}` is not declared: declare it or name another parent"),
            ));
        }
    }
    check_roots(organization, &roots, &mut faults);
    let lost = cyclic(&by_id);
    if !lost.is_empty() {
        let shown: Vec<&str> = lost.iter().map(|id| id.as_str()).take(10).collect();
        faults.push(FieldError::new(
            "nodes",
            format!(
                "{} lie on a cycle of parents: give one of them a parent outside",
                shown.join(", ")
            ),
        ));
    }
    if faults.is_empty() {
        return Ok(in_tree_order(declaration));
    }
    faults.truncate(FAULTS_MAX);
    Err(Error::Invalid {
        reason: InvalidReason::Field,
        fields: faults,
    })
}

/// The nodes whose parents lead back to themselves, or to such a node.
fn cyclic<'a>(by_id: &BTreeMap<&'a NodeId, &'a NodeDeclaration>) -> Vec<&'a NodeId> {
    let mut ends: BTreeMap<&NodeId, bool> = BTreeMap::new();
    for id in by_id.keys() {
        let mut path: BTreeSet<&NodeId> = BTreeSet::new();
        let mut next = Some(*id);
        let end = loop {
            let Some(step) = next else { break true };
            if let Some(known) = ends.get(step) {
                break *known;
            }
            if !path.insert(step) {
                break false;
            }
            next = by_id.get(step).and_then(|node| node.parent.as_ref());
        };
        ends.extend(path.into_iter().map(|step| (step, end)));
    }
    by_id
        .keys()
        .filter(|id| ends.get(**id) == Some(&false))
        .copied()
        .collect()
}

fn check_roots(
    organization: &Organization,
    roots: &[(usize, &NodeId)],
    faults: &mut Vec<FieldError>,
) {
    match roots {
        [] => faults.push(FieldError::new(
            "nodes",
            "has no root: leave the parent of exactly one node empty",
        )),
        [(index, id)] => {
            if let Some(root) = organization.tree().root()
                && root != *id
            {
                faults.push(FieldError::new(
                    format!("nodes[{index}].id"),
                    format!("the root is `{root}` and cannot become `{id}`: declare `{root}` as the root"),
                ));
            }
        }
        [_, rest @ ..] => {
            for (index, id) in rest {
                faults.push(FieldError::new(
                    format!("nodes[{index}].parent"),
                    format!("`{id}` is a second root: give it a parent"),
                ));
            }
        }
    }
}

fn collect<T>(faults: &mut Vec<FieldError>, result: Result<T, Error>) {
    if let Err(Error::Invalid { fields, .. }) = result {
        faults.extend(fields);
    }
}

/// The nodes that hang on the root, parents before children, children by id.
fn in_tree_order(declaration: &Declaration) -> Vec<&NodeDeclaration> {
    let mut children: BTreeMap<Option<&NodeId>, Vec<&NodeDeclaration>> = BTreeMap::new();
    for node in &declaration.nodes {
        children.entry(node.parent.as_ref()).or_default().push(node);
    }
    for siblings in children.values_mut() {
        siblings.sort_by(|a, b| b.id.cmp(&a.id));
    }
    let mut order = Vec::with_capacity(declaration.nodes.len());
    let mut open = children.remove(&None).unwrap_or_default();
    while let Some(node) = open.pop() {
        order.push(node);
        open.extend(children.remove(&Some(&node.id)).unwrap_or_default());
    }
    order
}
