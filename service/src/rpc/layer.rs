//! What is done once for every call of every service: it gets an id and a deadline, and is counted and timed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::header::{HeaderMap, HeaderValue};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use rand::Rng;
use serendib_proto::Rpc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;
use tonic::transport::server::TlsConnectInfo;
use tonic::{Code, Request, Response, Status};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::answer::call::Call;
use crate::auth::{Caller, Guard};
use crate::metrics::Metrics;
use crate::web::accept::Peer;
use crate::web::receive::{Bounds, Budget, Received};
use crate::web::send::Taken;
use crate::web::shape::Shapes;
use crate::workers::deadline::{parse_timeout, Deadline};

/// What is known of one method.
#[derive(Debug)]
struct Method {
    name: String,
    /// Whether its requests come as a stream, and whether its answers do.
    streams: (bool, bool),
    /// What it takes, by its number among the [`SHAPES`].
    takes: Option<usize>,
    /// Calls that are worked on at one time; others wait. `None` = any number.
    places: Option<Arc<Semaphore>>,
}

static CONTRACT: LazyLock<FileDescriptorSet> = LazyLock::new(|| {
    FileDescriptorSet::decode(serendib_proto::FILE_DESCRIPTOR_SET).unwrap_or_default()
});

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::of(&CONTRACT));

/// The methods by path, as the contract has them. Health and reflection are not in it and not counted.
static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(|| {
    let mut methods = HashMap::new();
    for file in &CONTRACT.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let known = Method {
                    name: method.name().to_owned(),
                    streams: (method.client_streaming(), method.server_streaming()),
                    takes: SHAPES.find(method.input_type()),
                    places: at_once(method.name()).map(|calls| Arc::new(Semaphore::new(calls))),
                };
                methods.insert(path, known);
            }
        }
    }
    methods
});

/// Where the calls of the health service are.
const HEALTH: &str = "/grpc.health.v1.Health/";
/// Bytes of a request that is no table of rows.
const USUAL_BYTES: usize = 1 << 20;
/// How long a message may take to arrive, a stream be silent, and an answer wait for its taker.
const PATIENCE: Duration = Duration::from_secs(30);
/// KiB of large messages that are taken in at one time.
const BUDGET_KIB: usize = 64 << 10;

/// Calls of the method that are worked on at one time, where each keeps a thread or a snapshot of the store for long.
fn at_once(method: &str) -> Option<usize> {
    match method {
        "ExportCustomer" | "ListEngagement" | "PackBoxes" => Some(2),
        _ => None,
    }
}

/// Bytes of one request of the method, where tables of rows may have `rows`.
fn most_bytes(method: &str, rows: usize) -> usize {
    match method {
        "Record" | "UpsertProducts" | "UpsertCustomers" | "SetStock" | "PackBoxes" => rows,
        _ => rows.min(USUAL_BYTES),
    }
}

/// The layer around all services.
#[derive(Debug, Clone)]
pub struct Calls {
    metrics: Arc<Metrics>,
    default_deadline: Duration,
    /// Bytes of a request with a table of rows.
    most_bytes: usize,
    budget: Budget,
    /// Who lets calls pass; `None` = all do.
    guard: Option<Arc<Guard>>,
}

impl Calls {
    /// Counts in `metrics`; a call without a `grpc-timeout` gets `default_deadline`, and a table of rows may have `most_bytes`.
    pub fn new(metrics: Arc<Metrics>, default_deadline: Duration, most_bytes: usize) -> Calls {
        Calls {
            metrics,
            default_deadline,
            most_bytes,
            budget: Budget::of_kib(BUDGET_KIB.max(2 * most_bytes / 1024)),
            guard: None,
        }
    }

    /// Lets pass only what `guard` admits.
    pub fn guarded(self, guard: Option<Arc<Guard>>) -> Calls {
        Calls { guard, ..self }
    }

    /// Who makes the call `request`, where that is asked.
    fn caller(&self, request: &http::Request<Body>) -> Result<Option<Caller>, Status> {
        let path = request.uri().path();
        match &self.guard {
            // whoever watches over the server asks without a key
            Some(guard) if !path.starts_with(HEALTH) => {
                let caller = guard.admit(request.headers(), Rpc::of_path(path))?;
                Ok(Some(caller))
            }
            _ => Ok(None),
        }
    }

    /// What `method` takes in of `body`.
    fn received(&self, method: &Method, body: Body) -> Body {
        let bounds = Bounds {
            bytes: most_bytes(&method.name, self.most_bytes),
            patience: PATIENCE,
            stream: method.streams.0,
            message: method.takes,
        };
        Body::new(Received::new(body, bounds, &SHAPES, self.budget.clone()))
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

impl<S> Service<http::Request<Body>> for Counted<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // the one that was polled ready is the one to call
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        greet(&mut request);
        let caller = self.calls.caller(&request);
        let Some(method) = METHODS.get(request.uri().path()) else {
            return match caller {
                Ok(_) => Box::pin(inner.call(request)),
                Err(refused) => Box::pin(async move { Ok(refused.into_http()) }),
            };
        };
        let timeout = request.headers().get("grpc-timeout");
        let timeout = timeout
            .and_then(|value| value.to_str().ok())
            .and_then(parse_timeout);
        let call = Call::new(timeout, self.calls.default_deadline);
        let meter = Meter {
            calls: self.calls.clone(),
            method: &method.name,
        };
        let span = meter.span(&call);
        let deadline = call.deadline;
        request.extensions_mut().insert(call);
        request.extensions_mut().insert(meter.clone());
        let calls = self.calls.clone();
        let counted = async move {
            let started = Instant::now();
            let admitted = match caller {
                Ok(caller) => place(method, deadline).await.map(|place| (caller, place)),
                Err(refused) => Err(refused),
            };
            let (caller, place) = match admitted {
                Ok(admitted) => admitted,
                Err(refused) => {
                    meter.count(refused.code(), started.elapsed());
                    let code = refused.code();
                    let mut response = refused.into_http();
                    push_back(code, response.headers_mut());
                    return Ok(response);
                }
            };
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            let request = request.map(|body| calls.received(method, body));
            let mut response = inner.call(request).await?;
            let code = code_in(response.headers()).unwrap_or(Code::Ok);
            if response.extensions().get::<CountsItself>().is_none() {
                meter.count(code, started.elapsed());
            }
            push_back(code, response.headers_mut());
            Ok(match method.streams.1 {
                true => response.map(|body| Body::new(Taken::new(body, PATIENCE, place))),
                false => response,
            })
        };
        Box::pin(counted.instrument(span))
    }
}

/// Notes that a call came over the connection of `request`, and says who is at its other end where tonic looks for it.
fn greet(request: &mut http::Request<Body>) {
    let extensions = request.extensions_mut();
    let secured = extensions.get::<TlsConnectInfo<Peer>>();
    let peer = secured
        .map(TlsConnectInfo::get_ref)
        .or_else(|| extensions.get::<Peer>());
    if let Some(peer) = peer {
        peer.called();
        let tcp = peer.tcp();
        extensions.insert(tcp);
    }
}

/// A place among the calls of `method`, where they are limited.
///
/// # Errors
/// None is free by `deadline`.
async fn place(
    method: &Method,
    deadline: Deadline,
) -> Result<Option<OwnedSemaphorePermit>, Status> {
    let Some(places) = &method.places else {
        return Ok(None);
    };
    let free = places.clone().acquire_owned();
    match tokio::time::timeout(deadline.left(), free).await {
        Ok(Ok(place)) => Ok(Some(place)),
        _ => Err(Status::resource_exhausted(format!(
            "as many calls of {} are worked on as may be at one time; try again later",
            method.name
        ))),
    }
}

/// Tells clients that retry by themselves how long to wait where there was no room: not all of them the same time.
fn push_back(code: Code, headers: &mut HeaderMap) {
    if code == Code::ResourceExhausted {
        let pause: u64 = rand::thread_rng().gen_range(50..=500);
        headers.insert("grpc-retry-pushback-ms", HeaderValue::from(pause));
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
        let name = |path: &str| METHODS.get(path).map(|method| method.name.as_str());
        assert_eq!(
            name("/serendib.v1.RecommendationService/Recommend"),
            Some("Recommend")
        );
        assert_eq!(name("/serendib.v1.BoxService/PackBoxes"), Some("PackBoxes"));
        assert_eq!(name("/grpc.health.v1.Health/Check"), None);
        assert!(METHODS.values().all(|method| method.takes.is_some()));
        assert!(METHODS.keys().all(|path| Rpc::of_path(path).is_some()));
        assert_eq!(METHODS.len(), Rpc::ALL.len());
    }
}
