//! The Serendib server: gRPC, durable state, model hot swap and the operator's commands.

pub mod store;
