//! A server within another program: on a free port, on a file of its own, until the program has done its work.
//!
//! `cargo run -p echelon-server --example embedded`

use anyhow::Result;
use echelon_api::v1::{
    CreateOrganizationRequest, organization_service_client::OrganizationServiceClient,
};
use echelon_server::{Background, Server, clock::Clock, config::Config};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

#[tokio::main]
async fn main() -> Result<()> {
    let path = std::env::temp_dir().join(format!("echelon-embedded-{}.db", std::process::id()));
    let shutdown = CancellationToken::new();
    let running = Server {
        config: Config {
            database: format!("sqlite://{}", path.display()),
            ..Config::default()
        },
        listener: TcpListener::bind("127.0.0.1:0").await?,
        http_listener: None,
        clock: Clock::System,
        shutdown: shutdown.clone(),
        background: Background::Runs,
    }
    .start()
    .await?;

    let address = format!("http://{}", running.address());
    let channel = Endpoint::from_shared(address)?.connect().await?;
    let mut organizations = OrganizationServiceClient::new(channel);
    let request = CreateOrganizationRequest {
        organization_id: "acme".to_owned(),
        ..CreateOrganizationRequest::default()
    };
    let created = organizations.create_organization(request).await?;
    println!("{:#?}", created.into_inner());

    shutdown.cancel();
    running.wait().await?;
    Ok(())
}
