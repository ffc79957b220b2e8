//! What there is to know about each method, read from the descriptors: nothing is listed twice.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message as _;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use crate::{frame, names::organization_of};

/// Fields of a request that may name what it is about.
const NAMES: [&str; 4] = ["name", "parent", "node", "meeting"];

static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(|| {
    let files = FileDescriptorSet::decode(echelon_api::DESCRIPTORS);
    methods(&files.expect("the descriptors are made by the build, and tests read them"))
});

/// Numbers of the fields that lead to a value.
type Path = Vec<u32>;

/// A method of the API.
#[derive(Debug, Default)]
pub(crate) struct Method {
    /// Answers with a stream.
    pub(crate) streams: bool,
    /// Field with the key that makes a repeated call safe; every method that changes something has one.
    pub(crate) request_id: Option<u32>,
    /// Field with the revision that an answer must reflect.
    pub(crate) min_revision: Option<u32>,
    /// Where the answer tells its revision.
    revision: Option<Path>,
    /// Where a request, and where an answer, names something of its organization.
    asked: Vec<Path>,
    answered: Vec<Path>,
}

impl Method {
    /// The method at a path; none if it is not of this API.
    pub(crate) fn find(path: &str) -> Option<&'static Self> {
        METHODS.get(path)
    }

    /// Id of the organization that a request is about.
    pub(crate) fn organization<'a>(&self, request: &'a [u8]) -> Option<&'a str> {
        named(&self.asked, request)
    }

    /// Id of the organization that an answer is about.
    pub(crate) fn organization_of_answer<'a>(&self, answer: &'a [u8]) -> Option<&'a str> {
        named(&self.answered, answer)
    }

    /// The revision that an answer tells.
    pub(crate) fn revision(&self, answer: &[u8]) -> Option<i64> {
        let revision = frame::number(answer, self.revision.as_ref()?)?;
        i64::try_from(revision).ok()
    }
}

fn named<'a>(paths: &[Path], message: &'a [u8]) -> Option<&'a str> {
    let mut texts = paths.iter().filter_map(|path| frame::text(message, path));
    texts.find_map(organization_of)
}

fn methods(files: &FileDescriptorSet) -> HashMap<String, Method> {
    let mut messages = HashMap::new();
    for file in &files.file {
        for message in &file.message_type {
            messages.insert(format!(".{}.{}", file.package(), message.name()), message);
        }
    }
    let mut methods = HashMap::new();
    for file in &files.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let (Some(input), Some(output)) = (
                    messages.get(method.input_type()),
                    messages.get(method.output_type()),
                ) else {
                    continue;
                };
                let described = Method {
                    streams: method.server_streaming(),
                    request_id: number(input, "request_id"),
                    min_revision: number(input, "min_revision"),
                    revision: number(output, "revision")
                        .map(|field| vec![field])
                        .or_else(|| within(output, &messages, "revision").into_iter().next()),
                    asked: NAMES
                        .iter()
                        .filter_map(|name| number(input, name))
                        .map(|field| vec![field])
                        .chain(within(input, &messages, "name"))
                        .collect(),
                    answered: within(output, &messages, "name"),
                };
                methods.insert(path, described);
            }
        }
    }
    methods
}

/// Paths to a field of that name in the messages that a message holds once.
fn within(
    message: &DescriptorProto,
    messages: &HashMap<String, &DescriptorProto>,
    name: &str,
) -> Vec<Path> {
    let single = |field: &&FieldDescriptorProto| {
        field.r#type() == Type::Message && field.label() != Label::Repeated
    };
    message
        .field
        .iter()
        .filter(single)
        .filter_map(|field| {
            let inner = messages.get(field.type_name())?;
            Some(vec![tag(field)?, number(inner, name)?])
        })
        .collect()
}

fn number(message: &DescriptorProto, name: &str) -> Option<u32> {
    let field = message.field.iter().find(|field| {
        let is_plain = matches!(field.r#type(), Type::String | Type::Int64);
        field.name() == name && is_plain && field.label() != Label::Repeated
    });
    field.and_then(tag)
}

fn tag(field: &FieldDescriptorProto) -> Option<u32> {
    u32::try_from(field.number()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1;

    #[test]
    fn every_call_can_be_repeated_and_tells_its_organization() {
        assert!(METHODS.len() > 40);
        for (path, method) in METHODS.iter() {
            let name = path.rsplit('/').next().unwrap();
            let reads = ["Get", "List", "Watch", "Explain", "Test"];
            let reads = reads.iter().any(|verb| name.starts_with(verb));
            assert_ne!(method.request_id.is_some(), reads, "{path}");
            assert_eq!(method.streams, name.starts_with("Watch"), "{path}");
            let of_all = name == "ListOrganizations";
            let has_name = !method.asked.is_empty() || !method.answered.is_empty();
            assert!(has_name || of_all, "{path}");
            let feed = name == "ListEvents";
            assert!(method.revision.is_some() || of_all || feed, "{path}");
            if method.min_revision.is_some() {
                assert!(!method.asked.is_empty(), "{path}");
            }
        }
    }

    #[test]
    fn names_are_found_in_what_is_asked_and_answered() {
        let method = Method::find("/echelon.v1.NodeService/UpdateNode").unwrap();
        let request = v1::UpdateNodeRequest {
            node: Some(v1::Node {
                name: "organizations/acme/nodes/shop".to_owned(),
                ..v1::Node::default()
            }),
            ..v1::UpdateNodeRequest::default()
        };
        assert_eq!(method.organization(&request.encode_to_vec()), Some("acme"));
        let method = Method::find("/echelon.v1.OrganizationService/CreateOrganization").unwrap();
        let answer = v1::CreateOrganizationResponse {
            organization: Some(v1::Organization {
                name: "organizations/acme".to_owned(),
                ..v1::Organization::default()
            }),
            revision: 1,
        };
        let answer = answer.encode_to_vec();
        assert_eq!(method.organization_of_answer(&answer), Some("acme"));
        assert_eq!(method.revision(&answer), Some(1));
        assert!(Method::find("/grpc.health.v1.Health/Check").is_none());
    }
}
