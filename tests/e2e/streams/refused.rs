//! What does not fit is refused with its place, what is wrong and what to do, and leaves nothing behind.

use echelon_api::v1::{
    BlockerChange, BlockerState, EscalationState, StreamHeader, StreamTrailer, event::Payload,
};
use echelon_testkit::{TestDatabase, on_both};

use super::{
    import, import_whole,
    sample::{Stream, path},
};

on_both!(
    e1_e2_e9_what_does_not_fit_is_refused_and_leaves_nothing,
    a_stream_cut_anywhere_is_refused,
    a_flipped_bit_is_refused_and_panics_nowhere,
);

/// A change of a good stream, and what the refusal must say.
type Case = (&'static str, fn(&mut Stream));

const CASES: &[Case] = &[
    ("header.format: is 2", |stream| {
        header(stream).format = 2;
    }),
    ("header.organization: `Acme` is no", |stream| {
        header(stream).organization = "organizations/Acme".to_owned();
    }),
    ("comes before a header", |stream| stream.header = None),
    ("header.events: told 7", |stream| header(stream).events = 7),
    ("header.revision: told 7", |stream| {
        header(stream).revision = 7;
    }),
    ("ends without a trailer", |stream| stream.trailer = None),
    ("tells of 7 events", |stream| trailer(stream).events = 7),
    ("up to revision 9999", |stream| {
        trailer(stream).revision = 9999;
    }),
    ("trailer.checksum", |stream| trailer(stream).checksum = 1),
    ("without gaps", |stream| stream.event(0).revision += 1),
    ("without gaps", |stream| stream.event(0).revision -= 1),
    ("without gaps", |stream| stream.event(0).index = 1),
    ("without gaps", |stream| stream.event(0).index = -1),
    ("earlier than that of the event before", |stream| {
        let early = stream.events[0].time;
        stream.event(0).time = early;
    }),
    ("give all events of a revision one time", |stream| {
        let revision = stream.event(1).revision;
        stream.event(0).revision = revision;
        stream.event(0).index = 1;
    }),
    ("time: is missing", |stream| stream.event(0).time = None),
    ("is `organizations/other`", |stream| {
        stream.event(0).organization = "organizations/other".to_owned();
    }),
    ("organizations/other/nodes/acme", |stream| {
        stream.event(0).nodes[4] = "organizations/other/nodes/acme".to_owned();
    }),
    ("must be `organizations/acme/blockers/B-4`", |stream| {
        stream.event(0).blocker = "organizations/acme/blockers/B-3".to_owned();
    }),
    ("nearest first: team-1, rail-a", |stream| {
        stream.event(0).nodes.remove(1);
    }),
    ("nearest first: team-1, rail-a", |stream| {
        stream.event(0).nodes = path("team-2");
    }),
    ("payload: is missing", |stream| {
        stream.event(0).payload = None
    }),
    ("in the first event and in no other", |stream| {
        let first = stream.events[0].payload.clone();
        stream.event(0).payload = first;
        stream.event(0).blocker.clear();
    }),
    ("in the first event and in no other", |stream| {
        stream.events.remove(0);
        stream.events[0].index = 0;
    }),
    ("node `nowhere` does not exist", |stream| {
        content(stream).origin = "nowhere".to_owned();
    }),
    ("node `nowhere` does not exist", |stream| {
        content(stream).causing_nodes = vec!["nowhere".to_owned()];
    }),
    ("node `nowhere` does not exist", |stream| {
        status(stream).holder = "nowhere".to_owned();
    }),
    ("which is not above its origin", |stream| {
        status(stream).holder = "rail-b".to_owned();
    }),
    ("policy version that does not exist", |stream| {
        status(stream).policy = "other".to_owned();
    }),
    ("policy version that does not exist", |stream| {
        status(stream).policy_version = 2;
    }),
    ("neither armed, waiting", |stream| {
        status(stream).escalation_state = EscalationState::Armed.into();
    }),
    ("neither armed, waiting", |stream| {
        status(stream).escalation_state = EscalationState::Unspecified.into();
    }),
    ("has a closing time, or the reverse", |stream| {
        let now = stream.event(0).time;
        status(stream).close_time = now;
    }),
    ("status.state: must be ACKNOWLEDGED exactly", |stream| {
        status(stream).state = BlockerState::Acknowledged.into();
    }),
    ("status.episode: must be at least 1", |stream| {
        status(stream).episode = 0;
    }),
    ("lies after the time of the event", |stream| {
        let mut late = stream.event(0).time;
        late.as_mut().expect("it has a time").seconds += 1;
        status(stream).progress_time = late;
    }),
    ("status.merged_into: B-9 is", |stream| {
        status(stream).merged_into = 9;
    }),
    ("status.owner: must be one line", |stream| {
        status(stream).owner = "tech-lead\n@example.com".to_owned();
    }),
    ("status.resolution: must not contain NUL", |stream| {
        status(stream).resolution = "\0".to_owned();
    }),
    ("content: must be set exactly", |stream| {
        stream.record(0).content = None;
    }),
    ("content.title: must not be empty", |stream| {
        content(stream).title.clear();
    }),
    ("content.title: has 201 characters", |stream| {
        content(stream).title = "x".repeat(201);
    }),
    ("content.external_reference: is no web address", |stream| {
        content(stream).external_reference = "javascript:alert(1)".to_owned();
    }),
    ("content.blocked_nodes: is empty", |stream| {
        content(stream).blocked_nodes.clear();
    }),
    ("B-2 exists already", |stream| rename(stream, 2)),
    ("B-1 exists already", |stream| rename(stream, 1)),
    ("B-0, raised at", |stream| rename(stream, 0)),
    ("in the order of their raise_time", |stream| {
        rename(stream, i64::MAX);
    }),
    ("in the order of their raise_time", |stream| {
        let early = stream.events[0].time;
        content(stream).raise_time = early;
    }),
    ("content.dedupe_key: `key-2` is that of B-2", |stream| {
        content(stream).dedupe_key = "key-2".to_owned();
    }),
    ("B-4 does not exist: raise or import it first", |stream| {
        stream.record(0).change = BlockerChange::Commented.into();
        stream.record(0).content = None;
    }),
    ("without a move: write ESCALATED", |stream| {
        let record = stream.add(2, BlockerState::Raised);
        record.change = BlockerChange::Acknowledged.into();
        record.content = None;
        status(stream).holder = "rail-a".to_owned();
    }),
    ("must keep origin, raise_time", |stream| {
        let record = stream.add(2, BlockerState::Raised);
        record.change = BlockerChange::Updated.into();
    }),
    ("move: is missing", |stream| {
        stream.record(0).change = BlockerChange::Escalated.into();
    }),
    ("has the value 99", |stream| stream.record(0).change = 99),
    ("node `rail` exists already", |stream| {
        let node = node(stream, "rail");
        replace(stream, Payload::NodeCreated(node));
    }),
    ("lies below it", |stream| {
        let mut node = node(stream, "mobility");
        node.previous_parent = node.parent;
        node.parent = "rail".to_owned();
        replace(stream, Payload::NodeMoved(node));
    }),
    ("only the root `acme` has none", |stream| {
        let mut node = node(stream, "rail");
        node.id = "new".to_owned();
        node.parent.clear();
        replace(stream, Payload::NodeCreated(node));
    }),
    ("has active children", |stream| {
        let mut node = node(stream, "rail");
        node.archived = true;
        replace(stream, Payload::NodeArchived(node));
    }),
    ("holds open blockers", |stream| {
        let mut node = node(stream, "team-1");
        node.archived = true;
        replace(stream, Payload::NodeArchived(node));
    }),
    ("write node_moved for that", |stream| {
        let mut node = node(stream, "team-1");
        node.parent = "rail-b".to_owned();
        replace(stream, Payload::NodeUpdated(node));
    }),
    ("attach no policy to the root", |stream| {
        // Organization and root alone.
        stream.events.truncate(2);
    }),
    ("policy `default` exists already", |stream| {
        let policy = policy(stream);
        replace(stream, Payload::PolicyCreated(policy));
    }),
    ("must be version 2", |stream| {
        let mut policy = policy(stream);
        policy.version = 3;
        policy.rules.pop();
        replace(stream, Payload::PolicyUpdated(policy));
    }),
];

fn header(stream: &mut Stream) -> &mut StreamHeader {
    stream.header.as_mut().expect("it has a header")
}

fn trailer(stream: &mut Stream) -> &mut StreamTrailer {
    stream.trailer.as_mut().expect("it has a trailer")
}

fn content(stream: &mut Stream) -> &mut echelon_api::v1::BlockerContentRecord {
    stream.record(0).content.as_mut().expect("it has content")
}

fn status(stream: &mut Stream) -> &mut echelon_api::v1::BlockerStatusRecord {
    stream.record(0).status.as_mut().expect("it has a status")
}

fn rename(stream: &mut Stream, number: i64) {
    stream.record(0).number = number;
    stream.event(0).blocker = format!("organizations/acme/blockers/B-{number}");
}

fn replace(stream: &mut Stream, payload: Payload) {
    let event = stream.event(0);
    event.payload = Some(payload);
    event.blocker.clear();
}

/// The record that created a node.
fn node(stream: &Stream, id: &str) -> echelon_api::v1::NodeRecord {
    let found = stream.events.iter().find_map(|event| match &event.payload {
        Some(Payload::NodeCreated(node)) if node.id == id => Some(node.clone()),
        _ => None,
    });
    found.expect("the sample has it")
}

/// The record that created the default policy.
fn policy(stream: &Stream) -> echelon_api::v1::PolicyRecord {
    let found = stream.events.iter().find_map(|event| match &event.payload {
        Some(Payload::PolicyCreated(policy)) => Some(policy.clone()),
        _ => None,
    });
    found.expect("the sample has it")
}

async fn assert_empty(database: &TestDatabase) {
    for table in [
        "organization_head",
        "node",
        "event",
        "blocker",
        "node_counter",
    ] {
        assert_eq!(database.rows(table).await, 0, "{table}");
    }
}

async fn e1_e2_e9_what_does_not_fit_is_refused_and_leaves_nothing(database: TestDatabase) {
    let good = Stream::with_blockers(4).await;
    for (index, (wanted, change)) in CASES.iter().enumerate() {
        let mut stream = good.clone();
        change(&mut stream);
        let (durable, outcome) = import(&database, stream.bytes()).await;
        let Err(error) = outcome else {
            panic!("case {index}, {wanted:?}: it is accepted");
        };
        let error = error.to_string();
        assert!(error.contains(wanted), "case {index}: {error}");
        assert!(error.starts_with("record "), "case {index}: {error}");
        assert!(!error.contains("internal"), "case {index}: {error}");
        assert_eq!(durable, [], "case {index}");
    }
    let (_, outcome) = import(&database, Vec::new()).await;
    let error = outcome.expect_err("there is nothing").to_string();
    assert!(error.contains("the stream is empty"), "{error}");
    assert_empty(&database).await;
    import_whole(&database, good.bytes()).await;
}

async fn a_stream_cut_anywhere_is_refused(database: TestDatabase) {
    let whole = Stream::with_blockers(2).await.bytes();
    let step = whole.len() / 40;
    for end in (1..whole.len()).step_by(step).chain([whole.len() - 1]) {
        let (durable, outcome) = import(&database, whole[..end].to_vec()).await;
        assert!(outcome.is_err(), "cut at {end}, it is accepted");
        assert_eq!(durable, []);
    }
    assert_empty(&database).await;
}

/// No input may panic: a panic of the thread that reads would be told as such.
async fn a_flipped_bit_is_refused_and_panics_nowhere(database: TestDatabase) {
    let whole = Stream::with_blockers(3).await.bytes();
    for at in (0..whole.len()).step_by(61) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let (durable, outcome) = import(&database, bytes).await;
        let Err(error) = outcome else {
            panic!("a bit at {at} is flipped, and it is accepted");
        };
        assert!(!error.to_string().contains("unexpectedly"), "{at}: {error}");
        assert_eq!(durable, []);
    }
    assert_empty(&database).await;
}
