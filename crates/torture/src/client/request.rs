//! The mutating calls, each as it is sent every time, and what their answers tell.

use echelon_api::v1;
use echelon_client::{ACTOR_METADATA, Client, Failure};
use prost::Message;
use tonic::{Code, Response, Status};

use crate::record::{Answer, Outcome, fingerprint};

/// What a call is about, for people.
type About = String;

/// Declares the calls: a variant for each, how it is sent, and what it is named.
macro_rules! requests {
    ($($variant:ident($request:ident) $service:ident.$method:ident),+ $(,)?) => {
        /// A mutating call.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) enum Request {
            $(
                #[doc = concat!("`", stringify!($method), "`, and what it is about.")]
                $variant(Box<v1::$request>, About),
            )+
        }

        impl Request {
            /// The name of its method.
            #[must_use]
            pub(crate) const fn method(&self) -> &'static str {
                match self {
                    $(Self::$variant(..) => stringify!($variant),)+
                }
            }

            /// What it is about, for people.
            #[must_use]
            pub(crate) fn about(&self) -> String {
                match self {
                    $(Self::$variant(_, about) => about.clone(),)+
                }
            }

            /// Sends it, with its key as the one who calls: the log then tells which call an event comes from.
            pub(crate) async fn send(&self, client: &Client, id: &str) -> Outcome {
                match self {
                    $(Self::$variant(request, _) => {
                        let mut request = tonic::Request::new((**request).clone());
                        if let Ok(actor) = id.parse() {
                            request.metadata_mut().insert(ACTOR_METADATA, actor);
                        }
                        outcome(client.$service().$method(request).await)
                    })+
                }
            }
        }
    };
}

requests! {
    Apply(ApplyOrganizationRequest) organizations.apply_organization,
    MoveNode(MoveNodeRequest) nodes.move_node,
    ArchiveNode(ArchiveNodeRequest) nodes.archive_node,
    Raise(RaiseBlockerRequest) blockers.raise_blocker,
    Edit(UpdateBlockerRequest) blockers.update_blocker,
    Comment(CommentOnBlockerRequest) blockers.comment_on_blocker,
    Acknowledge(AcknowledgeBlockerRequest) blockers.acknowledge_blocker,
    Own(OwnBlockerRequest) blockers.own_blocker,
    Hold(HoldBlockerRequest) blockers.hold_blocker,
    Resolve(ResolveBlockerRequest) blockers.resolve_blocker,
    Verify(VerifyBlockerRequest) blockers.verify_blocker,
    Reopen(ReopenBlockerRequest) blockers.reopen_blocker,
    Withdraw(WithdrawBlockerRequest) blockers.withdraw_blocker,
    Merge(MergeBlockerRequest) blockers.merge_blocker,
    Escalate(EscalateBlockerRequest) blockers.escalate_blocker,
    Return(ReturnBlockerRequest) blockers.return_blocker,
    OpenMeeting(OpenMeetingRequest) meetings.open_meeting,
    CheckIn(SubmitCheckInRequest) meetings.submit_check_in,
    CloseMeeting(CloseMeetingRequest) meetings.close_meeting,
    CreatePolicy(CreateEscalationPolicyRequest) policies.create_escalation_policy,
    UpdatePolicy(UpdateEscalationPolicyRequest) policies.update_escalation_policy,
    Rebase(RebasePolicyRequest) policies.rebase_policy,
}

/// What an answer tells beside its bytes.
trait Tells {
    fn revision(&self) -> i64;
    fn duplicate(&self) -> bool {
        false
    }
    fn blocker(&self) -> Option<&v1::Blocker> {
        None
    }
    fn meeting(&self) -> Option<&v1::Meeting> {
        None
    }
}

macro_rules! tells {
    ($($response:ident)+) => {$(
        impl Tells for v1::$response {
            fn revision(&self) -> i64 {
                self.revision
            }
        }
    )+};
}

macro_rules! tells_a_blocker {
    ($($response:ident)+) => {$(
        impl Tells for v1::$response {
            fn revision(&self) -> i64 {
                self.revision
            }
            fn blocker(&self) -> Option<&v1::Blocker> {
                self.blocker.as_ref()
            }
        }
    )+};
}

macro_rules! tells_a_meeting {
    ($($response:ident)+) => {$(
        impl Tells for v1::$response {
            fn revision(&self) -> i64 {
                self.revision
            }
            fn meeting(&self) -> Option<&v1::Meeting> {
                self.meeting.as_ref()
            }
        }
    )+};
}

tells! {
    ApplyOrganizationResponse MoveNodeResponse ArchiveNodeResponse CommentOnBlockerResponse
    CreateEscalationPolicyResponse UpdateEscalationPolicyResponse RebasePolicyResponse
}

tells_a_blocker! {
    UpdateBlockerResponse AcknowledgeBlockerResponse OwnBlockerResponse HoldBlockerResponse ResolveBlockerResponse
    VerifyBlockerResponse ReopenBlockerResponse WithdrawBlockerResponse MergeBlockerResponse EscalateBlockerResponse
    ReturnBlockerResponse
}

tells_a_meeting! { OpenMeetingResponse CloseMeetingResponse }

impl Tells for v1::RaiseBlockerResponse {
    fn revision(&self) -> i64 {
        self.revision
    }
    fn duplicate(&self) -> bool {
        self.duplicate
    }
    fn blocker(&self) -> Option<&v1::Blocker> {
        self.blocker.as_ref()
    }
}

impl Tells for v1::SubmitCheckInResponse {
    fn revision(&self) -> i64 {
        self.revision
    }
    fn blocker(&self) -> Option<&v1::Blocker> {
        self.raised.first()
    }
}

fn outcome<R: Message + Tells>(answer: Result<Response<R>, Status>) -> Outcome {
    match answer {
        Ok(response) => {
            let answer = response.into_inner();
            let blocker = answer.blocker();
            Outcome::Answered(Answer {
                fingerprint: fingerprint(&answer.encode_to_vec()),
                revision: answer.revision(),
                duplicate: answer.duplicate(),
                blocker: blocker.map(|blocker| (blocker.name.clone(), blocker.state)),
                meeting: answer.meeting().map(|meeting| meeting.name.clone()),
            })
        }
        Err(status) => {
            let Failure {
                code,
                message,
                reason,
                ..
            } = Failure::from(&status);
            match (code, reason) {
                // A server that says so with a reason has not committed anything, and a connection that broke tells none.
                (
                    Code::InvalidArgument
                    | Code::NotFound
                    | Code::AlreadyExists
                    | Code::FailedPrecondition
                    | Code::Aborted
                    | Code::OutOfRange
                    | Code::ResourceExhausted,
                    Some(reason),
                ) => Outcome::Refused {
                    code: format!("{code:?}"),
                    reason,
                    message,
                },
                (Code::Internal, Some(_)) => Outcome::Lost {
                    cause: format!("INTERNAL: {message}"),
                },
                _ => Outcome::Lost {
                    cause: format!("{code:?}: {message}"),
                },
            }
        }
    }
}
