//! Reads: what they tell is held beside the log.

use echelon_api::v1;
use tonic::{Response, Status};

use super::{
    Worker,
    choose::{any_node, pick},
    organization,
};
use crate::{
    check::micros,
    plan::{Plan, step::Read},
    record::{Foretold, SeenRead, SeenRollup, SeenTime},
    site::machine_us,
};

impl Worker {
    /// Reads through a replica. Half of the reads ask for the newest revision that this client was told, wherever it was
    /// written.
    pub(super) async fn read(&mut self, plan: &Plan, what: Read, on: u64, replica: usize) {
        self.site.passable().await;
        let history = self.site.history();
        self.known.enter(history);
        let min_revision = if on.is_multiple_of(2) {
            self.newest()
        } else {
            0
        };
        let client = self.links.to(replica).clone();
        let node = any_node(&plan.shape, on / 2);
        let all = [
            v1::BlockerState::Raised,
            v1::BlockerState::Acknowledged,
            v1::BlockerState::Owned,
            v1::BlockerState::OnHold,
            v1::BlockerState::Resolved,
        ];
        let Some(name) = self.known.blocker(on / 2, &all[..pick(on, 4) + 1]) else {
            return;
        };
        let asked_us = machine_us();
        // A read that fails tells nothing: the next one may do better.
        let (method, revision, as_of) = match what {
            Read::Blocker => {
                let request = v1::GetBlockerRequest { name, min_revision };
                let answer = client.blockers().get_blocker(request).await;
                (
                    "GetBlocker",
                    told(answer).map(|answer| answer.revision),
                    None,
                )
            }
            Read::Rollup => {
                let request = v1::GetRollupRequest { node, min_revision };
                let answer = told(client.rollups().get_rollup(request).await);
                let rollup = answer.and_then(|answer| answer.rollup);
                let revision = rollup.as_ref().map(|rollup| rollup.revision);
                let as_of = rollup.as_ref().and_then(|rollup| rollup.as_of_time);
                if let Some(rollup) = rollup {
                    self.told.rollups.extend(seen(history, rollup));
                }
                ("GetRollup", revision, as_of)
            }
            Read::Explain => {
                let request = v1::ExplainBlockerRequest {
                    name: name.clone(),
                    min_revision,
                };
                let answer = told(client.blockers().explain_blocker(request).await);
                let revision = answer.as_ref().map(|answer| answer.revision);
                let as_of = answer.as_ref().and_then(|answer| answer.as_of_time);
                if let Some(v1::ExplainBlockerResponse {
                    next: Some(next),
                    revision,
                    ..
                }) = answer
                {
                    self.told.foretold.push(Foretold {
                        history,
                        blocker: name,
                        revision,
                        next,
                        as_of_us: micros(as_of.as_ref()).unwrap_or(i64::MAX),
                    });
                }
                ("ExplainBlocker", revision, as_of)
            }
            Read::Agenda => {
                let request = v1::GetAgendaRequest {
                    name: node,
                    min_revision,
                    ..v1::GetAgendaRequest::default()
                };
                let answer = told(client.meetings().get_agenda(request).await);
                let as_of = answer.as_ref().and_then(|answer| answer.as_of_time);
                ("GetAgenda", answer.map(|answer| answer.revision), as_of)
            }
            Read::Blockers => {
                let request = v1::ListBlockersRequest {
                    parent: organization(),
                    node,
                    min_revision,
                    ..v1::ListBlockersRequest::default()
                };
                let answer = client.blockers().list_blockers(request).await;
                (
                    "ListBlockers",
                    told(answer).map(|answer| answer.revision),
                    None,
                )
            }
        };
        if let Some(as_of_us) = micros(as_of.as_ref()) {
            self.told.times.push(SeenTime {
                method,
                replica: replica % self.links.count(),
                asked_us,
                told_us: machine_us(),
                as_of_us,
            });
        }
        if let Some(revision) = revision {
            self.see(history, revision);
            self.told.reads.push(SeenRead {
                method,
                replica: replica % self.links.count(),
                asked: min_revision,
                revision,
            });
        }
    }
}

fn told<R>(answer: Result<Response<R>, Status>) -> Option<R> {
    answer.ok().map(Response::into_inner)
}

/// A roll-up as it is kept, with those of the node's children.
pub(crate) fn seen(history: usize, rollup: v1::Rollup) -> Vec<SeenRollup> {
    let revision = rollup.revision;
    let one = |node: &str, figures: Option<v1::RollupFigures>| {
        figures.map(|figures| SeenRollup {
            history,
            node: id(node).to_owned(),
            revision,
            figures,
        })
    };
    let children = rollup.children.into_iter();
    let children = children.filter_map(|child| one(&child.node, child.figures));
    one(&rollup.node, rollup.figures)
        .into_iter()
        .chain(children)
        .collect()
}

fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}
