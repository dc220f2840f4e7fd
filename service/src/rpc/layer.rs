//! What is done once for every call of every service: it gets an id and a deadline, and is counted and timed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::header::HeaderMap;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::{Code, Request, Response, Status};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::answer::call::Call;
use crate::metrics::Metrics;
use crate::workers::deadline::parse_timeout;

/// Names of the methods by path, as the contract has them. Health and reflection are not in it and not counted.
static METHODS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let contract =
        FileDescriptorSet::decode(serendib_proto::FILE_DESCRIPTOR_SET).unwrap_or_default();
    let mut methods = HashMap::new();
    for file in &contract.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                methods.insert(path, method.name().to_owned());
            }
        }
    }
    methods
});

/// The layer around all services.
#[derive(Debug, Clone)]
pub struct Calls {
    metrics: Arc<Metrics>,
    default_deadline: Duration,
}

impl Calls {
    /// Counts in `metrics`; a call without a `grpc-timeout` gets `default_deadline`.
    pub fn new(metrics: Arc<Metrics>, default_deadline: Duration) -> Calls {
        Calls {
            metrics,
            default_deadline,
        }
    }
}

impl<S> Layer<S> for Calls {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            calls: self.clone(),
        }
    }
}

/// A service whose calls are counted.
#[derive(Debug, Clone)]
pub struct Counted<S> {
    inner: S,
    calls: Calls,
}

impl<S, B, R> Service<http::Request<B>> for Counted<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        // the one that was polled ready is the one to call
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let Some(method) = METHODS.get(request.uri().path()) else {
            return Box::pin(inner.call(request));
        };
        let timeout = request.headers().get("grpc-timeout");
        let timeout = timeout
            .and_then(|value| value.to_str().ok())
            .and_then(parse_timeout);
        let call = Call::new(timeout, self.calls.default_deadline);
        let meter = Meter {
            calls: self.calls.clone(),
            method,
        };
        let span = meter.span(&call);
        request.extensions_mut().insert(call);
        request.extensions_mut().insert(meter.clone());
        let counted = async move {
            let started = Instant::now();
            let response = inner.call(request).await?;
            if response.extensions().get::<CountsItself>().is_none() {
                let code = code_in(response.headers()).unwrap_or(Code::Ok);
                meter.count(code, started.elapsed());
            }
            Ok(response)
        };
        Box::pin(counted.instrument(span))
    }
}

fn code_in(headers: &HeaderMap) -> Option<Code> {
    let code = headers.get(Status::GRPC_STATUS)?;
    Some(Code::from_bytes(code.as_bytes()))
}

/// Marks an answer whose handler counts through its [`Meter`]: a stream is not done when it begins.
#[derive(Debug, Clone, Copy)]
struct CountsItself;

/// What counts the calls of one method.
#[derive(Debug, Clone)]
pub struct Meter {
    calls: Calls,
    method: &'static str,
}

impl Meter {
    /// Runs `work` as a call of its own, with an id and the default deadline: one message of a stream.
    pub async fn message<T, F>(&self, work: impl FnOnce(Call) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let call = Call::new(None, self.calls.default_deadline);
        let span = self.span(&call);
        self.counted(work(call)).instrument(span).await
    }

    /// Runs `work` and counts it and its time.
    pub async fn counted<T>(
        &self,
        work: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Status> {
        let started = Instant::now();
        let result = work.await;
        let code = result.as_ref().err().map_or(Code::Ok, Status::code);
        self.count(code, started.elapsed());
        result
    }

    fn count(&self, code: Code, took: Duration) {
        self.calls.metrics.call(self.method, code, took);
        if matches!(code, Code::Internal | Code::DataLoss | Code::Unknown) {
            tracing::error!(method = self.method, ?code, "call failed");
        }
    }

    /// The span of `call`, in which all that is logged of it names it.
    fn span(&self, call: &Call) -> tracing::Span {
        tracing::info_span!("call", method = self.method, request_id = %call.request_id)
    }
}

/// The call and its message.
///
/// # Errors
/// The call did not come through [`Calls`].
pub fn opened<T>(request: Request<T>) -> Result<(Call, T), Status> {
    let (_, extensions, message) = request.into_parts();
    let call = extensions.get::<Call>().cloned();
    Ok((call.ok_or_else(outside)?, message))
}

/// What counts a call whose answer is the stream `S`, see [`streamed`].
///
/// # Errors
/// The call did not come through [`Calls`].
pub fn meter<T>(request: &Request<T>) -> Result<Meter, Status> {
    let meter = request.extensions().get::<Meter>().cloned();
    meter.ok_or_else(outside)
}

/// The answer of a handler that counts through its [`Meter`].
pub fn streamed<S>(stream: S) -> Response<S> {
    let mut response = Response::new(stream);
    response.extensions_mut().insert(CountsItself);
    response
}

fn outside() -> Status {
    Status::internal("the call was not opened by the server's layer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_contract_is_known_by_its_path() {
        let name = |path: &str| METHODS.get(path).map(String::as_str);
        assert_eq!(
            name("/serendib.v1.RecommendationService/Recommend"),
            Some("Recommend")
        );
        assert_eq!(name("/serendib.v1.BoxService/PackBoxes"), Some("PackBoxes"));
        assert_eq!(name("/grpc.health.v1.Health/Check"), None);
    }
}
