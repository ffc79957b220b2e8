//! Trying nonsense, and the kinds of nonsense that many methods share.

use std::{any::type_name, collections::BTreeSet, fmt::Debug};

use prost_types::{Duration, FieldMask, Timestamp};
use tonic::Status;

use super::{
    services,
    wanted::{Wanted, field, missing, page_token, reused, stale},
    world::{USED, World},
};
use crate::support::{mask, rpc::Rpc};

/// Cases of nonsense, tried one after the other.
pub(super) struct Cases<'a> {
    pub(super) world: &'a World,
    tried: BTreeSet<String>,
}

impl<'a> Cases<'a> {
    pub(super) const fn new(world: &'a World) -> Self {
        Self {
            world,
            tried: BTreeSet::new(),
        }
    }

    /// Makes a call that must be refused as wanted.
    pub(super) async fn refused<R: Rpc>(&mut self, request: R, wanted: Wanted) {
        let told = format!("{request:?}");
        let result = self.world.acme.call(request).await;
        let name = type_name::<R>().rsplit("::").next().unwrap_or_default();
        let method = name.trim_end_matches("Request");
        self.judge(method, &told, result, &wanted);
    }

    /// Judges the result of a call that was made elsewhere.
    #[track_caller]
    pub(super) fn judge<T: Debug>(
        &mut self,
        method: &str,
        request: &str,
        result: Result<T, Status>,
        wanted: &Wanted,
    ) {
        let shown: String = request.chars().take(1_000).collect();
        let Err(status) = result else {
            panic!("{method} is not refused as {wanted:?}: {shown}");
        };
        let lacking = wanted.lacking(&status);
        assert!(
            lacking.is_empty(),
            "{method}: {shown}\nis refused with {status:?}\nwhich lacks {}",
            lacking.join(", ")
        );
        self.tried.insert(method.to_owned());
    }

    /// Checks that every method of a service was tried, and no other.
    pub(super) fn assert_complete(&self, service: &str) {
        let services = services();
        let methods = services.iter().find(|(name, _)| name == service);
        let (_, methods) = methods.expect("there is such a service");
        assert_eq!(&self.tried, methods);
    }

    /// Names of organizations.
    pub(super) async fn organization_names<R: Rpc>(
        &mut self,
        at: &str,
        make: impl Fn(String) -> R,
    ) {
        let long = format!("organizations/{}", "a".repeat(64));
        for name in [
            "",
            "acme",
            "organizations/",
            "organizations/Acme",
            "organizations/acme/",
            "organizations/acme/nodes/rail",
            "organisations/acme",
            "organizations/a\0",
            &long,
        ] {
            self.refused(make(name.to_owned()), field(at)).await;
        }
        let unknown = "organizations/nowhere".to_owned();
        self.refused(make(unknown), missing("organization")).await;
    }

    /// Names of nodes that say which organization is meant.
    pub(super) async fn node_names<R: Rpc>(&mut self, at: &str, make: impl Fn(String) -> R) {
        self.names("nodes", "rail", at, &make).await;
        self.unknown_names("nodes", "nowhere", "node", &make).await;
    }

    /// Names of nodes beside the name that says which organization is meant.
    pub(super) async fn other_nodes<R: Rpc>(&mut self, at: &str, make: impl Fn(String) -> R) {
        self.names("nodes", "rail", at, &make).await;
        self.refused(
            make(self.world.other.node("other")),
            field(at).saying("is of organization"),
        )
        .await;
        self.refused(make(self.world.acme.node("nowhere")), missing("node"))
            .await;
    }

    /// Names of blockers that say which organization is meant.
    pub(super) async fn blocker_names<R: Rpc>(&mut self, at: &str, make: impl Fn(String) -> R) {
        self.names("blockers", "B-1", at, &make).await;
        for id in [
            "1",
            "B-0",
            "B--1",
            "B-+1",
            "B-1.0",
            "B-99999999999999999999",
            "M-1",
        ] {
            let name = format!("organizations/acme/blockers/{id}");
            self.refused(make(name), field(at)).await;
        }
        self.unknown_names("blockers", "B-4711", "blocker", &make)
            .await;
    }

    /// Names of meetings that say which organization is meant.
    pub(super) async fn meeting_names<R: Rpc>(&mut self, at: &str, make: impl Fn(String) -> R) {
        self.names("meetings", "M-1", at, &make).await;
        self.unknown_names("meetings", "M-4711", "meeting", &make)
            .await;
    }

    /// Names of policies that say which organization is meant.
    pub(super) async fn policy_names<R: Rpc>(&mut self, at: &str, make: impl Fn(String) -> R) {
        self.names("policies", "default", at, &make).await;
        self.unknown_names("policies", "nowhere", "policy", &make)
            .await;
    }

    async fn names<R: Rpc>(&mut self, kind: &str, id: &str, at: &str, make: &impl Fn(String) -> R) {
        for name in [
            id.to_owned(),
            format!("organizations/acme/{kind}"),
            format!("organizations/acme/{kind}/"),
            format!("organizations//{kind}/{id}"),
            format!("organizations/ACME/{kind}/{id}"),
            format!("organizations/acme/{kind}/{id}/x"),
            format!("/organizations/acme/{kind}/{id}"),
            format!("organizations/acme/{kind}/{id}\0"),
            format!("organizations/acme/{kind}/../{id}"),
            format!("organizations/acme/nonsense/{id}"),
            format!("organizations/acme/{kind}/é"),
            format!("organizations/acme/{kind}/{}", "a".repeat(10_000)),
        ] {
            self.refused(make(name), field(at)).await;
        }
    }

    async fn unknown_names<R: Rpc>(
        &mut self,
        kind: &str,
        id: &str,
        resource: &'static str,
        make: &impl Fn(String) -> R,
    ) {
        self.refused(make(String::new()), malformed_name()).await;
        let name = format!("organizations/nowhere/{kind}/{id}");
        self.refused(make(name), missing("organization")).await;
        let name = format!("organizations/acme/{kind}/{id}");
        self.refused(make(name), missing(resource)).await;
    }

    /// Request ids that are none, and one of another call.
    pub(super) async fn request_ids<R: Rpc>(&mut self, make: impl Fn(String) -> R) {
        for id in [" ", "a b", "é", "a\n", &"a".repeat(129)] {
            self.refused(make(id.to_owned()), field("request_id")).await;
        }
        self.refused(make(USED.to_owned()), reused()).await;
    }

    /// Etags that are none, and stale ones.
    pub(super) async fn etags<R: Rpc>(&mut self, at: &str, make: impl Fn(String) -> R) {
        for etag in ["x", "1.5", "99999999999999999999", " 1"] {
            self.refused(make(etag.to_owned()), field(at)).await;
        }
        for etag in ["0", "-1", "999999"] {
            self.refused(make(etag.to_owned()), stale()).await;
        }
    }

    /// Sizes of pages that are none, and tokens that belong to no page of this list.
    pub(super) async fn pages<R: Rpc>(&mut self, make: impl Fn(i32, String) -> R) {
        for size in [-1, i32::MIN] {
            self.refused(make(size, String::new()), field("page_size"))
                .await;
        }
        // The last three are well-formed: of another version, of another list, with a nonsensical place.
        for token in [
            "x",
            "é",
            "AAAA",
            "====",
            "Mi8wL3g",
            "MS8wL3g",
            "MS8xL1wA",
            &"A".repeat(10_000),
        ] {
            self.refused(make(0, token.to_owned()), page_token()).await;
        }
    }

    /// Revisions that are none.
    pub(super) async fn min_revisions<R: Rpc>(&mut self, make: impl Fn(i64) -> R) {
        for revision in [-1, i64::MIN] {
            self.refused(make(revision), field("min_revision")).await;
        }
    }

    /// A line of at most `max` characters.
    pub(super) async fn lines<R: Rpc>(&mut self, at: &str, max: usize, make: impl Fn(String) -> R) {
        for text in [
            &"é".repeat(max + 1),
            "a\nb",
            "a\tb",
            "a\0b",
            "a\u{7}b",
            "a\u{85}b",
            "a\u{1b}[31mb",
        ] {
            self.refused(make(text.to_owned()), field(at)).await;
        }
    }

    /// As [`Cases::lines`], and there must be one.
    pub(super) async fn required_lines<R: Rpc>(
        &mut self,
        at: &str,
        max: usize,
        make: impl Fn(String) -> R,
    ) {
        self.lines(at, max, &make).await;
        for text in ["", " ", "\u{3000}"] {
            self.refused(make(text.to_owned()), field(at)).await;
        }
    }

    /// A text of at most `max` characters.
    pub(super) async fn bodies<R: Rpc>(
        &mut self,
        at: &str,
        max: usize,
        make: impl Fn(String) -> R,
    ) {
        for text in [&"é".repeat(max + 1), "a\0b"] {
            self.refused(make(text.to_owned()), field(at)).await;
        }
    }

    /// As [`Cases::bodies`], and there must be one.
    pub(super) async fn required_bodies<R: Rpc>(
        &mut self,
        at: &str,
        max: usize,
        make: impl Fn(String) -> R,
    ) {
        self.bodies(at, max, &make).await;
        for text in ["", " \n"] {
            self.refused(make(text.to_owned()), field(at)).await;
        }
    }

    /// Instants outside the years that there are.
    pub(super) async fn times<R: Rpc>(&mut self, at: &str, make: impl Fn(Option<Timestamp>) -> R) {
        for (seconds, nanos) in [
            (i64::MAX, 0),
            (i64::MIN, 0),
            (253_402_300_800, 0),
            (-62_135_596_801, 0),
            (0, -1),
            (0, 1_000_000_000),
        ] {
            let time = Timestamp { seconds, nanos };
            self.refused(make(Some(time)), field(at)).await;
        }
    }

    /// Instants that have passed.
    pub(super) async fn past_times<R: Rpc>(
        &mut self,
        at: &str,
        make: impl Fn(Option<Timestamp>) -> R,
    ) {
        self.times(at, &make).await;
        for seconds in [0, -1] {
            let time = Timestamp { seconds, nanos: 0 };
            self.refused(make(Some(time)), field(at).saying("is not in the future"))
                .await;
        }
    }

    /// Spans that are none.
    pub(super) async fn spans<R: Rpc>(&mut self, at: &str, make: impl Fn(Option<Duration>) -> R) {
        for (seconds, nanos) in [
            (-1, 0),
            (i64::MAX, 0),
            (i64::MIN, i32::MIN),
            (0, -1),
            (0, i32::MAX),
        ] {
            let span = Duration { seconds, nanos };
            self.refused(make(Some(span)), field(at)).await;
        }
    }

    /// Numbers of no value of an enum.
    pub(super) async fn enums<R: Rpc>(&mut self, at: &str, make: impl Fn(i32) -> R) {
        for number in [-1, 99, i32::MAX] {
            self.refused(make(number), field(at)).await;
        }
    }

    /// Masks that name what cannot be updated.
    pub(super) async fn masks<R: Rpc>(&mut self, make: impl Fn(Option<FieldMask>) -> R) {
        for path in [
            "nonsense",
            "",
            "*",
            "name",
            "etag",
            "title.x",
            &"x".repeat(10_000),
        ] {
            self.refused(make(mask(&[path])), field("update_mask"))
                .await;
        }
    }
}

/// An empty name: the field is known by the other cases.
fn malformed_name() -> Wanted {
    super::wanted::malformed().saying("must not be empty")
}
