//! Every unary method, by its request: one way to call them all.

use std::{fmt::Debug, future::Future};

use echelon_api::v1;
use prost::Message;
use tonic::{Request, Response, Status, transport::Channel};

/// Larger than any answer of a test.
const MESSAGE_MAX: usize = 64 * 1024 * 1024;

/// A request that knows its method.
pub(crate) trait Rpc: Message + Clone + Debug + Default + 'static {
    /// What the method answers.
    type Answer: Message + Debug + Default + PartialEq + 'static;

    /// Calls the method.
    fn send(
        request: Request<Self>,
        channel: Channel,
    ) -> impl Future<Output = Result<Response<Self::Answer>, Status>> + Send;
}

macro_rules! methods {
    ($($client:path { $($request:ident $method:ident $answer:ident)+ })+) => {$($(
        impl Rpc for v1::$request {
            type Answer = v1::$answer;

            async fn send(
                request: Request<Self>,
                channel: Channel,
            ) -> Result<Response<Self::Answer>, Status> {
                use $client as Client;
                Client::new(channel)
                    .max_decoding_message_size(MESSAGE_MAX)
                    .$method(request)
                    .await
            }
        }
    )+)+};
}

methods! {
    v1::organization_service_client::OrganizationServiceClient {
        CreateOrganizationRequest create_organization CreateOrganizationResponse
        GetOrganizationRequest get_organization GetOrganizationResponse
        ListOrganizationsRequest list_organizations ListOrganizationsResponse
        UpdateOrganizationRequest update_organization UpdateOrganizationResponse
        ApplyOrganizationRequest apply_organization ApplyOrganizationResponse
    }
    v1::node_service_client::NodeServiceClient {
        CreateNodeRequest create_node CreateNodeResponse
        GetNodeRequest get_node GetNodeResponse
        ListNodesRequest list_nodes ListNodesResponse
        UpdateNodeRequest update_node UpdateNodeResponse
        MoveNodeRequest move_node MoveNodeResponse
        ArchiveNodeRequest archive_node ArchiveNodeResponse
    }
    v1::blocker_service_client::BlockerServiceClient {
        RaiseBlockerRequest raise_blocker RaiseBlockerResponse
        GetBlockerRequest get_blocker GetBlockerResponse
        ListBlockersRequest list_blockers ListBlockersResponse
        UpdateBlockerRequest update_blocker UpdateBlockerResponse
        AcknowledgeBlockerRequest acknowledge_blocker AcknowledgeBlockerResponse
        OwnBlockerRequest own_blocker OwnBlockerResponse
        HoldBlockerRequest hold_blocker HoldBlockerResponse
        ResolveBlockerRequest resolve_blocker ResolveBlockerResponse
        VerifyBlockerRequest verify_blocker VerifyBlockerResponse
        ReopenBlockerRequest reopen_blocker ReopenBlockerResponse
        WithdrawBlockerRequest withdraw_blocker WithdrawBlockerResponse
        MergeBlockerRequest merge_blocker MergeBlockerResponse
        EscalateBlockerRequest escalate_blocker EscalateBlockerResponse
        ReturnBlockerRequest return_blocker ReturnBlockerResponse
        CommentOnBlockerRequest comment_on_blocker CommentOnBlockerResponse
        ListBlockerHistoryRequest list_blocker_history ListBlockerHistoryResponse
        ExplainBlockerRequest explain_blocker ExplainBlockerResponse
    }
    v1::meeting_service_client::MeetingServiceClient {
        OpenMeetingRequest open_meeting OpenMeetingResponse
        SubmitCheckInRequest submit_check_in SubmitCheckInResponse
        GetAgendaRequest get_agenda GetAgendaResponse
        CloseMeetingRequest close_meeting CloseMeetingResponse
        GetMeetingRequest get_meeting GetMeetingResponse
        ListMeetingFatesRequest list_meeting_fates ListMeetingFatesResponse
        ListMeetingsRequest list_meetings ListMeetingsResponse
    }
    v1::escalation_policy_service_client::EscalationPolicyServiceClient {
        CreateEscalationPolicyRequest create_escalation_policy CreateEscalationPolicyResponse
        UpdateEscalationPolicyRequest update_escalation_policy UpdateEscalationPolicyResponse
        GetEscalationPolicyRequest get_escalation_policy GetEscalationPolicyResponse
        ListEscalationPoliciesRequest list_escalation_policies ListEscalationPoliciesResponse
        ListEscalationPolicyVersionsRequest list_escalation_policy_versions
            ListEscalationPolicyVersionsResponse
        RebasePolicyRequest rebase_policy RebasePolicyResponse
        TestPolicyRequest test_policy TestPolicyResponse
    }
    v1::rollup_service_client::RollupServiceClient {
        GetRollupRequest get_rollup GetRollupResponse
        ListAttentionRequest list_attention ListAttentionResponse
    }
    v1::event_service_client::EventServiceClient {
        ListEventsRequest list_events ListEventsResponse
    }
}
