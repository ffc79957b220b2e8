//! The gRPC handlers: read the request, ask the application, answer. One file per service.

mod blocker;
mod call;
mod event;
mod meeting;
mod node;
mod organization;
mod page;
mod policy;
mod prepared;
mod rollup;
mod stream;

use std::sync::Arc;

use echelon_api::v1;
use tonic::service::Routes;

use crate::app::App;
use prepared::ServerByHand;

/// Every service of `echelon.v1`, each message of a request limited to `max_message_bytes`.
#[must_use]
pub(crate) fn routes(app: &Arc<App>, max_message_bytes: usize) -> Routes {
    let mut routes = Routes::builder();
    macro_rules! serve {
        ($server:path, $service:expr) => {{
            use $server as Server;
            routes.add_service(
                Server::new($service)
                    .max_decoding_message_size(max_message_bytes)
                    .max_encoding_message_size(usize::MAX),
            );
        }};
    }
    serve!(
        v1::organization_service_server::OrganizationServiceServer,
        organization::Organizations::new(app.clone())
    );
    serve!(
        v1::node_service_server::NodeServiceServer,
        node::Nodes::new(app.clone())
    );
    serve!(
        v1::blocker_service_server::BlockerServiceServer,
        blocker::Blockers::new(app.clone())
    );
    serve!(
        v1::meeting_service_server::MeetingServiceServer,
        meeting::Meetings::new(app.clone())
    );
    serve!(
        v1::escalation_policy_service_server::EscalationPolicyServiceServer,
        policy::Policies::new(app.clone())
    );
    let rollups = rollup::Rollups::new(app.clone());
    routes.add_service(ServerByHand::new(rollups, max_message_bytes));
    let events = event::Events::new(app.clone());
    routes.add_service(ServerByHand::new(events, max_message_bytes));
    routes.routes()
}
