//! The methods there are, read from their descriptors: nothing is listed twice.

use std::{collections::HashMap, sync::Arc};

use prost::Message as _;
use prost_types::FileDescriptorSet;

/// A method, or the place of all that do not exist.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Method {
    pub(super) service: String,
    pub(super) name: String,
    /// Service and name, as traces call it.
    pub(super) full_name: String,
    /// Answers with a stream, which may last.
    pub(super) streams: bool,
    /// Is asked with a stream.
    pub(super) takes_stream: bool,
    /// Belongs to the product, and not to health or reflection, which must answer when the server is busy too.
    pub(super) is_product: bool,
}

pub(super) struct Methods {
    by_path: HashMap<String, Arc<Method>>,
    unknown: Arc<Method>,
}

impl Methods {
    pub(super) fn of(descriptors: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut by_path = HashMap::new();
        for encoded in descriptors {
            for file in FileDescriptorSet::decode(*encoded)?.file {
                let package = file.package().to_owned();
                for service in file.service {
                    let name = format!("{package}.{}", service.name());
                    for method in &service.method {
                        let full_name = format!("{name}/{}", method.name());
                        by_path.insert(
                            format!("/{full_name}"),
                            Arc::new(Method {
                                service: name.clone(),
                                name: method.name().to_owned(),
                                full_name,
                                streams: method.server_streaming(),
                                takes_stream: method.client_streaming(),
                                is_product: !package.starts_with("grpc."),
                            }),
                        );
                    }
                }
            }
        }
        Ok(Self {
            by_path,
            unknown: Arc::new(Method {
                service: "unknown".to_owned(),
                name: "unknown".to_owned(),
                full_name: "unknown/unknown".to_owned(),
                streams: false,
                takes_stream: false,
                is_product: true,
            }),
        })
    }

    /// The method at a path. All paths without one share a name, so that nonsense makes no metrics.
    pub(super) fn find(&self, path: &str) -> Arc<Method> {
        self.by_path.get(path).unwrap_or(&self.unknown).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_found_by_their_path() {
        let methods = Methods::of(&[
            echelon_api::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
        ])
        .unwrap();
        let watch = methods.find("/echelon.v1.EventService/WatchEvents");
        assert!(watch.streams && watch.is_product);
        let get = methods.find("/echelon.v1.NodeService/GetNode");
        assert_eq!(
            (get.service.as_str(), get.name.as_str(), get.streams),
            ("echelon.v1.NodeService", "GetNode", false)
        );
        assert!(!methods.find("/grpc.health.v1.Health/Check").is_product);
        assert_eq!(methods.find("/a/b").name, "unknown");
    }
}
