//! The gRPC API of Echelon: the code generated from `proto/`, and the conversions between it and the domain.

/// The package `echelon.v1`: messages, clients and servers.
pub mod v1 {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::all,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]
    tonic::include_proto!("echelon.v1");
}

pub mod convert;

/// The encoded descriptors of `echelon.v1` and what it imports, for reflection and for JSON.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
