//! Names as people say them, made into resource names: `checkout`, `B-12`, `M-3`, `default@2`.

use echelon_client::names;

use crate::failure::Failure;

/// Makes resource names within one organization, if one is known.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    organization: Option<String>,
}

impl Names {
    /// Takes the id of the organization, or its resource name.
    pub(crate) fn new(organization: Option<String>) -> Self {
        let organization = organization.map(|organization| {
            names::organization_of(&organization)
                .map(str::to_owned)
                .unwrap_or(organization)
        });
        Self { organization }
    }

    /// Resource name of the organization.
    pub(crate) fn organization(&self) -> Result<String, Failure> {
        Ok(names::organization(self.id()?))
    }

    /// `checkout`.
    pub(crate) fn node(&self, text: &str) -> Result<String, Failure> {
        if is_resource_name(text) {
            return full(text, "nodes", "a node");
        }
        Ok(names::node(self.id()?, nonempty(text, "a node")?))
    }

    /// `checkout`, each.
    pub(crate) fn nodes(&self, texts: &[String]) -> Result<Vec<String>, Failure> {
        texts.iter().map(|text| self.node(text)).collect()
    }

    /// `checkout`, or nothing, which stays empty.
    pub(crate) fn optional_node(&self, text: Option<&str>) -> Result<String, Failure> {
        text.map_or(Ok(String::new()), |text| self.node(text))
    }

    /// `B-12`, `b-12` or `12`.
    pub(crate) fn blocker(&self, text: &str) -> Result<String, Failure> {
        if is_resource_name(text) {
            return full(text, "blockers", "a blocker");
        }
        let Some(number) = numbered(text, 'b') else {
            return Err(Failure::usage(format!(
                "`{text}` is no blocker: write its number, such as B-12"
            )));
        };
        Ok(names::blocker(self.id()?, number))
    }

    /// `M-3`, `m-3` or `3`; none if it is none of these.
    pub(crate) fn meeting(&self, text: &str) -> Result<Option<String>, Failure> {
        if text.contains("/meetings/") {
            return full(text, "meetings", "a meeting").map(Some);
        }
        match numbered(text, 'm') {
            Some(number) => Ok(Some(names::meeting(self.id()?, number))),
            None => Ok(None),
        }
    }

    /// `default`, or `default@2` for a version.
    pub(crate) fn policy(&self, text: &str) -> Result<String, Failure> {
        if is_resource_name(text) {
            return full(text, "policies", "a policy");
        }
        let Some((policy, version)) = text.split_once('@') else {
            return Ok(names::policy(self.id()?, nonempty(text, "a policy")?));
        };
        let version = version.parse().map_err(|_| {
            Failure::usage(format!(
                "`{text}` is no version of a policy: write NAME@NUMBER, such as default@2"
            ))
        })?;
        Ok(names::policy_version(
            self.id()?,
            nonempty(policy, "a policy")?,
            version,
        ))
    }

    fn id(&self) -> Result<&str, Failure> {
        self.organization
            .as_deref()
            .filter(|id| !id.is_empty())
            .ok_or(Failure::NoOrganization { known: Vec::new() })
    }
}

/// True for `B-12` and the like, not for a bare number: texts may be numbers.
pub(crate) fn looks_like_blocker(text: &str) -> bool {
    text.contains("/blockers/")
        || (numbered(text, 'b').is_some() && !text.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_resource_name(text: &str) -> bool {
    text.starts_with("organizations/")
}

fn full(text: &str, collection: &str, what: &str) -> Result<String, Failure> {
    let mut parts = text.split('/').skip(1);
    let organization = parts.next().unwrap_or_default();
    let found = parts.next().unwrap_or_default();
    let id = parts.next().unwrap_or_default();
    if organization.is_empty() || found != collection || id.is_empty() {
        return Err(Failure::usage(format!(
            "`{text}` is not the name of {what}: write organizations/ORGANIZATION/{collection}/ID or the last part alone"
        )));
    }
    Ok(text.to_owned())
}

fn nonempty<'a>(text: &'a str, what: &str) -> Result<&'a str, Failure> {
    if text.is_empty() || text.contains('/') {
        return Err(Failure::usage(format!(
            "`{text}` is not the name of {what}"
        )));
    }
    Ok(text)
}

fn numbered(text: &str, prefix: char) -> Option<u64> {
    let mut characters = text.chars();
    let digits = match characters.next()? {
        first if first.eq_ignore_ascii_case(&prefix) => characters.as_str().strip_prefix('-')?,
        _ => text,
    };
    // `parse` would take `+12`.
    digits
        .starts_with(|digit: char| digit.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> Names {
        Names::new(Some("acme".to_owned()))
    }

    #[test]
    fn short_names_become_resource_names() {
        let names = acme();
        assert_eq!(names.organization().unwrap(), "organizations/acme");
        assert_eq!(
            names.node("checkout").unwrap(),
            "organizations/acme/nodes/checkout"
        );
        for text in ["B-12", "b-12", "12"] {
            assert_eq!(
                names.blocker(text).unwrap(),
                "organizations/acme/blockers/B-12"
            );
        }
        for text in ["M-3", "m-3", "3"] {
            assert_eq!(
                names.meeting(text).unwrap().unwrap(),
                "organizations/acme/meetings/M-3"
            );
        }
        assert_eq!(names.meeting("buying").unwrap(), None);
        assert_eq!(
            names.policy("default").unwrap(),
            "organizations/acme/policies/default"
        );
        assert_eq!(
            names.policy("default@2").unwrap(),
            "organizations/acme/policies/default/versions/2"
        );
    }

    #[test]
    fn resource_names_are_taken_as_they_are() {
        let nowhere = Names::new(None);
        let name = "organizations/other/nodes/checkout";
        assert_eq!(nowhere.node(name).unwrap(), name);
        let name = "organizations/other/blockers/B-12";
        assert_eq!(nowhere.blocker(name).unwrap(), name);
        let names = Names::new(Some("organizations/acme".to_owned()));
        assert_eq!(names.organization().unwrap(), "organizations/acme");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let names = acme();
        for bad in [
            "",
            "a/b",
            "organizations/acme/blockers/B-1",
            "organizations/acme/nodes/",
        ] {
            assert!(names.node(bad).is_err(), "{bad}");
        }
        for bad in ["", "B-", "B-x", "x", "M-3", "+12", "B12", "-12"] {
            assert!(names.blocker(bad).is_err(), "{bad}");
        }
        assert!(names.policy("default@x").is_err());
        assert!(matches!(
            Names::new(None).node("checkout"),
            Err(Failure::NoOrganization { .. })
        ));
    }

    #[test]
    fn a_blocker_is_told_from_a_title() {
        assert!(looks_like_blocker("B-12"));
        assert!(looks_like_blocker("organizations/acme/blockers/B-12"));
        for title in ["12", "B-12 is back", "Bees", ""] {
            assert!(!looks_like_blocker(title), "{title}");
        }
    }
}
