//! The Serendib server: gRPC, durable state, model hot swap and the operator's commands.
//!
//! A call is checked and converted by [`rpc`], sees one [`snapshot::views::View`] (a model generation and the shelves) from
//! start to end, is computed on [`workers::pool`], and answered by a thin handler. Only [`clock`] reads the time.

pub mod answer;
pub mod app;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod metrics;
pub mod rpc;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod telemetry;
pub mod web;
pub mod workers;
