//! gRPC handlers: a message is checked and converted, a use case answers, the answer becomes a message.

pub(crate) mod boxes;
pub mod catalog;
pub(crate) mod customer;
pub(crate) mod fields;
mod layer;
mod metrics_http;
mod model;
#[cfg(test)]
mod one_verdict;
pub(crate) mod pages;
pub(crate) mod recommendation;
pub(crate) mod status;
mod stream;
pub(crate) mod touchpoint;
pub(crate) mod value;

use tonic::Status;

pub use boxes::BoxRpc;
pub use catalog::Catalog;
pub use customer::CustomerRpc;
pub use layer::Calls;
pub use metrics_http::serve_metrics;
pub use model::ModelRpc;
pub use recommendation::Recommendation;
pub use touchpoint::TouchpointRpc;

use crate::auth::Caller;

/// Who does something, for the audit log: the key that was shown; without keys as the request says, else where it came from.
fn actor<T>(request: &tonic::Request<T>, said: &str) -> Result<String, Status> {
    use crate::rpc::fields::optional_id;
    let said = optional_id("actor", Some(said))?;
    if let Some(caller) = request.extensions().get::<Caller>() {
        return Ok(format!("key {}", caller.key));
    }
    Ok(said.unwrap_or_else(|| match request.remote_addr() {
        Some(addr) => addr.ip().to_string(),
        None => "unknown".to_owned(),
    }))
}
