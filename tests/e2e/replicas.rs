//! Several servers on one PostgreSQL database behave as one.

mod client;
mod wakeup;

mod postgres {
    use std::time::Duration;

    use echelon_api::v1;
    use echelon_testkit::{TestDatabase, TestServer};
    use prost::Message as _;

    use crate::support::{
        DAY, HOUR, Org, assert_sound, later,
        log::{assert_each_cause_moves_once, assert_no_stale_moves, assert_whole, escalations},
        sample::TEAMS,
        soon, span, together,
    };

    /// Two servers on one database and one clock.
    async fn pair(database: &TestDatabase) -> (TestServer, TestServer) {
        let first = TestServer::start(database).await;
        let second = TestServer::start_with(database, first.clock().clone(), |_| {}).await;
        (first, second)
    }

    #[tokio::test]
    async fn e3_timers_passed_by_two_servers_at_once_move_each_blocker_once() {
        let database = TestDatabase::postgres().await;
        let (first, second) = pair(&database).await;
        let org = Org::set_up(&first).await;
        for team in TEAMS {
            org.raise_many(team, 8).await;
        }
        // Both have everything at hand.
        org.through(&second).touch().await;
        first.advance(DAY + HOUR);
        tokio::join!(first.pass_timers(), second.pass_timers());
        let events = org.events().await;
        let moved = escalations(&events);
        assert_eq!(moved.len(), 64);
        assert_each_cause_moves_once(&events);
        assert_whole(&events, 0);
        assert_sound(&first).await;
    }

    #[tokio::test]
    async fn e3_one_meeting_closed_through_two_servers_at_once_moves_each_blocker_once() {
        let database = TestDatabase::postgres().await;
        let (first, second) = pair(&database).await;
        let org = Org::set_up(&first).await;
        org.raise_many("team-1", 20).await;
        let meeting = org.open("team-1").await;
        let closes = (0..6).map(|index| {
            let org = org.through([&first, &second][index % 2]);
            let name = meeting.name.clone();
            async move { org.close(&name).await }
        });
        let closed = together(closes).await;
        assert!(closed.iter().all(|answer| *answer == closed[0]));
        assert_eq!(escalations(&org.events().await).len(), 20);
        assert_sound(&second).await;
    }

    #[tokio::test]
    async fn e5_acting_through_one_server_races_with_the_timers_of_another() {
        let database = TestDatabase::postgres().await;
        let (first, second) = pair(&database).await;
        let org = Org::set_up(&first).await;
        for round in 0..3 {
            org.raise_many("team-1", 16).await;
            org.through(&second).touch().await;
            first.advance(DAY + HOUR);
            let until = later(&first, 9 * DAY);
            let acts = (1..=16).map(|index| {
                let org = org.clone();
                let name = org.blocker(round * 16 + index);
                async move {
                    match index % 2 {
                        0 => drop(org.resolve(&name).await),
                        _ => {
                            let request = v1::HoldBlockerRequest {
                                name,
                                expire_time: until,
                                approver: "rte@example.com".to_owned(),
                                ..Default::default()
                            };
                            org.ok(request).await;
                        }
                    }
                }
            });
            tokio::join!(together(acts), second.pass_timers());
        }
        let events = org.events().await;
        assert_no_stale_moves(&events);
        assert_each_cause_moves_once(&events);
        assert_sound(&first).await;
    }

    #[tokio::test]
    async fn e7_one_request_through_two_servers_at_once_is_done_once() {
        let database = TestDatabase::postgres().await;
        let (first, second) = pair(&database).await;
        let org = Org::set_up(&first).await;
        for round in 0..5 {
            let calls = (0..6).map(|index| {
                let org = org.through([&first, &second][index % 2]);
                async move {
                    let request = v1::RaiseBlockerRequest {
                        parent: org.name(),
                        blocker: Some(v1::Blocker {
                            origin: org.node("team-1"),
                            title: "no test data".to_owned(),
                            ..Default::default()
                        }),
                        request_id: format!("raise-{round}"),
                        ..Default::default()
                    };
                    org.ok(request).await.encode_to_vec()
                }
            });
            let answers = together(calls).await;
            assert!(answers.iter().all(|answer| *answer == answers[0]));
        }
        assert_eq!(org.events().await.len(), 3 + 14 + 1 + 5);
    }

    #[tokio::test]
    async fn e2_e9_writers_on_two_servers_lose_nothing() {
        let database = TestDatabase::postgres().await;
        let (first, second) = pair(&database).await;
        let org = Org::set_up(&first).await;
        let writers = TEAMS.iter().enumerate().map(|(index, team)| {
            let org = org.through([&first, &second][index % 2]);
            async move {
                for round in 0..4 {
                    let blocker = org.raise(team, &format!("number {round}")).await;
                    if round % 2 == 0 {
                        org.resolve(&blocker.name).await;
                    }
                    org.meet(team).await;
                }
            }
        });
        together(writers).await;
        assert_whole(&org.events().await, 0);
        for server in [&first, &second] {
            let org = org.through(server);
            org.touch().await;
            let figures = org.figures("acme").await;
            assert_eq!((figures.open, figures.raised_total), (16, 32));
        }
        assert_sound(&second).await;
    }

    #[tokio::test]
    async fn e10_watchers_on_each_server_see_what_both_write() {
        let database = TestDatabase::postgres().await;
        let (first, second) = pair(&database).await;
        let org = Org::set_up(&first).await;
        let begun = org.revision().await;
        let mut watches = Vec::new();
        for server in [&first, &second] {
            let org = org.through(server);
            org.touch().await;
            // Nothing wakes a server up about what others write while its workers do not run, but the heartbeat.
            let request = v1::WatchEventsRequest {
                parent: org.name(),
                heartbeat: span(Duration::from_secs(1)),
                ..Default::default()
            };
            watches.push(
                org.watch_with(request)
                    .await
                    .expect("the watch is accepted"),
            );
        }
        let writers = TEAMS.iter().enumerate().map(|(index, team)| {
            let org = org.through([&first, &second][index % 2]);
            async move {
                for round in 0..5 {
                    org.raise(team, &format!("number {round}")).await;
                }
            }
        });
        together(writers).await;
        let events = org.events_after(begun).await;
        assert_eq!(events.len(), 40);
        assert_whole(&events, begun);
        for mut watch in watches {
            let mut seen = Vec::new();
            while seen.len() < events.len() {
                let message = soon(watch.message()).await.expect("the watch goes on");
                seen.extend(message.expect("the watch goes on").events);
            }
            assert_eq!(seen, events);
        }
    }

    #[tokio::test]
    async fn e2_when_one_server_dies_another_goes_on() {
        let database = TestDatabase::postgres().await;
        let (first, second) = pair(&database).await;
        let org = Org::set_up(&first).await;
        org.raise_many("team-1", 10).await;
        let meeting = org.open("team-1").await;
        // Killed in the middle of it, the close happened or did not.
        let close = {
            let (org, name) = (org.clone(), meeting.name.clone());
            tokio::spawn(async move {
                let request = v1::CloseMeetingRequest {
                    name,
                    ..Default::default()
                };
                drop(org.call(request).await);
            })
        };
        tokio::task::yield_now().await;
        first.kill().await;
        soon(close).await.expect("no task panics");
        let org = org.through(&second);
        let closed = org.close(&meeting.name).await;
        assert_eq!(closed.fates.len(), 10);
        assert_eq!(escalations(&org.events().await).len(), 10);
        assert_sound(&second).await;
    }
}
