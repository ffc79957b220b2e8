//! Resource names: made of ids, and cut back to what people say.

/// `organizations/{organization}`.
#[must_use]
pub fn organization(organization: &str) -> String {
    format!("organizations/{organization}")
}

/// `organizations/{organization}/nodes/{node}`.
#[must_use]
pub fn node(organization: &str, node: &str) -> String {
    format!("organizations/{organization}/nodes/{node}")
}

/// `organizations/{organization}/blockers/B-{number}`.
#[must_use]
pub fn blocker(organization: &str, number: u64) -> String {
    format!("organizations/{organization}/blockers/B-{number}")
}

/// `organizations/{organization}/meetings/M-{number}`.
#[must_use]
pub fn meeting(organization: &str, number: u64) -> String {
    format!("organizations/{organization}/meetings/M-{number}")
}

/// `organizations/{organization}/policies/{policy}`.
#[must_use]
pub fn policy(organization: &str, policy: &str) -> String {
    format!("organizations/{organization}/policies/{policy}")
}

/// `organizations/{organization}/policies/{policy}/versions/{version}`.
#[must_use]
pub fn policy_version(organization: &str, policy: &str, version: u64) -> String {
    format!("organizations/{organization}/policies/{policy}/versions/{version}")
}

/// What people say for a resource name: `checkout`, `B-12`, and `default@3` for version 3 of a policy.
#[must_use]
pub fn short(name: &str) -> String {
    let mut parts = name.rsplit('/');
    let last = parts.next().unwrap_or(name);
    match (parts.next(), parts.next()) {
        (Some("versions"), Some(policy)) => format!("{policy}@{last}"),
        _ => last.to_owned(),
    }
}

/// Id of the organization that a resource name belongs to; none if it is no resource name.
#[must_use]
pub fn organization_of(name: &str) -> Option<&str> {
    let id = name.strip_prefix("organizations/")?.split('/').next()?;
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_what_people_say() {
        assert_eq!(short(&organization("acme")), "acme");
        assert_eq!(short(&node("acme", "checkout")), "checkout");
        assert_eq!(short(&blocker("acme", 12)), "B-12");
        assert_eq!(short(&meeting("acme", 3)), "M-3");
        assert_eq!(short(&policy("acme", "default")), "default");
        assert_eq!(short(&policy_version("acme", "default", 3)), "default@3");
        assert_eq!(short("checkout"), "checkout");
        assert_eq!(short(""), "");
    }

    #[test]
    fn a_name_tells_its_organization() {
        assert_eq!(organization_of(&node("acme", "checkout")), Some("acme"));
        assert_eq!(organization_of("organizations/acme"), Some("acme"));
        assert_eq!(organization_of("organizations/"), None);
        assert_eq!(organization_of("checkout"), None);
    }
}
