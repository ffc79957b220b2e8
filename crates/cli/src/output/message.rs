//! Messages of the API as JSON and YAML: the canonical JSON of protobuf, with the names of the proto files.

use std::{io, sync::LazyLock};

use echelon_api::v1;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde::Serialize;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(echelon_api::DESCRIPTORS).expect("the build compiled these descriptors")
});

/// A message whose name is known.
pub(crate) trait Named: prost::Message {
    /// Full name, such as `echelon.v1.Rollup`.
    const NAME: &'static str;
}

macro_rules! named {
    ($($message:ident),* $(,)?) => {
        $(impl Named for v1::$message {
            const NAME: &'static str = concat!("echelon.v1.", stringify!($message));
        })*

        #[cfg(test)]
        const NAMES: &[&str] = &[$(<v1::$message as Named>::NAME),*];
    };
}

named!(
    AcknowledgeBlockerResponse,
    ApplyOrganizationResponse,
    ArchiveNodeResponse,
    CloseMeetingResponse,
    CommentOnBlockerResponse,
    CreateEscalationPolicyResponse,
    CreateNodeResponse,
    CreateOrganizationResponse,
    EscalateBlockerResponse,
    Event,
    ExplainBlockerResponse,
    GetAgendaResponse,
    GetBlockerResponse,
    GetEscalationPolicyResponse,
    GetMeetingResponse,
    GetNodeResponse,
    GetOrganizationResponse,
    GetRollupResponse,
    HoldBlockerResponse,
    ListAttentionResponse,
    ListBlockerHistoryResponse,
    ListBlockersResponse,
    ListEscalationPoliciesResponse,
    ListEscalationPolicyVersionsResponse,
    ListEventsResponse,
    ListMeetingFatesResponse,
    ListMeetingsResponse,
    ListNodesResponse,
    ListOrganizationsResponse,
    MergeBlockerResponse,
    MoveNodeResponse,
    OpenMeetingResponse,
    OwnBlockerResponse,
    RaiseBlockerResponse,
    RebasePolicyResponse,
    ReopenBlockerResponse,
    ResolveBlockerResponse,
    ReturnBlockerResponse,
    Rollup,
    SubmitCheckInResponse,
    TestPolicyResponse,
    UpdateBlockerResponse,
    UpdateEscalationPolicyResponse,
    UpdateNodeResponse,
    UpdateOrganizationResponse,
    VerifyBlockerResponse,
    WithdrawBlockerResponse,
);

/// Indented JSON.
pub(crate) fn json<M: Named>(message: &M) -> io::Result<String> {
    let mut bytes = Vec::new();
    write(message, &mut serde_json::Serializer::pretty(&mut bytes))?;
    ended(bytes)
}

/// JSON on one line.
pub(crate) fn json_line<M: Named>(message: &M) -> io::Result<String> {
    let mut bytes = Vec::new();
    write(message, &mut serde_json::Serializer::new(&mut bytes))?;
    ended(bytes)
}

/// YAML.
pub(crate) fn yaml<M: Named>(message: &M) -> io::Result<String> {
    let mut bytes = Vec::new();
    write(message, &mut serde_yaml_ng::Serializer::new(&mut bytes))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn ended(mut bytes: Vec<u8>) -> io::Result<String> {
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn write<M: Named, S>(message: &M, serializer: S) -> io::Result<()>
where
    S: serde::Serializer,
{
    struct Canonical(DynamicMessage);

    impl Serialize for Canonical {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let options = SerializeOptions::new().use_proto_field_name(true);
            self.0.serialize_with_options(serializer, &options)
        }
    }

    let descriptor = POOL
        .get_message_by_name(M::NAME)
        .ok_or_else(|| io::Error::other(format!("{} is not described", M::NAME)))?;
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic.transcode_from(message).map_err(io::Error::other)?;
    Canonical(dynamic)
        .serialize(serializer)
        .map_err(|error| io::Error::other(error.to_string()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> v1::GetBlockerResponse {
        v1::GetBlockerResponse {
            blocker: Some(v1::Blocker {
                name: "organizations/acme/blockers/B-12".to_owned(),
                severity: v1::Severity::High.into(),
                raise_time: Some(prost_types::Timestamp {
                    seconds: 1_793_696_400,
                    nanos: 0,
                }),
                ..v1::Blocker::default()
            }),
            revision: 7,
        }
    }

    #[test]
    fn every_name_is_described() {
        for name in NAMES {
            assert!(POOL.get_message_by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn json_is_the_canonical_one_with_proto_names() {
        assert_eq!(
            json_line(&response()).unwrap(),
            concat!(
                r#"{"blocker":{"name":"organizations/acme/blockers/B-12","severity":"SEVERITY_HIGH","#,
                r#""raise_time":"2026-11-03T09:00:00Z"},"revision":"7"}"#,
                "\n"
            )
        );
        assert!(
            json(&response())
                .unwrap()
                .starts_with("{\n  \"blocker\": {\n")
        );
    }

    #[test]
    fn yaml_says_the_same() {
        assert_eq!(
            yaml(&response()).unwrap(),
            "blocker:
  name: organizations/acme/blockers/B-12
  severity: SEVERITY_HIGH
  raise_time: 2026-11-03T09:00:00Z
revision: '7'
"
        );
    }
}
