//! gRPC handlers: check, ask the store or the engine, put the answer into a message.

pub(crate) mod boxes;
pub mod catalog;
pub(crate) mod customer;
pub(crate) mod fields;
mod metrics_http;
mod model;
#[cfg(test)]
mod one_verdict;
pub(crate) mod recommendation;
pub(crate) mod status;
pub(crate) mod touchpoint;
pub(crate) mod value;

use std::future::Future;
use std::time::Instant;

use tonic::{Code, Response, Status};

pub use boxes::BoxRpc;
pub use catalog::Catalog;
pub use customer::CustomerRpc;
pub use metrics_http::serve_metrics;
pub use model::ModelRpc;
pub use recommendation::Recommendation;
pub use touchpoint::TouchpointRpc;

use crate::app::App;

/// Who does something, for the audit log: as the request says, else where it came from.
fn actor<T>(request: &tonic::Request<T>, said: &str) -> Result<String, Status> {
    use crate::rpc::fields::optional_id;
    Ok(match optional_id("actor", Some(said))? {
        Some(actor) => actor,
        None => request
            .remote_addr()
            .map_or_else(|| "unknown".to_owned(), |addr| addr.ip().to_string()),
    })
}

/// Runs a handler, counts it and its time.
async fn counted<T>(
    app: &App,
    method: &'static str,
    handler: impl Future<Output = Result<T, Status>>,
) -> Result<Response<T>, Status> {
    let started = Instant::now();
    let result = handler.await;
    let code = result.as_ref().err().map_or(Code::Ok, Status::code);
    app.metrics.call(method, code, started.elapsed());
    if matches!(code, Code::Internal | Code::DataLoss | Code::Unknown) {
        tracing::error!(method, ?code, "call failed");
    }
    result.map(Response::new)
}
