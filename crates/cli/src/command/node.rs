//! `echelon node`.

mod archive;
mod create;
mod r#move;
mod show;
mod update;

use clap::Subcommand;
use echelon_client::{names::short, v1::Representative};

use crate::{failure::Failure, session::Session};

/// Create, show, update, move and archive nodes
#[derive(Debug, Subcommand)]
pub(crate) enum Node {
    Create(create::Create),
    Show(show::Show),
    Update(update::Update),
    Move(r#move::Move),
    Archive(archive::Archive),
}

impl Node {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::Show(show) => show.run(session).await,
            Self::Update(update) => update.run(session).await,
            Self::Move(r#move) => r#move.run(session).await,
            Self::Archive(archive) => archive.run(session).await,
        }
    }
}

/// `ROLE=PERSON`.
fn representative(text: &str) -> Result<Representative, String> {
    match text.split_once('=') {
        Some((role, person)) if !role.is_empty() && !person.is_empty() => Ok(Representative {
            person: person.to_owned(),
            role: role.to_owned(),
            start_time: None,
            end_time: None,
        }),
        _ => Err("write ROLE=PERSON, such as RTE=rte@example.com".to_owned()),
    }
}

/// `; B-12 and B-13 changed their holder`, if any did.
fn reheld(blockers: &[String]) -> String {
    match blockers {
        [] => String::new(),
        _ => {
            let blockers: Vec<String> = blockers.iter().map(|name| short(name)).collect();
            format!("; held elsewhere now: {}", blockers.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_representative_has_a_role_and_a_person() {
        let parsed = representative("RTE=rte@example.com").unwrap();
        assert_eq!(
            (parsed.role.as_str(), parsed.person.as_str()),
            ("RTE", "rte@example.com")
        );
        for bad in ["", "RTE", "=x", "RTE="] {
            assert!(representative(bad).is_err(), "{bad}");
        }
    }
}
