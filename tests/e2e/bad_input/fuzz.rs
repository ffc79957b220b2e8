//! Mutated messages to every method, and mutated tokens to every list: each call is answered, nothing is INTERNAL, and what
//! the server holds stays sound.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use echelon_api::v1;
use echelon_fuzz::Target;
use echelon_testkit::TestDatabase;
use tokio::runtime::Runtime;
use tonic::{Code, Status};

use super::{
    wire::{call, frame, paths},
    world::World,
};
use crate::support::{Org, assert_sound, soon};

const CALLS: Target = Target {
    name: "calls",
    words: &[
        "\n\x12organizations/acme",
        "\n\x1forganizations/acme/blockers/B-1",
        "\n\x1forganizations/acme/nodes/team-1",
        "\x12\x1forganizations/acme/nodes/team-1",
        "\x1a",
        "\x22",
        "\x0a",
        "\x12\x00",
        "\x08\x01",
        "\x10\x7f",
        "\x18\x01",
        "B-1",
        "M-1",
        "default",
        "team-1",
        "*",
        "title",
        "\u{0}",
        "\x7a\x04used",
        "\x2d",
        "\x31",
    ],
    most_bytes: 64 * 1024,
};
const TOKENS: Target = Target {
    name: "tokens",
    words: &[
        "/",
        "1/",
        "-",
        "B-",
        "team-",
        "HIGH",
        "acme",
        "2026-03-02T09:00:00Z",
        "\u{e9}",
        " ",
        "%2f",
        "==",
    ],
    most_bytes: 4 * 1024,
};

/// A refusal must be clean: somebody's fault, not the server's.
fn judge<T>(outcome: Result<T, Status>) -> String {
    let Err(status) = outcome else {
        return String::new();
    };
    let is_clean = !matches!(
        status.code(),
        Code::Internal | Code::Unknown | Code::DataLoss | Code::Cancelled | Code::DeadlineExceeded
    );
    assert!(is_clean, "{status:?}");
    assert!(!status.message().is_empty(), "{status:?}");
    format!("{:?} {}", status.code(), status.message())
}

#[test]
fn fuzz_messages_to_every_method_are_answered_and_harm_nothing() {
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let world = runtime.block_on(async { World::new(TestDatabase::sqlite().await).await });
    // Watches do not end by themselves.
    let mut paths = paths();
    paths.retain(|path| !path.contains("/Watch"));
    CALLS.fuzz(|input| {
        let (method, message) = input.split_first().unwrap_or((&0, &[]));
        let path = &paths[usize::from(*method) % paths.len()];
        let outcome = runtime.block_on(call(&world, path, frame(message)));
        format!("{path} {}", judge(outcome))
    });
    runtime.block_on(assert_sound(&world.server));
}

/// Where a list's tokens are bound to its other fields: everything before the cursor of a real one.
fn scope(token: &str) -> String {
    let plain = URL_SAFE_NO_PAD.decode(token).expect("a token is base64");
    let plain = String::from_utf8(plain).expect("a token is text");
    let parts: Vec<&str> = plain.splitn(3, '/').collect();
    format!("{}/{}/", parts[0], parts[1])
}

/// Which of the outcomes of a list it is: a page, or one of three refusals.
fn short(outcome: &str) -> &'static str {
    match outcome {
        "" => "p",
        outcome if outcome.contains("is no page token") => "m",
        outcome if outcome.contains("another list") => "l",
        _ => "o",
    }
}

macro_rules! lists {
    ($($request:ident { $($field:ident: $value:expr),* }),* $(,)?) => {
        /// The tokens with which each list ends its first page.
        async fn scopes(acme: &Org) -> Vec<String> {
            let mut scopes = Vec::new();
            $(
                let page = acme.ok(v1::$request {
                    $($field: $value(acme),)*
                    page_size: 1,
                    ..Default::default()
                }).await;
                scopes.push(scope(&page.next_page_token));
            )*
            scopes
        }

        /// Asks each list for the page after a cursor.
        async fn ask(acme: &Org, scopes: &[String], cursor: &str) -> String {
            let mut scopes = scopes.iter();
            let mut kinds = String::new();
            $(
                let scope = scopes.next().expect("each list has a token");
                let outcome = acme.call(v1::$request {
                    $($field: $value(acme),)*
                    page_size: 1,
                    page_token: URL_SAFE_NO_PAD.encode(format!("{scope}{cursor}")),
                    ..Default::default()
                }).await;
                kinds += short(&judge(outcome));
            )*
            kinds
        }
    };
}

lists! {
    ListNodesRequest { parent: Org::name },
    ListBlockersRequest { parent: Org::name },
    ListEventsRequest { parent: Org::name },
    ListMeetingsRequest { parent: Org::name },
    ListEscalationPoliciesRequest { parent: Org::name },
}

#[test]
fn fuzz_page_tokens_and_resume_tokens_are_read_or_refused() {
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let world = runtime.block_on(async { World::new(TestDatabase::sqlite().await).await });
    let acme = &world.acme;
    let scopes = runtime.block_on(scopes(acme));
    TOKENS.fuzz(|input| {
        let text = String::from_utf8_lossy(input);
        runtime.block_on(async {
            let mut kinds = ask(acme, &scopes, &text).await;
            // As it came, and as the inside of a token.
            for token in [text.to_string(), URL_SAFE_NO_PAD.encode(text.as_bytes())] {
                let page = v1::ListNodesRequest {
                    parent: acme.name(),
                    page_token: token.clone(),
                    ..Default::default()
                };
                kinds += short(&judge(acme.call(page).await));
                let mut client = world.server.events();
                let watch = client.watch_events(v1::WatchEventsRequest {
                    parent: acme.name(),
                    resume_token: token,
                    ..Default::default()
                });
                kinds += &judge(soon(watch).await);
            }
            kinds
        })
    });
    runtime.block_on(world.assert_unharmed());
}
