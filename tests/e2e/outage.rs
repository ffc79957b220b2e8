//! The database goes away in the middle of everything and comes back: nothing acknowledged is lost, and who calls meanwhile
//! is told to come again.

mod postgres {
    use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

    use echelon_api::v1::{self, BlockerChange, BlockerState};
    use echelon_client::{Client, Error, Options, RetryBudget, names};
    use echelon_testkit::{TestDatabase, TestPostgres, TestServer};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        sync::watch,
    };
    use tokio_util::sync::CancellationToken;
    use tonic::{Code, Status};
    use tonic_types::StatusExt as _;

    use crate::support::{Org, assert_sound, log::changes, soon, together};

    /// Longer than any outage.
    const PATIENCE: Duration = Duration::from_secs(60);
    const WRITERS: usize = 8;
    const WRITES: usize = 25;

    /// Raises blockers one after the other, whatever it takes, and gives the names of those that were acknowledged.
    async fn write(client: Client) -> Vec<String> {
        let mut acknowledged = Vec::new();
        for number in 0..WRITES {
            let request = v1::RaiseBlockerRequest {
                parent: names::organization("acme"),
                blocker: Some(v1::Blocker {
                    origin: names::node("acme", "team-1"),
                    title: format!("number {number}"),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let raise = |client: Client, request| async move {
                client.blockers().raise_blocker(request).await
            };
            let raised: Result<_, Error> = client.retry(request, raise).await;
            let blocker = raised.expect("it is taken at last").blocker;
            acknowledged.push(blocker.expect("a raise answers with it").name);
        }
        acknowledged
    }

    /// Calls without trying again, and takes note of every refusal. Gives those that a caller could not understand.
    async fn probe(
        org: Org,
        stop: CancellationToken,
        refused: watch::Sender<usize>,
    ) -> Vec<Status> {
        let mut wrong = Vec::new();
        for turn in 0_usize.. {
            if stop.is_cancelled() {
                break;
            }
            let answer = match turn % 5 {
                0 => org.call(comment(&org)).await.map(drop),
                1 => org.call(closed(&org)).await.map(drop),
                2 => org.call(events(&org)).await.map(drop),
                3 => org.watch_with(watch(&org)).await.map(drop),
                _ => org.call(organizations()).await.map(drop),
            };
            let Err(status) = answer else {
                tokio::task::yield_now().await;
                continue;
            };
            refused.send_modify(|refused| *refused += 1);
            let retry = status.get_details_retry_info();
            let delay = retry.and_then(|retry| retry.retry_delay);
            if status.code() != Code::Unavailable || delay.is_none() {
                wrong.push(status);
            }
        }
        wrong
    }

    fn comment(org: &Org) -> v1::CommentOnBlockerRequest {
        v1::CommentOnBlockerRequest {
            name: org.blocker(1),
            text: "still there".to_owned(),
            ..Default::default()
        }
    }

    fn closed(org: &Org) -> v1::ListBlockersRequest {
        v1::ListBlockersRequest {
            parent: org.name(),
            states: vec![BlockerState::Verified.into()],
            ..Default::default()
        }
    }

    fn events(org: &Org) -> v1::ListEventsRequest {
        v1::ListEventsRequest {
            parent: org.name(),
            ..Default::default()
        }
    }

    fn watch(org: &Org) -> v1::WatchEventsRequest {
        v1::WatchEventsRequest {
            parent: org.name(),
            ..Default::default()
        }
    }

    fn organizations() -> v1::ListOrganizationsRequest {
        v1::ListOrganizationsRequest::default()
    }

    /// What `/readyz` answers.
    async fn readiness(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let ask = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(ask).await.expect("it reads");
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer))
            .await
            .expect("it answers");
        answer
    }

    /// What a server tells Prometheus by a name.
    fn told(server: &TestServer, name: &str) -> u64 {
        let told = server.app().metrics().render(0).expect("they are told");
        let value = told.lines().find_map(|line| line.strip_prefix(name));
        let value = value.and_then(|value| value.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {told}"))
    }

    #[tokio::test]
    async fn e2_e7_a_database_that_restarts_loses_nothing_acknowledged() {
        let mut cluster = TestPostgres::start().await;
        let database = TestDatabase::at(cluster.url());
        let first = TestServer::start(&database).await;
        let second = TestServer::start_with(&database, first.clock().clone(), |_| {}).await;
        let org = Org::set_up(&first).await;
        org.raise("team-1", "the first").await;
        let address = |server: &TestServer| format!("http://{}", server.address());
        let client = Client::connect_lazy(Options {
            addresses: vec![address(&first), address(&second)],
            deadline: PATIENCE,
            retry: RetryBudget {
                within: PATIENCE,
                ..RetryBudget::default()
            },
            ..Options::default()
        });
        let client = client.expect("the options are good");
        let writers = (0..WRITERS).map(|_| write(client.clone()));
        let writing: Vec<_> = writers.map(tokio::spawn).collect();
        let stop = CancellationToken::new();
        let (refused, mut refusals) = watch::channel(0);
        let probing: Vec<_> = [&first, &second, &first]
            .map(|server| tokio::spawn(probe(org.through(server), stop.clone(), refused.clone())))
            .into();

        let half_way = i64::try_from(WRITERS * WRITES / 3).expect("it is small");
        let reached = async {
            while client.newest_revision("acme") < half_way {
                tokio::task::yield_now().await;
            }
        };
        soon(reached).await;
        cluster.stop_immediately().await;
        soon(refusals.wait_for(|refused| *refused >= 6))
            .await
            .expect("probes go on");
        let unready = readiness(first.http_address()).await;
        assert!(unready.starts_with("HTTP/1.1 503"), "{unready}");
        assert!(
            unready.contains("the database does not answer"),
            "{unready}"
        );
        assert_eq!(told(&first, "echelon_database_up"), 0);
        cluster.start_again().await;

        let mut acknowledged = BTreeSet::new();
        for writer in writing {
            let written = tokio::time::timeout(PATIENCE, writer).await;
            acknowledged.extend(written.expect("it recovers").expect("no task panics"));
        }
        stop.cancel();
        for wrong in together(probing).await {
            let wrong = wrong.expect("no task panics");
            assert!(wrong.is_empty(), "{wrong:#?}");
        }
        assert_eq!(acknowledged.len(), WRITERS * WRITES);
        let events = org.events().await;
        let raised = changes(&events).into_iter();
        let raised = raised.filter(|change| change.kind == BlockerChange::Raised);
        let raised: Vec<String> = raised.map(|change| change.blocker).collect();
        assert_eq!(raised.len(), 1 + WRITERS * WRITES, "each was done once");
        assert!(acknowledged.iter().all(|name| raised.contains(name)));
        let ready = readiness(second.http_address()).await;
        assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
        assert_eq!(told(&second, "echelon_database_up"), 1);
        let failed = |server| told(server, "echelon_failed_batches_total");
        assert!(failed(&first) + failed(&second) > 0);
        assert_sound(&second).await;
    }
}
