//! Mutated streams: each is imported, or refused with the record and what is wrong, and then leaves nothing behind.

use echelon_fuzz::Target;
use echelon_server::stream::ImportError;
use echelon_testkit::TestDatabase;
use tokio::runtime::Runtime;

use super::{import, sample::Stream};

const STREAMS: Target = Target {
    name: "streams",
    words: &[
        "\u{8}",
        "\u{1}",
        "\n\u{2}",
        "\u{12}",
        "organizations/acme",
        "team-1",
        "team-8",
        "rail-a",
        "acme",
        "default",
        "B-1",
        "HIGH",
        "\0",
        "\u{7f}",
    ],
    most_bytes: 64 * 1024,
};

#[test]
fn fuzz_streams_are_imported_or_refused_and_leave_nothing() {
    let runtime = Runtime::new().expect("a runtime starts");
    let _entered = runtime.enter();
    let (mut database, examples) = runtime.block_on(async {
        let examples = [
            Stream::sample().await.bytes(),
            Stream::with_blockers(1).await.bytes(),
            Stream::with_blockers(4).await.bytes(),
        ];
        (TestDatabase::sqlite().await, examples.to_vec())
    });
    STREAMS.fuzz_with(examples, |input| {
        let (durable, outcome) = runtime.block_on(import(&database, input.to_vec()));
        if !durable.is_empty() {
            // Whatever came in is in the way of the next.
            database = runtime.block_on(TestDatabase::sqlite());
        }
        match outcome {
            Ok(()) => String::new(),
            Err(error @ ImportError::Refused { .. }) => error.to_string(),
            Err(error) => panic!("{error}"),
        }
    });
}
