//! The Serendib server: gRPC, durable state, model hot swap and the operator's commands.
//!
//! A call is checked and converted by [`convert`], sees one [`views::View`] (a model generation and the shelves) from
//! start to end, is computed on [`pool`], and answered by a thin handler in [`rpc`]. Only [`clock`] reads the time.

pub mod app;
pub mod background;
pub mod baskets;
pub mod boxes;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod convert;
pub mod customers;
pub mod deadline;
pub mod generation;
pub mod metrics;
pub mod models;
pub mod pool;
pub mod quiet;
pub mod rpc;
pub mod sentence;
pub mod served;
pub mod server;
pub mod similar;
pub mod store;
pub mod telemetry;
pub mod turns;
pub mod usual;
pub mod views;
