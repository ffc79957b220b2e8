//! The drift audit: the counters in memory and in the tables are held against a recount of the blockers. The writer is
//! asked for a state and a snapshot of the database that agree, which takes it a moment; the recount holds nobody up. What
//! differs is put right by the writer, which counts again once it has the lock.

use std::sync::Arc;

use echelon_domain::{
    Error, NodeId, OrganizationId,
    check::drift,
    command::{Command, Outcome},
};
use prost::Message as _;
use tokio::sync::oneshot;
use tracing::Span;

use super::{App, Call, runtime::Runtime, shutting_down, writer::Job};

/// Most nodes that one event puts right: an event must fit into what clients take.
const REPAIR_LIMIT: usize = 1_000;
/// Most nodes named in the log.
const TOLD_MAX: usize = 20;

/// What an audit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// The revision that was audited.
    pub revision: i64,
    /// The nodes that were counted wrongly at it, by id.
    pub drifted: Vec<NodeId>,
    /// How many nodes were put right; fewer if somebody else did, more if more had come.
    pub repaired: usize,
}

impl App {
    /// Holds the counters of an organization against a recount of its blockers, and puts right what differs, with an
    /// event. Errors: [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn audit(&self, id: &OrganizationId) -> Result<Audited, Error> {
        let found = self.find_drift(id).await;
        self.metrics.count_audit(match &found {
            Ok(audited) if audited.drifted.is_empty() => "sound",
            Ok(_) => "drifted",
            Err(_) => "failed",
        });
        let mut audited = found?;
        if audited.drifted.is_empty() {
            return Ok(audited);
        }
        let told = audited.drifted.iter().take(TOLD_MAX).map(NodeId::as_str);
        let told: Vec<&str> = told.collect();
        tracing::error!(
            organization.id = %id,
            revision = audited.revision,
            nodes.count = audited.drifted.len(),
            nodes.first = told.join(","),
            "counters differ from a recount and are put right: find out who wrote to the tables, or report it"
        );
        let runtime = self.existing(id).await?;
        loop {
            let nodes = repair(&runtime).await?;
            self.metrics.count_repaired(nodes);
            audited.repaired += nodes;
            if nodes < REPAIR_LIMIT {
                return Ok(audited);
            }
        }
    }

    async fn find_drift(&self, id: &OrganizationId) -> Result<Audited, Error> {
        let runtime = self.existing(id).await?;
        let (state, audit) = runtime
            .open_audit(self.store.begin_audit(id).await?)
            .await?;
        let books = audit.books().await?;
        let revision = state.revision();
        let drifted = tokio::task::spawn_blocking(move || drift(&state, &books))
            .await
            .map_err(|error| Error::internal(format!("an audit panicked: {error}")))?;
        Ok(Audited {
            revision,
            drifted: drifted.into_iter().map(|repair| repair.node).collect(),
            repaired: 0,
        })
    }
}

/// Audits the organizations at work, one after the other.
pub(super) async fn audit_loaded(app: Arc<App>) {
    let loaded = app.loaded().into_iter();
    let ids: Vec<OrganizationId> = loaded
        .filter(|runtime| runtime.published().exists())
        .map(|runtime| runtime.id().clone())
        .collect();
    for id in ids {
        if let Err(error) = app.audit(&id).await {
            tracing::warn!(organization.id = %id, %error, "an audit failed and will be repeated");
        }
    }
}

/// Has the writer put right what differs now. Tells how many nodes did: more may if it is as many as it takes at once.
async fn repair(runtime: &Runtime) -> Result<usize, Error> {
    let (reply, answer) = oneshot::channel();
    let job = Job {
        call: Call {
            method: "RepairCounters",
            request_id: None,
            fingerprint: 0,
            actor: None,
        },
        command: Command::RepairCounters {
            // The writer reads them under the lock.
            books: Box::default(),
            limit: REPAIR_LIMIT,
        },
        respond: Box::new(|decision| match decision.outcome {
            Outcome::CountersRepaired {
                nodes,
                remaining: _,
            } => Ok(u64::try_from(nodes).unwrap_or(u64::MAX).encode_to_vec()),
            _ => Err(Error::internal("a repair came to something else")),
        }),
        reply,
        span: Span::current(),
    };
    runtime.repair(job).await?;
    let answer = answer.await.map_err(|_| shutting_down())??;
    let nodes = u64::decode(answer.as_slice()).map_err(Error::internal)?;
    Ok(usize::try_from(nodes).unwrap_or(usize::MAX))
}
