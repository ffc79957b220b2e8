//! `BlockerService`.

mod list;
mod read;

use std::sync::Arc;

use echelon_api::{
    convert::{
        blocker::{parse_new, parse_patch, to_proto},
        event::to_record,
        name, non_empty, parse_etag,
        time::{parse_optional_timestamp, parse_timestamp},
    },
    v1::{self, blocker_service_server::BlockerService},
};
use echelon_domain::{
    BlockerNumber, Error, OrganizationId,
    command::{Command, Outcome},
    decide::Decision,
};
use tonic::{Request, Response, Status, async_trait};

use super::call::{call, reply, required};
use crate::app::{App, Call};

pub(super) struct Blockers {
    app: Arc<App>,
}

impl Blockers {
    pub(super) const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn raise(
        &self,
        request: Request<v1::RaiseBlockerRequest>,
    ) -> Result<v1::RaiseBlockerResponse, Error> {
        let (call, message) = call("RaiseBlocker", request, |m| &mut m.request_id)?;
        let v1::RaiseBlockerRequest {
            parent,
            blocker,
            anonymous,
            request_id: _,
        } = message;
        let organization = name::parse_organization("parent", &parent)?;
        let blocker = required("blocker", blocker)?;
        let command = Command::RaiseBlocker {
            blocker: Box::new(parse_new(&organization, &blocker)?),
            anonymous,
        };
        self.app
            .mutate(&organization, call, command, |decision| {
                let (blocker, duplicate) = changed(decision)?;
                Ok(v1::RaiseBlockerResponse {
                    blocker: Some(blocker),
                    duplicate,
                    revision: decision.next.revision(),
                })
            })
            .await
    }

    async fn comment(
        &self,
        request: Request<v1::CommentOnBlockerRequest>,
    ) -> Result<v1::CommentOnBlockerResponse, Error> {
        let (call, message) = call("CommentOnBlocker", request, |m| &mut m.request_id)?;
        let v1::CommentOnBlockerRequest {
            name: blocker,
            text,
            request_id: _,
        } = message;
        let (organization, number) = name::parse_blocker("name", &blocker)?;
        let command = Command::CommentOnBlocker { number, text };
        self.app
            .mutate(&organization, call, command, |decision| {
                let event = decision
                    .events
                    .first()
                    .ok_or_else(|| Error::internal("a comment left no event"))?;
                Ok(v1::CommentOnBlockerResponse {
                    event: Some(to_record(decision.next.id(), event)),
                    revision: decision.next.revision(),
                })
            })
            .await
    }

    /// Changes one blocker and answers with the blocker after it, and the revision.
    async fn change<R: prost::Message + Default>(
        &self,
        organization: &OrganizationId,
        call: Call,
        command: Command,
        respond: impl Fn(v1::Blocker, i64) -> R + Send + Sync + 'static,
    ) -> Result<R, Error> {
        self.app
            .mutate(organization, call, command, move |decision| {
                let (blocker, _) = changed(decision)?;
                Ok(respond(blocker, decision.next.revision()))
            })
            .await
    }
}

/// The blocker that a command changed, and whether a raise found it there already.
fn changed(decision: &Decision) -> Result<(v1::Blocker, bool), Error> {
    let Outcome::Blocker { number, duplicate } = &decision.outcome else {
        return Err(Error::internal("a change of a blocker had another outcome"));
    };
    let organization = &decision.next;
    let blocker = organization.blocker(*number)?;
    Ok((to_proto(organization.id(), blocker), *duplicate))
}

/// Which blocker a call is about, and the etag it expects.
fn target(name: &str, etag: &str) -> Result<(OrganizationId, BlockerNumber, Option<i64>), Error> {
    let (organization, number) = name::parse_blocker("name", name)?;
    Ok((organization, number, parse_etag("etag", etag)?))
}

/// A handler that changes one blocker: reads the request into a command, answers with the blocker after it.
macro_rules! change {
    ($self:ident, $request:ident, $method:literal, $response:ident, |$message:ident| $command:expr) => {{
        let done = async {
            let (call, $message) = call($method, $request, |m| &mut m.request_id)?;
            let (organization, command) = $command?;
            $self
                .change(&organization, call, command, |blocker, revision| {
                    v1::$response {
                        blocker: Some(blocker),
                        revision,
                    }
                })
                .await
        };
        reply(done.await)
    }};
}

type Parsed = Result<(OrganizationId, Command), Error>;

fn update(message: v1::UpdateBlockerRequest) -> Parsed {
    let v1::UpdateBlockerRequest {
        blocker,
        update_mask,
        request_id: _,
    } = message;
    let blocker = required("blocker", blocker)?;
    let (organization, number) = name::parse_blocker("blocker.name", &blocker.name)?;
    let patch = parse_patch(&organization, &blocker, update_mask.as_ref())?;
    let command = Command::UpdateBlocker {
        number,
        patch: Box::new(patch),
        etag: parse_etag("blocker.etag", &blocker.etag)?,
    };
    Ok((organization, command))
}

fn acknowledge(message: v1::AcknowledgeBlockerRequest) -> Parsed {
    let v1::AcknowledgeBlockerRequest {
        name,
        expire_time,
        etag,
        request_id: _,
    } = message;
    let (organization, number, etag) = target(&name, &etag)?;
    let until = parse_optional_timestamp("expire_time", expire_time.as_ref())?;
    let command = Command::AcknowledgeBlocker {
        number,
        until,
        etag,
    };
    Ok((organization, command))
}

fn own(message: v1::OwnBlockerRequest) -> Parsed {
    let v1::OwnBlockerRequest {
        name,
        owner,
        commit_time,
        etag,
        request_id: _,
    } = message;
    let (organization, number, etag) = target(&name, &etag)?;
    let command = Command::OwnBlocker {
        number,
        owner,
        committed_at: parse_optional_timestamp("commit_time", commit_time.as_ref())?,
        etag,
    };
    Ok((organization, command))
}

fn hold(message: v1::HoldBlockerRequest) -> Parsed {
    let v1::HoldBlockerRequest {
        name,
        expire_time,
        approver,
        reason,
        etag,
        request_id: _,
    } = message;
    let (organization, number, etag) = target(&name, &etag)?;
    let expire_time = required("expire_time", expire_time)?;
    let command = Command::HoldBlocker {
        number,
        until: parse_timestamp("expire_time", &expire_time)?,
        approver,
        reason,
        etag,
    };
    Ok((organization, command))
}

fn merge(message: v1::MergeBlockerRequest) -> Parsed {
    let v1::MergeBlockerRequest {
        name,
        into,
        etag,
        request_id: _,
    } = message;
    let (organization, number, etag) = target(&name, &etag)?;
    let into = name::parse_blocker_of(&organization, "into", &into)?;
    Ok((organization, Command::MergeBlocker { number, into, etag }))
}

fn escalate(message: v1::EscalateBlockerRequest) -> Parsed {
    let v1::EscalateBlockerRequest {
        name,
        to,
        reason,
        etag,
        request_id: _,
    } = message;
    let (organization, number, etag) = target(&name, &etag)?;
    let to = non_empty(&to)
        .map(|to| name::parse_node_of(&organization, "to", to))
        .transpose()?;
    let command = Command::EscalateBlocker {
        number,
        to,
        reason,
        etag,
    };
    Ok((organization, command))
}

fn send_back(message: v1::ReturnBlockerRequest) -> Parsed {
    let v1::ReturnBlockerRequest {
        name,
        to,
        guidance,
        etag,
        request_id: _,
    } = message;
    let (organization, number, etag) = target(&name, &etag)?;
    let to = non_empty(&to)
        .map(|to| name::parse_node_of(&organization, "to", to))
        .transpose()?;
    let command = Command::ReturnBlocker {
        number,
        to,
        guidance,
        etag,
    };
    Ok((organization, command))
}

#[async_trait]
impl BlockerService for Blockers {
    async fn raise_blocker(
        &self,
        request: Request<v1::RaiseBlockerRequest>,
    ) -> Result<Response<v1::RaiseBlockerResponse>, Status> {
        reply(self.raise(request).await)
    }

    async fn get_blocker(
        &self,
        request: Request<v1::GetBlockerRequest>,
    ) -> Result<Response<v1::GetBlockerResponse>, Status> {
        reply(read::get(&self.app, request.into_inner()).await)
    }

    async fn list_blockers(
        &self,
        request: Request<v1::ListBlockersRequest>,
    ) -> Result<Response<v1::ListBlockersResponse>, Status> {
        reply(list::list(&self.app, request.into_inner()).await)
    }

    async fn update_blocker(
        &self,
        request: Request<v1::UpdateBlockerRequest>,
    ) -> Result<Response<v1::UpdateBlockerResponse>, Status> {
        change!(self, request, "UpdateBlocker", UpdateBlockerResponse, |m| {
            update(m)
        })
    }

    async fn acknowledge_blocker(
        &self,
        request: Request<v1::AcknowledgeBlockerRequest>,
    ) -> Result<Response<v1::AcknowledgeBlockerResponse>, Status> {
        change!(
            self,
            request,
            "AcknowledgeBlocker",
            AcknowledgeBlockerResponse,
            |m| acknowledge(m)
        )
    }

    async fn own_blocker(
        &self,
        request: Request<v1::OwnBlockerRequest>,
    ) -> Result<Response<v1::OwnBlockerResponse>, Status> {
        change!(self, request, "OwnBlocker", OwnBlockerResponse, |m| own(m))
    }

    async fn hold_blocker(
        &self,
        request: Request<v1::HoldBlockerRequest>,
    ) -> Result<Response<v1::HoldBlockerResponse>, Status> {
        change!(self, request, "HoldBlocker", HoldBlockerResponse, |m| hold(
            m
        ))
    }

    async fn resolve_blocker(
        &self,
        request: Request<v1::ResolveBlockerRequest>,
    ) -> Result<Response<v1::ResolveBlockerResponse>, Status> {
        change!(
            self,
            request,
            "ResolveBlocker",
            ResolveBlockerResponse,
            |m| {
                target(&m.name, &m.etag).map(|(organization, number, etag)| {
                    let command = Command::ResolveBlocker {
                        number,
                        resolution: m.resolution,
                        etag,
                    };
                    (organization, command)
                })
            }
        )
    }

    async fn verify_blocker(
        &self,
        request: Request<v1::VerifyBlockerRequest>,
    ) -> Result<Response<v1::VerifyBlockerResponse>, Status> {
        change!(self, request, "VerifyBlocker", VerifyBlockerResponse, |m| {
            target(&m.name, &m.etag).map(|(organization, number, etag)| {
                (organization, Command::VerifyBlocker { number, etag })
            })
        })
    }

    async fn reopen_blocker(
        &self,
        request: Request<v1::ReopenBlockerRequest>,
    ) -> Result<Response<v1::ReopenBlockerResponse>, Status> {
        change!(self, request, "ReopenBlocker", ReopenBlockerResponse, |m| {
            target(&m.name, &m.etag).map(|(organization, number, etag)| {
                let command = Command::ReopenBlocker {
                    number,
                    reason: m.reason,
                    etag,
                };
                (organization, command)
            })
        })
    }

    async fn withdraw_blocker(
        &self,
        request: Request<v1::WithdrawBlockerRequest>,
    ) -> Result<Response<v1::WithdrawBlockerResponse>, Status> {
        change!(
            self,
            request,
            "WithdrawBlocker",
            WithdrawBlockerResponse,
            |m| {
                target(&m.name, &m.etag).map(|(organization, number, etag)| {
                    let command = Command::WithdrawBlocker {
                        number,
                        reason: m.reason,
                        etag,
                    };
                    (organization, command)
                })
            }
        )
    }

    async fn merge_blocker(
        &self,
        request: Request<v1::MergeBlockerRequest>,
    ) -> Result<Response<v1::MergeBlockerResponse>, Status> {
        change!(self, request, "MergeBlocker", MergeBlockerResponse, |m| {
            merge(m)
        })
    }

    async fn escalate_blocker(
        &self,
        request: Request<v1::EscalateBlockerRequest>,
    ) -> Result<Response<v1::EscalateBlockerResponse>, Status> {
        change!(
            self,
            request,
            "EscalateBlocker",
            EscalateBlockerResponse,
            |m| escalate(m)
        )
    }

    async fn return_blocker(
        &self,
        request: Request<v1::ReturnBlockerRequest>,
    ) -> Result<Response<v1::ReturnBlockerResponse>, Status> {
        change!(self, request, "ReturnBlocker", ReturnBlockerResponse, |m| {
            send_back(m)
        })
    }

    async fn comment_on_blocker(
        &self,
        request: Request<v1::CommentOnBlockerRequest>,
    ) -> Result<Response<v1::CommentOnBlockerResponse>, Status> {
        reply(self.comment(request).await)
    }

    async fn list_blocker_history(
        &self,
        request: Request<v1::ListBlockerHistoryRequest>,
    ) -> Result<Response<v1::ListBlockerHistoryResponse>, Status> {
        reply(read::history(&self.app, request.into_inner()).await)
    }

    async fn explain_blocker(
        &self,
        request: Request<v1::ExplainBlockerRequest>,
    ) -> Result<Response<v1::ExplainBlockerResponse>, Status> {
        reply(read::explain(&self.app, request.into_inner()).await)
    }
}
