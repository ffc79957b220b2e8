//! PostgreSQL behind PgBouncer in transaction mode: each transaction gets another connection, and nothing is different.

mod postgres {
    use std::time::Duration;

    use echelon_api::v1::{self, BlockerState};
    use echelon_server::config::Config;
    use echelon_store::{Options, Pooling, Store};
    use echelon_testkit::{TestBouncer, TestDatabase, TestPostgres, TestServer};

    use crate::support::{
        DAY, HOUR, Org, assert_sound,
        log::{assert_each_cause_moves_once, assert_whole, escalations},
        sample::TEAMS,
        soon, span, together,
    };

    fn pooled(config: &mut Config) {
        config.transaction_pooling = true;
    }

    /// What a morning is made of, through one server.
    async fn morning(org: Org, team: &'static str) {
        for number in 0..3 {
            let blocker = org.raise(team, &format!("number {number}")).await;
            if number == 0 {
                org.resolve(&blocker.name).await;
                let verify = v1::VerifyBlockerRequest {
                    name: blocker.name.clone(),
                    ..Default::default()
                };
                org.ok(verify).await;
            }
            org.explain(&blocker.name).await;
            assert_eq!(org.get(&blocker.name).await.name, blocker.name);
        }
        org.meet(team).await;
    }

    #[tokio::test]
    async fn e2_e3_e9_a_pooler_in_transaction_mode_changes_nothing() {
        let postgres = TestPostgres::start().await;
        let bouncer = TestBouncer::start(&postgres).await;
        let database = TestDatabase::at(bouncer.url());
        let clock = echelon_server::clock::ManualClock::new(echelon_testkit::START);
        let first = TestServer::start_with(&database, clock.clone(), pooled).await;
        let second = TestServer::start_with(&database, clock, pooled).await;
        let org = Org::set_up(&first).await;
        let request = v1::WatchEventsRequest {
            parent: org.name(),
            heartbeat: span(Duration::from_secs(1)),
            ..Default::default()
        };
        let watch = org.through(&second).watch_with(request).await;
        let mut watch = watch.expect("the watch is accepted");
        let begun = org.revision().await;
        let mornings = TEAMS.iter().enumerate().map(|(index, team)| {
            let org = org.through([&first, &second][index % 2]);
            morning(org, team)
        });
        together(mornings).await;
        first.advance(2 * DAY + HOUR);
        tokio::join!(first.pass_timers(), second.pass_timers());
        let events = org.events().await;
        assert_whole(&events, 0);
        assert_each_cause_moves_once(&events);
        assert!(escalations(&events).len() >= 2 * TEAMS.len());
        let mut seen = 0;
        let wanted = events.iter().filter(|event| event.revision > begun).count();
        while seen < wanted {
            let message = soon(watch.message()).await.expect("the watch goes on");
            seen += message.expect("the watch goes on").events.len();
        }
        let closed = v1::ListBlockersRequest {
            parent: org.name(),
            states: vec![BlockerState::Verified.into()],
            ..Default::default()
        };
        assert_eq!(org.ok(closed).await.blockers.len(), TEAMS.len());
        org.touch().await;
        first.audit("acme").await;
        assert_sound(&second).await;
    }

    #[tokio::test]
    async fn a_pooler_that_is_not_named_is_found_out() {
        let postgres = TestPostgres::start().await;
        let bouncer = TestBouncer::start(&postgres).await;
        let options = |url: String, pooling| Options {
            url,
            max_connections: 2,
            connect_timeout: Duration::from_secs(10),
            pooling,
        };
        let refused = Store::open(&options(bouncer.url(), Pooling::Session)).await;
        let refused = refused.expect_err("it is a pooler").to_string();
        assert!(refused.contains("transaction_pooling = true"), "{refused}");
        for (url, pooling) in [
            (bouncer.url(), Pooling::Transaction),
            (postgres.url(), Pooling::Session),
            (postgres.url(), Pooling::Transaction),
        ] {
            let store = Store::open(&options(url, pooling)).await.expect("it opens");
            store.migrate().await.expect("it migrates");
            store.check_schema().await.expect("it is up to date");
        }
    }
}
