//! `echelon apply`: the whole tree as one declared document.

use clap::Args;
use echelon_client::{names::short, request_id};

use crate::{
    document::organization, failure::Failure, input::Document, session::Session, view::plan,
};

/// Make the organization as a document declares it
///
/// Nodes are created, moved, updated, and archived if the document does not declare them. Applying a document twice
/// changes nothing.
#[derive(Args, Debug)]
pub(crate) struct Apply {
    /// The document, YAML or JSON; `-` reads standard input
    #[arg(long, short, value_name = "FILE")]
    file: String,
    /// Show what would change, and change nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

impl Apply {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let document = Document::read(&self.file)?;
        let mut request = organization::request(&document, session.names.organization().ok())?;
        request.validate_only = self.dry_run;
        request.request_id = request_id();
        let organization = short(&request.name);
        let applied = session
            .call(request, |client, request| async move {
                client.organizations().apply_organization(request).await
            })
            .await?;
        for warning in &applied.warnings {
            session.output.warning(warning);
        }
        session
            .output
            .show(&applied, || plan::lines(&applied.changes))?;
        session
            .output
            .note(&match (plan::summary(&applied.changes), self.dry_run) {
                (None, _) => format!("{organization} is as declared, nothing to change"),
                (Some(summary), true) => {
                    format!("dry run of {organization}: {summary}; nothing was changed")
                }
                (Some(summary), false) => {
                    format!("{organization}: {summary}, revision {}", applied.revision)
                }
            });
        Ok(())
    }
}
