//! A server under attack, somebody else who is served meanwhile, and what it costs the server.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use echelon_client::{Client, v1};
use echelon_testkit::TestDatabase;
use prost::Message as _;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::Instant,
};

use crate::process::daemon::Daemon;

const ACME: &str = "organizations/acme";
/// The longest that somebody else waits for an answer, on a machine that runs other tests as well.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

pub(super) struct Scene {
    daemon: Daemon,
    address: SocketAddr,
    http: String,
    client: Client,
    before: usize,
    is_over: Arc<AtomicBool>,
    /// Gives how many calls were answered.
    bystander: JoinHandle<usize>,
    _database: TestDatabase,
    _folder: TempDir,
}

impl Scene {
    /// A server with these arguments, and somebody who calls it all the time.
    pub(super) async fn begin(arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let database = TestDatabase::sqlite().await;
        let mut daemon = Daemon::start(folder.path(), database.url(), arguments);
        let client = daemon.client().await;
        let create = v1::CreateOrganizationRequest {
            organization_id: "acme".to_owned(),
            ..Default::default()
        };
        let created = client.organizations().create_organization(create).await;
        created.expect("an organization can be made");
        let is_over = Arc::new(AtomicBool::new(false));
        let address = daemon.grpc_address().await;
        let http = daemon.http_address().await;
        let before = memory(daemon.pid());
        Self {
            bystander: tokio::spawn(stand_by(client.clone(), is_over.clone())),
            address: address.parse().expect("it tells its address"),
            daemon,
            http,
            client,
            before,
            is_over,
            _database: database,
            _folder: folder,
        }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Raises blockers, so that lists are long.
    pub(super) async fn fill(&self, blockers: usize) {
        for index in 0..blockers {
            let raise = v1::RaiseBlockerRequest {
                parent: ACME.to_owned(),
                blocker: Some(v1::Blocker {
                    origin: format!("{ACME}/nodes/acme"),
                    title: format!("blocker {index}"),
                    description: "a".repeat(8_000),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let raised = self.client.blockers().raise_blocker(raise).await;
            raised.expect("a blocker can be raised");
        }
    }

    /// A request for the longest page of events, in a frame of gRPC.
    pub(super) fn list_request() -> Vec<u8> {
        let list = v1::ListEventsRequest {
            parent: ACME.to_owned(),
            page_size: 1000,
            ..Default::default()
        };
        let message = list.encode_to_vec();
        let length = u32::try_from(message.len()).expect("it is short");
        [&[0], &length.to_be_bytes()[..], &message].concat()
    }

    /// How many files the server has open.
    pub(super) fn open_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.daemon.pid()));
        files.expect("a running process has files").count()
    }

    /// By how much the server has grown when it has not grown any more for this long.
    pub(super) async fn growth_until_still(&self, still: Duration) -> usize {
        let mut most = 0;
        let mut since = Instant::now();
        while since.elapsed() < still {
            let now = self.growth();
            if now > most + (1 << 20) {
                most = now;
                since = Instant::now();
            }
            // Somebody is served meanwhile; this waits for him.
            self.call().await;
        }
        most
    }

    /// Waits until the server has grown by less than this since the beginning.
    pub(super) async fn until_smaller(&self, growth: usize) {
        let patience = Instant::now() + Duration::from_secs(90);
        while self.growth() >= growth {
            assert!(
                Instant::now() < patience,
                "it is still larger by {} MiB",
                self.growth() >> 20
            );
            self.call().await;
        }
    }

    fn growth(&self) -> usize {
        memory(self.daemon.pid()).saturating_sub(self.before)
    }

    async fn call(&self) {
        let get = v1::GetOrganizationRequest {
            name: ACME.to_owned(),
            ..Default::default()
        };
        let answer = self.client.organizations().get_organization(get).await;
        answer.expect("others are served");
    }

    /// A metric of the server.
    pub(super) async fn metric(&self, name: &str) -> u64 {
        let mut stream = TcpStream::connect(&self.http)
            .await
            .expect("it serves HTTP");
        let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("it answers");
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("{name} is missing in {text}"));
        value.trim().parse().expect("a metric is a number")
    }

    /// Waits until a metric has come to a value.
    pub(super) async fn until(&self, name: &str, value: u64) {
        let patience = Instant::now() + Duration::from_secs(30);
        while self.metric(name).await < value {
            assert!(Instant::now() < patience, "{name} stays below {value}");
        }
    }

    /// Ends it: somebody else was served all the time, nothing panicked, and it grew by no more than this.
    pub(super) async fn end(self, most_growth: usize) {
        let growth = self.growth();
        assert!(growth <= most_growth, "it grew by {} MiB", growth >> 20);
        assert_eq!(self.metric("echelon_rpc_panics_total").await, 0);
        self.is_over.store(true, Ordering::Relaxed);
        let answered = self
            .bystander
            .await
            .expect("others were served all the time");
        println!(
            "{answered} calls of others answered, {} MiB more memory",
            growth >> 20
        );
        assert!(
            !self
                .daemon
                .log()
                .iter()
                .any(|line| line.contains("panicked")),
            "{:#?}",
            self.daemon.log()
        );
        self.daemon.stop().await;
    }
}

/// Calls on and on; each must be answered in time.
async fn stand_by(client: Client, is_over: Arc<AtomicBool>) -> usize {
    let mut answered = 0;
    while !is_over.load(Ordering::Relaxed) {
        let get = v1::GetOrganizationRequest {
            name: ACME.to_owned(),
            ..Default::default()
        };
        let mut organizations = client.organizations();
        let answer = tokio::time::timeout(ANSWERED_WITHIN, organizations.get_organization(get));
        let answer = answer.await.expect("others are answered in time");
        answer.expect("others are served");
        answered += 1;
    }
    answered
}

/// Bytes of memory that a process has.
fn memory(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: usize = kibibytes
        .and_then(|number| number.trim().parse().ok())
        .expect("Linux tells a process's memory");
    kibibytes * 1024
}
