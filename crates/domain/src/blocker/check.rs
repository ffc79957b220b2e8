//! Checks of what people write about a blocker.

use std::collections::BTreeMap;

use super::{Content, Labels, Severity};
use crate::{
    command::{ContentPatch, NewBlocker},
    error::Error,
    id::NodeId,
    text::{self, BODY_MAX, TITLE_MAX, Text},
    time::Timestamp,
    tree::Tree,
};

const NODES_MAX: usize = 50;
const LABELS_MAX: usize = 32;
const CATEGORY_MAX: usize = 60;
const LABEL_KEY_MAX: usize = 60;
const LABEL_VALUE_MAX: usize = 200;
const REFERENCE_MAX: usize = 2_000;

/// Makes content of what a caller wrote in `field`. Errors: [`Error::Invalid`], [`Error::NotFound`] for a node.
pub fn content(
    field: &str,
    tree: &Tree,
    new: &NewBlocker,
    reporter: Option<Text>,
    now: Timestamp,
) -> Result<Content, Error> {
    let NewBlocker {
        origin,
        title,
        description,
        severity,
        category,
        blocked_nodes,
        causing_nodes,
        due_at,
        labels,
        external_reference,
        dedupe_key,
    } = new;
    // The tree's own id, so that it is in memory once.
    let origin = &tree.require(origin)?.id;
    let blocked = nodes(&format!("{field}.blocked_nodes"), tree, blocked_nodes)?;
    Ok(Content {
        origin: origin.clone(),
        title: text::line(&format!("{field}.title"), title, TITLE_MAX)?.into(),
        description: text::body(&format!("{field}.description"), description, BODY_MAX)?.into(),
        severity: severity.unwrap_or(Severity::Medium),
        category: text::optional_line(&format!("{field}.category"), category, CATEGORY_MAX)?.into(),
        blocked_nodes: if blocked.is_empty() {
            Box::from([origin.clone()])
        } else {
            blocked
        },
        causing_nodes: nodes(&format!("{field}.causing_nodes"), tree, causing_nodes)?.into(),
        due_at: *due_at,
        labels: check_labels(&format!("{field}.labels"), pairs(labels))?,
        external_reference: reference(&format!("{field}.external_reference"), external_reference)?,
        dedupe_key: text::optional_line(&format!("{field}.dedupe_key"), dedupe_key, TITLE_MAX)?
            .into(),
        reporter,
        raised_at: now,
    })
}

/// The content with some of it changed. Errors: as [`content`].
pub fn patched(tree: &Tree, before: &Content, patch: &ContentPatch) -> Result<Content, Error> {
    let ContentPatch {
        title,
        description,
        severity,
        category,
        due_at,
        labels,
        blocked_nodes,
        causing_nodes,
        external_reference,
    } = patch;
    let mut after = before.clone();
    if let Some(title) = title {
        after.title = text::line("blocker.title", title, TITLE_MAX)?.into();
    }
    if let Some(description) = description {
        after.description = text::body("blocker.description", description, BODY_MAX)?.into();
    }
    if let Some(severity) = severity {
        after.severity = *severity;
    }
    if let Some(category) = category {
        after.category = text::optional_line("blocker.category", category, CATEGORY_MAX)?.into();
    }
    if let Some(due_at) = due_at {
        after.due_at = *due_at;
    }
    if let Some(labels) = labels {
        after.labels = check_labels("blocker.labels", pairs(labels))?;
    }
    if let Some(ids) = blocked_nodes {
        let ids = nodes("blocker.blocked_nodes", tree, ids)?;
        after.blocked_nodes = if ids.is_empty() {
            Box::from([before.origin.clone()])
        } else {
            ids
        };
    }
    if let Some(ids) = causing_nodes {
        after.causing_nodes = nodes("blocker.causing_nodes", tree, ids)?.into();
    }
    if let Some(text) = external_reference {
        after.external_reference = reference("blocker.external_reference", text)?;
    }
    Ok(after)
}

/// Checks that recorded content is as [`content`] makes it. Errors: as [`content`].
pub fn recorded(tree: &Tree, content: &Content) -> Result<(), Error> {
    let Content {
        origin,
        title,
        description,
        severity: _,
        category,
        blocked_nodes,
        causing_nodes,
        due_at: _,
        labels,
        external_reference,
        dedupe_key,
        reporter,
        raised_at: _,
    } = content;
    tree.require(origin)?;
    if title.is_empty() {
        return Err(Error::field(
            "content.title",
            "must not be empty: write at least one character",
        ));
    }
    text::check_line("content.title", title, TITLE_MAX)?;
    text::check_body("content.description", description, BODY_MAX)?;
    text::check_line("content.category", category, CATEGORY_MAX)?;
    if blocked_nodes.is_empty() {
        return Err(Error::field(
            "content.blocked_nodes",
            "is empty: name at least the origin",
        ));
    }
    for (field, ids) in [
        ("content.blocked_nodes", &**blocked_nodes),
        ("content.causing_nodes", causing_nodes),
    ] {
        if nodes(field, tree, ids)?.len() != ids.len() {
            return Err(Error::field(field, "names a node twice: name each once"));
        }
    }
    check_labels("content.labels", labels.iter())?;
    reference("content.external_reference", external_reference)?;
    text::check_line("content.dedupe_key", dedupe_key, TITLE_MAX)?;
    if let Some(reporter) = reporter {
        text::check_line("content.reporter", reporter, TITLE_MAX)?;
    }
    Ok(())
}

/// Checks that each node exists; drops repetitions.
fn nodes(field: &str, tree: &Tree, ids: &[NodeId]) -> Result<Box<[NodeId]>, Error> {
    if ids.len() > NODES_MAX {
        return Err(Error::field(
            field,
            format!(
                "has {} entries, at most {NODES_MAX} are allowed: name a common ancestor instead",
                ids.len()
            ),
        ));
    }
    let mut seen: Vec<NodeId> = Vec::with_capacity(ids.len());
    for id in ids {
        let node = tree.require(id)?;
        if !seen.contains(id) {
            // The tree's own id, so that it is in memory once.
            seen.push(node.id.clone());
        }
    }
    Ok(seen.into())
}

fn check_labels<'a>(
    field: &str,
    labels: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
) -> Result<Labels, Error> {
    if labels.len() > LABELS_MAX {
        return Err(Error::field(
            field,
            format!(
                "has {} entries, at most {LABELS_MAX} are allowed: remove some",
                labels.len()
            ),
        ));
    }
    let mut checked = BTreeMap::new();
    for (key, value) in labels {
        checked.insert(
            text::line(&format!("{field}.key"), key, LABEL_KEY_MAX)?,
            text::optional_line(&format!("{field}.value"), value, LABEL_VALUE_MAX)?,
        );
    }
    Ok(checked.into())
}

fn pairs(labels: &BTreeMap<String, String>) -> impl ExactSizeIterator<Item = (&str, &str)> {
    labels
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
}

fn reference(field: &str, text: &str) -> Result<Text, Error> {
    let text = text::optional_line(field, text, REFERENCE_MAX)?;
    if text.is_empty() || text.starts_with("https://") || text.starts_with("http://") {
        return Ok(text.into());
    }
    Err(Error::field(
        field,
        "is no web address: start it with https:// or http://",
    ))
}
