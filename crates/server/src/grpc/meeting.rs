//! `MeetingService`.

mod read;

use std::sync::Arc;

use echelon_api::{
    convert::{
        blocker,
        meeting::{self, parse_check_in, to_proto},
        name, non_empty,
    },
    v1::{self, meeting_service_server::MeetingService},
};
use echelon_domain::{
    Error,
    command::{Command, Outcome},
    decide::Decision,
};
use tonic::{Request, Response, Status, async_trait};

use super::call::{call, reply, required};
use crate::app::App;

pub(super) struct Meetings {
    app: Arc<App>,
}

impl Meetings {
    pub(super) const fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    async fn open(
        &self,
        request: Request<v1::OpenMeetingRequest>,
    ) -> Result<v1::OpenMeetingResponse, Error> {
        let (call, message) = call("OpenMeeting", request, |m| &mut m.request_id)?;
        let v1::OpenMeetingRequest {
            node,
            title,
            request_id: _,
        } = message;
        let (organization, node) = name::parse_node("node", &node)?;
        let command = Command::OpenMeeting {
            node,
            title: non_empty(&title).map(str::to_owned),
        };
        self.app
            .mutate(&organization, call, command, |decision| {
                Ok(v1::OpenMeetingResponse {
                    meeting: Some(changed(decision)?),
                    revision: decision.next.revision(),
                })
            })
            .await
    }

    async fn check_in(
        &self,
        request: Request<v1::SubmitCheckInRequest>,
    ) -> Result<v1::SubmitCheckInResponse, Error> {
        let (call, message) = call("SubmitCheckIn", request, |m| &mut m.request_id)?;
        let v1::SubmitCheckInRequest {
            meeting,
            check_in,
            request_id: _,
        } = message;
        let (organization, meeting) = name::parse_meeting("meeting", &meeting)?;
        let check_in = required("check_in", check_in)?;
        let command = Command::SubmitCheckIn {
            meeting,
            check_in: parse_check_in(&organization, &check_in)?,
        };
        self.app
            .mutate(&organization, call, command, checked_in)
            .await
    }

    async fn close(
        &self,
        request: Request<v1::CloseMeetingRequest>,
    ) -> Result<v1::CloseMeetingResponse, Error> {
        let (call, message) = call("CloseMeeting", request, |m| &mut m.request_id)?;
        let (organization, number) = name::parse_meeting("name", &message.name)?;
        let command = Command::CloseMeeting { number };
        self.app
            .mutate(&organization, call, command, |decision| {
                Ok(v1::CloseMeetingResponse {
                    meeting: Some(changed(decision)?),
                    revision: decision.next.revision(),
                })
            })
            .await
    }
}

/// The meeting that a command opened or closed.
fn changed(decision: &Decision) -> Result<v1::Meeting, Error> {
    let Outcome::Meeting { number } = &decision.outcome else {
        return Err(Error::internal("a change of a meeting had another outcome"));
    };
    let organization = &decision.next;
    Ok(to_proto(organization, organization.meeting(*number)?))
}

fn checked_in(decision: &Decision) -> Result<v1::SubmitCheckInResponse, Error> {
    let Outcome::CheckedIn {
        meeting: number,
        node,
        raised,
    } = &decision.outcome
    else {
        return Err(Error::internal("a check-in had another outcome"));
    };
    let organization = &decision.next;
    let submitted = organization
        .meeting(*number)?
        .check_ins
        .iter()
        .find(|check_in| check_in.node == *node)
        .ok_or_else(|| Error::internal("a check-in left no answers"))?;
    Ok(v1::SubmitCheckInResponse {
        check_in: Some(meeting::check_in(organization, submitted)),
        raised: raised
            .iter()
            .map(|number| {
                let raised = organization.blocker(*number)?;
                Ok(blocker::to_proto(organization.id(), raised))
            })
            .collect::<Result<_, Error>>()?,
        revision: organization.revision(),
    })
}

#[async_trait]
impl MeetingService for Meetings {
    async fn open_meeting(
        &self,
        request: Request<v1::OpenMeetingRequest>,
    ) -> Result<Response<v1::OpenMeetingResponse>, Status> {
        reply(self.open(request).await)
    }

    async fn submit_check_in(
        &self,
        request: Request<v1::SubmitCheckInRequest>,
    ) -> Result<Response<v1::SubmitCheckInResponse>, Status> {
        reply(self.check_in(request).await)
    }

    async fn get_agenda(
        &self,
        request: Request<v1::GetAgendaRequest>,
    ) -> Result<Response<v1::GetAgendaResponse>, Status> {
        reply(read::agenda(&self.app, request.into_inner()).await)
    }

    async fn close_meeting(
        &self,
        request: Request<v1::CloseMeetingRequest>,
    ) -> Result<Response<v1::CloseMeetingResponse>, Status> {
        reply(self.close(request).await)
    }

    async fn get_meeting(
        &self,
        request: Request<v1::GetMeetingRequest>,
    ) -> Result<Response<v1::GetMeetingResponse>, Status> {
        reply(read::get(&self.app, request.into_inner()).await)
    }

    async fn list_meeting_fates(
        &self,
        request: Request<v1::ListMeetingFatesRequest>,
    ) -> Result<Response<v1::ListMeetingFatesResponse>, Status> {
        reply(read::fates(&self.app, request.into_inner()).await)
    }

    async fn list_meetings(
        &self,
        request: Request<v1::ListMeetingsRequest>,
    ) -> Result<Response<v1::ListMeetingsResponse>, Status> {
        reply(read::list(&self.app, request.into_inner()).await)
    }
}
