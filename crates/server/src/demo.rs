//! `echelond --demo`: a sample organization lives through one morning of meetings, through the public API.
//!
//! Every call carries a request id that depends only on what it does. Played again on the same database, after a crash
//! in the middle for instance, the calls that went through return their first answers and the morning is finished.

mod print;
mod sample;

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail};
use echelon_api::v1::{self, blocker_fate::Kind as FateKind};
use tonic::transport::Channel;

use sample::{LEVELS, ORGANIZATION, Problem};

/// How long the engine may take to carry a critical blocker to the top.
const CLIMB_PATIENCE: Duration = Duration::from_secs(10);
/// How often that is looked at.
const CLIMB_LOOK: Duration = Duration::from_millis(100);

const SECONDS_PER_DAY: i64 = 86_400;

/// Plays the morning against the server at `address`, with a pause of `pace` before each step.
pub(crate) async fn play(address: SocketAddr, pace: Duration) -> Result<()> {
    let channel = Channel::from_shared(format!("http://{address}"))?
        .connect()
        .await
        .context("cannot reach the server that was just started")?;
    let mut morning = Morning {
        organizations: v1::organization_service_client::OrganizationServiceClient::new(
            channel.clone(),
        ),
        blockers: v1::blocker_service_client::BlockerServiceClient::new(channel.clone()),
        meetings: v1::meeting_service_client::MeetingServiceClient::new(channel.clone()),
        policies: v1::escalation_policy_service_client::EscalationPolicyServiceClient::new(
            channel.clone(),
        ),
        rollups: v1::rollup_service_client::RollupServiceClient::new(channel),
        pace,
    };
    morning.set_up().await?;
    morning.teams().await?;
    morning.climb().await?;
    for level in LEVELS {
        morning.meet(level).await?;
    }
    morning.finish(address).await
}

struct Morning {
    organizations: v1::organization_service_client::OrganizationServiceClient<Channel>,
    blockers: v1::blocker_service_client::BlockerServiceClient<Channel>,
    meetings: v1::meeting_service_client::MeetingServiceClient<Channel>,
    policies: v1::escalation_policy_service_client::EscalationPolicyServiceClient<Channel>,
    rollups: v1::rollup_service_client::RollupServiceClient<Channel>,
    pace: Duration,
}

impl Morning {
    async fn set_up(&mut self) -> Result<()> {
        let applied = self
            .organizations
            .apply_organization(sample::declaration())
            .await?
            .into_inner();
        print::heading("The organization");
        print::line(&format!(
            "{} nodes: a solution, two trains, four Scrums of Scrums, twelve teams ({} changes applied)",
            sample::NODES.len(),
            applied.changes.len()
        ));
        let policy = self
            .policies
            .create_escalation_policy(sample::policy())
            .await?
            .into_inner();
        let policy = policy.policy.context("the server returned no policy")?;
        print::line(&format!(
            "{} keeps the default policy; {} sends up what one Scrum of Scrums cannot solve",
            print::short(&node("shop")),
            print::short(&policy.node)
        ));
        Ok(())
    }

    /// Every team's Daily Scrum: check in, name what blocks, close.
    async fn teams(&mut self) -> Result<()> {
        print::heading("TEAM: Daily Scrums");
        for (team, _, level, _) in sample::NODES {
            if *level != "TEAM" {
                continue;
            }
            let meeting = self.open(team).await?.name;
            let problems: Vec<&Problem> = sample::PROBLEMS
                .iter()
                .filter(|problem| problem.team == *team)
                .collect();
            self.meetings
                .submit_check_in(v1::SubmitCheckInRequest {
                    meeting: meeting.clone(),
                    check_in: Some(v1::CheckIn {
                        node: node(team),
                        accomplished: "Sprint work as planned".to_owned(),
                        planned: "The next stories of the sprint".to_owned(),
                        blockers: problems.iter().map(|problem| problem.named()).collect(),
                        ..v1::CheckIn::default()
                    }),
                    request_id: format!("demo-check-in-{team}"),
                })
                .await?;
            self.close(team, &meeting).await?;
        }
        Ok(())
    }

    /// The critical blocker climbs by itself, level by level.
    async fn climb(&mut self) -> Result<()> {
        print::heading("CRITICAL: does not wait for a meeting");
        let started = tokio::time::Instant::now();
        loop {
            let critical = self
                .blockers
                .list_blockers(v1::ListBlockersRequest {
                    parent: format!("organizations/{ORGANIZATION}"),
                    severities: vec![v1::Severity::Critical.into()],
                    ..v1::ListBlockersRequest::default()
                })
                .await?
                .into_inner()
                .blockers;
            let Some(blocker) = critical.first() else {
                bail!("the morning raised no critical blocker");
            };
            if blocker.holder == node(sample::ROOT) {
                print::line(&format!(
                    "{} \"{}\" went from {} to {} in {} moves",
                    print::short(&blocker.name),
                    blocker.title,
                    print::short(&blocker.origin),
                    print::short(&blocker.holder),
                    blocker.escalation_count
                ));
                return Ok(());
            }
            if started.elapsed() > CLIMB_PATIENCE {
                bail!("{} did not reach the top in time", blocker.name);
            }
            tokio::time::sleep(CLIMB_LOOK).await;
        }
    }

    /// One level's meetings: look at the agenda, act on some of it, close.
    async fn meet(&mut self, level: &str) -> Result<()> {
        let title = match level {
            "SOS" => "SOS: Scrums of Scrums",
            "TRAIN" => "TRAIN: ART Syncs",
            _ => "SOLUTION: Solution Sync",
        };
        print::heading(title);
        for (id, _, its_level, _) in sample::NODES {
            if *its_level != level {
                continue;
            }
            let meeting = self.open(id).await?;
            let agenda = self
                .meetings
                .get_agenda(v1::GetAgendaRequest {
                    name: meeting.name.clone(),
                    ..v1::GetAgendaRequest::default()
                })
                .await?
                .into_inner();
            for item in &agenda.items {
                let Some(blocker) = &item.blocker else {
                    continue;
                };
                self.act(id, &meeting, blocker).await?;
            }
            self.close(id, &meeting.name).await?;
        }
        Ok(())
    }

    /// What the meeting of `node_id` does about a blocker, by the script of the morning.
    async fn act(
        &mut self,
        node_id: &str,
        meeting: &v1::Meeting,
        blocker: &v1::Blocker,
    ) -> Result<()> {
        let Some(deed) = sample::deed(node_id, &blocker.title) else {
            return Ok(());
        };
        let name = blocker.name.clone();
        let short = print::short(&name);
        let request_id = format!("demo-act-{node_id}-{short}");
        match deed {
            sample::Deed::Resolve(resolution) => {
                self.blockers
                    .resolve_blocker(v1::ResolveBlockerRequest {
                        name,
                        resolution: resolution.to_owned(),
                        etag: String::new(),
                        request_id,
                    })
                    .await?;
            }
            sample::Deed::Own(owner) => {
                // From the meeting's time, so that the call is the same when the morning is played again.
                let in_two_days = meeting.open_time.map(|opened| prost_types::Timestamp {
                    seconds: opened.seconds + 2 * SECONDS_PER_DAY,
                    nanos: 0,
                });
                self.blockers
                    .own_blocker(v1::OwnBlockerRequest {
                        name,
                        owner: owner.to_owned(),
                        commit_time: in_two_days,
                        etag: String::new(),
                        request_id,
                    })
                    .await?;
                print::line(&format!("{short} is owned by {owner} now, due in two days"));
            }
            sample::Deed::Return(guidance) => {
                self.blockers
                    .return_blocker(v1::ReturnBlockerRequest {
                        name,
                        to: String::new(),
                        guidance: guidance.to_owned(),
                        etag: String::new(),
                        request_id,
                    })
                    .await?;
            }
        }
        Ok(())
    }

    async fn open(&mut self, id: &str) -> Result<v1::Meeting> {
        tokio::time::sleep(self.pace).await;
        let opened = self
            .meetings
            .open_meeting(v1::OpenMeetingRequest {
                node: node(id),
                title: String::new(),
                request_id: format!("demo-open-{id}"),
            })
            .await?
            .into_inner();
        opened.meeting.context("the server returned no meeting")
    }

    async fn close(&mut self, id: &str, meeting: &str) -> Result<()> {
        tokio::time::sleep(self.pace).await;
        let closed = self
            .meetings
            .close_meeting(v1::CloseMeetingRequest {
                name: meeting.to_owned(),
                request_id: format!("demo-close-{id}"),
            })
            .await?
            .into_inner();
        let meeting = closed.meeting.context("the server returned no meeting")?;
        for fate in &meeting.fates {
            let mark = match fate.kind() {
                FateKind::Solved => "✓",
                FateKind::Escalated => "↑",
                FateKind::Returned => "↓",
                FateKind::CarriedOver => "·",
                FateKind::Exhausted | FateKind::Unspecified => "!",
            };
            print::line(&format!(
                "{id:<18} {mark} {:<5} {:<40} {}",
                print::short(&fate.blocker),
                fate.title,
                fate.reason
            ));
        }
        Ok(())
    }

    async fn finish(&mut self, address: SocketAddr) -> Result<()> {
        let rollup = self
            .rollups
            .get_rollup(v1::GetRollupRequest {
                node: node(sample::ROOT),
                min_revision: 0,
            })
            .await?
            .into_inner()
            .rollup
            .context("the server returned no roll-up")?;
        print::rollup(&rollup);
        print::what_next(address);
        Ok(())
    }
}

/// Resource name of a node of the sample organization.
fn node(id: &str) -> String {
    format!("organizations/{ORGANIZATION}/nodes/{id}")
}
