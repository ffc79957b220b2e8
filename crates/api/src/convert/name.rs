//! Resource names: `organizations/{organization}`, `…/nodes/{node}`, `…/blockers/B-{number}`, `…/meetings/M-{number}`,
//! `…/policies/{policy}` and `…/policies/{policy}/versions/{version}`.

use std::fmt::Display;

use echelon_domain::{BlockerNumber, Error, MeetingNumber, NodeId, OrganizationId, PolicyId};

/// Name of an organization.
pub fn organization(organization: impl Display) -> String {
    format!("organizations/{organization}")
}

/// Name of a node.
pub fn node(organization: impl Display, node: impl Display) -> String {
    format!("organizations/{organization}/nodes/{node}")
}

/// Name of a blocker.
pub fn blocker(organization: impl Display, number: BlockerNumber) -> String {
    format!("organizations/{organization}/blockers/{number}")
}

/// Name of a meeting.
pub fn meeting(organization: impl Display, number: MeetingNumber) -> String {
    format!("organizations/{organization}/meetings/{number}")
}

/// Name of a policy.
pub fn policy(organization: impl Display, policy: impl Display) -> String {
    format!("organizations/{organization}/policies/{policy}")
}

/// Name of a policy version.
pub fn policy_version(organization: impl Display, policy: impl Display, version: i64) -> String {
    format!("organizations/{organization}/policies/{policy}/versions/{version}")
}

/// Reads the name of an organization given in `field`. Errors: [`Error::Invalid`].
pub fn parse_organization(field: &str, text: &str) -> Result<OrganizationId, Error> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        ["organizations", organization] => OrganizationId::new(field, organization),
        _ => Err(malformed(field, text, "organizations/{organization}")),
    }
}

/// Reads the name of a node given in `field`. Errors: [`Error::Invalid`].
pub fn parse_node(field: &str, text: &str) -> Result<(OrganizationId, NodeId), Error> {
    let (organization, node) = split(
        field,
        text,
        "nodes",
        "organizations/{organization}/nodes/{node}",
    )?;
    Ok((organization, NodeId::new(field, node)?))
}

/// Reads the name of a node that must be of this organization. Errors: [`Error::Invalid`].
pub fn parse_node_of(
    organization: &OrganizationId,
    field: &str,
    text: &str,
) -> Result<NodeId, Error> {
    let (found, node) = parse_node(field, text)?;
    same(organization, &found, field)?;
    Ok(node)
}

/// Reads the names of nodes that must be of this organization. Errors: [`Error::Invalid`].
pub fn parse_nodes_of(
    organization: &OrganizationId,
    field: &str,
    texts: &[String],
) -> Result<Vec<NodeId>, Error> {
    texts
        .iter()
        .enumerate()
        .map(|(index, text)| parse_node_of(organization, &format!("{field}[{index}]"), text))
        .collect()
}

/// Reads the name of a blocker given in `field`. Errors: [`Error::Invalid`].
pub fn parse_blocker(field: &str, text: &str) -> Result<(OrganizationId, BlockerNumber), Error> {
    let form = "organizations/{organization}/blockers/B-{number}";
    let (organization, number) = split(field, text, "blockers", form)?;
    Ok((organization, BlockerNumber::parse(field, number)?))
}

/// Reads the name of a blocker that must be of this organization. Errors: [`Error::Invalid`].
pub fn parse_blocker_of(
    organization: &OrganizationId,
    field: &str,
    text: &str,
) -> Result<BlockerNumber, Error> {
    let (found, number) = parse_blocker(field, text)?;
    same(organization, &found, field)?;
    Ok(number)
}

/// Reads the name of a meeting given in `field`. Errors: [`Error::Invalid`].
pub fn parse_meeting(field: &str, text: &str) -> Result<(OrganizationId, MeetingNumber), Error> {
    let form = "organizations/{organization}/meetings/M-{number}";
    let (organization, number) = split(field, text, "meetings", form)?;
    Ok((organization, MeetingNumber::parse(field, number)?))
}

/// Reads the name of a policy given in `field`. Errors: [`Error::Invalid`].
pub fn parse_policy(field: &str, text: &str) -> Result<(OrganizationId, PolicyId), Error> {
    let form = "organizations/{organization}/policies/{policy}";
    let (organization, policy) = split(field, text, "policies", form)?;
    Ok((organization, PolicyId::new(field, policy)?))
}

/// Reads the name of a policy, or of one of its versions. Errors: [`Error::Invalid`].
pub fn parse_policy_or_version(
    field: &str,
    text: &str,
) -> Result<(OrganizationId, PolicyId, Option<i64>), Error> {
    let Some((policy, version)) = text.split_once("/versions/") else {
        let (organization, policy) = parse_policy(field, text)?;
        return Ok((organization, policy, None));
    };
    let (organization, policy) = parse_policy(field, policy)?;
    let version = version.parse().ok().filter(|version| *version > 0);
    match version {
        Some(version) => Ok((organization, policy, Some(version))),
        None => Err(malformed(
            field,
            text,
            "organizations/{organization}/policies/{policy}/versions/{version}",
        )),
    }
}

fn split<'a>(
    field: &str,
    text: &'a str,
    collection: &str,
    form: &str,
) -> Result<(OrganizationId, &'a str), Error> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        ["organizations", organization, found, id] if *found == collection => {
            Ok((OrganizationId::new(field, organization)?, *id))
        }
        _ => Err(malformed(field, text, form)),
    }
}

fn same(wanted: &OrganizationId, found: &OrganizationId, field: &str) -> Result<(), Error> {
    if wanted == found {
        return Ok(());
    }
    Err(Error::field(
        field,
        format!("is of organization `{found}`: name one of `{wanted}`"),
    ))
}

fn malformed(field: &str, text: &str, form: &str) -> Error {
    if text.is_empty() {
        return Error::field(field, format!("must not be empty: write {form}"));
    }
    let shown: String = text.chars().take(120).collect();
    Error::field(field, format!("`{shown}` is no such name: write {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_what_they_print() {
        let acme = OrganizationId::new("name", "acme").unwrap();
        let checkout = NodeId::new("name", "checkout").unwrap();
        assert_eq!(
            parse_node("node", &node(&acme, &checkout)).unwrap(),
            (acme.clone(), checkout)
        );
        let number = BlockerNumber::new(1042);
        assert_eq!(
            parse_blocker("name", &blocker(&acme, number)).unwrap(),
            (acme.clone(), number)
        );
        let default = PolicyId::new("name", "default").unwrap();
        assert_eq!(
            parse_policy_or_version("name", &policy_version(&acme, &default, 3)).unwrap(),
            (acme, default, Some(3))
        );
    }

    #[test]
    fn other_names_are_refused_with_the_form() {
        for bad in [
            "",
            "acme",
            "organizations/acme",
            "organizations/acme/nodes",
            "organizations/acme/nodes/a/b",
            "organizations/acme/blockers/B-1",
            "organizations/Acme/nodes/a",
            "/organizations/acme/nodes/a",
        ] {
            assert!(parse_node("node", bad).is_err(), "{bad}");
        }
        let other = OrganizationId::new("name", "other").unwrap();
        let error = parse_node_of(&other, "node", "organizations/acme/nodes/a").unwrap_err();
        assert!(error.to_string().contains("name one of `other`"), "{error}");
        for bad in ["x/versions/", "organizations/a/policies/b/versions/0"] {
            assert!(parse_policy_or_version("name", bad).is_err(), "{bad}");
        }
    }
}
