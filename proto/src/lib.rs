//! The gRPC contract of Serendib: messages, clients and servers generated from `serendib/v1/*.proto`.
//!
//! The comments in those files are the manual of the API. There is no logic here.

/// Package `serendib.v1`.
pub mod v1 {
    #![allow(missing_docs, clippy::all, clippy::pedantic)]
    tonic::include_proto!("serendib.v1");
}

include!(concat!(env!("OUT_DIR"), "/rpc.rs"));

/// The compiled file descriptors of the package and everything it imports, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/serendib.bin"));
