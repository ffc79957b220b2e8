//! What one server writes, watchers of another see at once, and not when it next looks.

mod postgres {
    use std::time::{Duration, Instant};

    use echelon_api::v1;
    use echelon_testkit::{START, TestDatabase, TestPostgres};

    use crate::{
        support::{Org, soon},
        workers::Working,
    };

    /// Blockers raised one after the other.
    const RAISED: usize = 40;
    /// Servers look by themselves once a second: whoever waits for that waits half of it on the average.
    const SOON: Duration = Duration::from_millis(250);

    /// How long each of many writes through one takes to be seen through the other, from the shortest.
    async fn lags(writer: &Org, reader: &Org) -> Vec<Duration> {
        let mut watch = reader.watch(String::new()).await;
        let mut lags = Vec::new();
        while lags.len() < RAISED {
            writer.raise("team-1", "no test data").await;
            let began = Instant::now();
            let revision = writer.revision().await;
            loop {
                let message = soon(watch.message()).await.expect("the watch goes on");
                if message.expect("the watch goes on").revision >= revision {
                    break;
                }
            }
            lags.push(began.elapsed());
        }
        lags.sort_unstable();
        lags
    }

    /// Calls until none meets a connection any more that broke when the database went away.
    async fn settle(org: &Org) {
        let mut well = 0;
        while well < 16 {
            let read = v1::ListEventsRequest {
                parent: org.name(),
                ..Default::default()
            };
            let write = v1::CommentOnBlockerRequest {
                name: org.blocker(1),
                text: "back again".to_owned(),
                ..Default::default()
            };
            let is_well = org.call(read).await.is_ok() && org.call(write).await.is_ok();
            well = if is_well { well + 1 } else { 0 };
        }
    }

    #[tokio::test]
    async fn e10_a_watcher_on_another_server_is_woken_up() {
        let database = TestDatabase::postgres().await;
        let clock = echelon_server::clock::ManualClock::new(START);
        let first = Working::start(&database, clock.clone()).await;
        let second = Working::start(&database, clock).await;
        let (one, other) = (first.org(), second.org());
        one.apply_sample().await;
        other.touch().await;
        for (writer, reader) in [(&one, &other), (&other, &one)] {
            let lags = lags(writer, reader).await;
            let most = lags[lags.len() * 9 / 10];
            println!(
                "median {:?}, 90 % {most:?}, worst {:?}",
                lags[lags.len() / 2],
                lags[lags.len() - 1]
            );
            assert!(most < SOON, "{lags:?}");
        }
        first.stop().await;
        second.stop().await;
    }

    #[tokio::test]
    async fn e10_wakeups_come_back_after_the_database_was_away() {
        let mut cluster = TestPostgres::start().await;
        let database = TestDatabase::at(cluster.url());
        let clock = echelon_server::clock::ManualClock::new(START);
        let first = Working::start(&database, clock.clone()).await;
        let second = Working::start(&database, clock).await;
        let (one, other) = (first.org(), second.org());
        one.apply_sample().await;
        one.raise("team-1", "no test data").await;
        other.touch().await;
        cluster.stop_immediately().await;
        cluster.start_again().await;
        for org in [&one, &other] {
            soon(settle(org)).await;
        }
        let lags = lags(&one, &other).await;
        let median = lags[lags.len() / 2];
        assert!(median < SOON, "{lags:?}");
        first.stop().await;
        second.stop().await;
    }
}
