//! `TouchpointService`.

pub(crate) mod convert;

use std::pin::Pin;
use std::sync::Arc;

use serendib_proto::v1;
use serendib_proto::v1::record_stream_response::Result as StreamResult;
use serendib_proto::v1::touchpoint_service_server::TouchpointService;
use serendib_proto::v1::{
    RateSurpriseRequest, RateSurpriseResponse, RecordError, RecordOutcome, RecordRequest,
    RecordResponse, RecordStatus, RecordStreamResponse,
};
use serendib_shop::{Delight, Touchpoint};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::answer::new_id;
use crate::answer::refusal::Refusal;
use crate::answer::served_products::{fill_products, product_of};
use crate::app::App;
use crate::clock::now_ms;
use crate::config::FutureTimes;
use crate::rpc::counted;
use crate::rpc::fields::{at_most, optional_id, Invalid};
use crate::rpc::recommendation::rating::rating_from_proto;
use crate::rpc::status::store_status;
use crate::rpc::touchpoint::convert::touchpoint_from_proto;
use crate::store::{self, Durability, Future, RecordOptions, Status as Became, UnknownId};

/// Batches of one stream that wait for their acknowledgement at the same time.
const STREAM_AHEAD: usize = 16;

#[derive(Debug, Clone)]
pub struct TouchpointRpc(pub Arc<App>);

#[tonic::async_trait]
impl TouchpointService for TouchpointRpc {
    async fn record(
        &self,
        request: Request<RecordRequest>,
    ) -> Result<Response<RecordResponse>, Status> {
        let app = &self.0;
        counted(app, "Record", record(app, request.get_ref())).await
    }

    type RecordStreamStream =
        Pin<Box<dyn Stream<Item = Result<RecordStreamResponse, Status>> + Send>>;

    async fn record_stream(
        &self,
        request: Request<Streaming<RecordRequest>>,
    ) -> Result<Response<Self::RecordStreamStream>, Status> {
        let (answers, receiver) = mpsc::channel(STREAM_AHEAD);
        tokio::spawn(record_stream(self.0.clone(), request.into_inner(), answers));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn rate_surprise(
        &self,
        request: Request<RateSurpriseRequest>,
    ) -> Result<Response<RateSurpriseResponse>, Status> {
        let app = &self.0;
        counted(app, "RateSurprise", rate(app, request.get_ref())).await
    }
}

fn options(app: &App, now: i64) -> RecordOptions {
    let rules = &app.config.touchpoints;
    let unknown = |accept| {
        if accept {
            UnknownId::Accept
        } else {
            UnknownId::Refuse
        }
    };
    RecordOptions {
        now,
        assign_time: true,
        future_ms: rules.future_ms,
        future: match rules.future {
            FutureTimes::Refuse => Future::Refuse,
            FutureTimes::Clamp => Future::Clamp,
        },
        unknown_customers: unknown(rules.accept_unknown_customers),
        unknown_products: unknown(rules.accept_unknown_products),
        keep_from: app.config.store.keep_touchpoints_ms.map(|age| now - age),
    }
}

fn rows(app: &App, field: &str, found: usize) -> Result<(), Invalid> {
    if found == 0 {
        return Err(Invalid::new(field, "is empty, expected at least one entry"));
    }
    at_most(field, found, app.config.touchpoints.max_batch)
}

async fn record(app: &Arc<App>, request: &RecordRequest) -> Result<RecordResponse, Status> {
    rows(app, "touchpoints", request.touchpoints.len())?;
    let mut batch: Vec<Touchpoint> = request
        .touchpoints
        .iter()
        .enumerate()
        .map(|(ix, row)| {
            touchpoint_from_proto(row).map_err(|e| e.under(format!("touchpoints[{ix}]")))
        })
        .collect::<Result<_, Invalid>>()?;
    fill_products(&*app.store, &mut batch).await;
    if !app.config.touchpoints.accept_unknown_products {
        let mut products: Vec<String> = batch.iter().filter_map(|r| r.product_id.clone()).collect();
        products.sort_unstable();
        products.dedup();
        app.keeping
            .adopt(&products, now_ms())
            .await
            .map_err(Refusal::from)?;
    }
    let for_boxes = if app.spoilers.is_empty() {
        Vec::new()
    } else {
        batch.clone()
    };
    let mut customers: Vec<String> = batch.iter().map(|r| r.customer_id.clone()).collect();
    customers.dedup();
    customers.retain(|id| !id.is_empty());
    let recorded = app
        .store
        .record(batch, options(app, now_ms()))
        .await
        .map_err(|error| store_status(&error))?;
    app.metrics.recorded(recorded.outcomes.len());
    crate::answer::boxes::follow(&app.packer, &for_boxes).await;
    app.similar.changed(customers);
    Ok(RecordResponse {
        request_id: new_id(),
        stored: recorded.count(Became::Stored) as u64,
        outcomes: recorded
            .outcomes
            .into_iter()
            .map(|outcome| RecordOutcome {
                touchpoint_id: outcome.touchpoint_id,
                status: status(outcome.status).into(),
            })
            .collect(),
        durability: durability(app).into(),
        model_id: app.model_id(),
    })
}

fn status(status: store::Status) -> RecordStatus {
    match status {
        Became::Stored => RecordStatus::Stored,
        Became::Duplicate => RecordStatus::Duplicate,
        Became::IgnoredErased => RecordStatus::IgnoredErased,
        Became::IgnoredExpired => RecordStatus::IgnoredExpired,
    }
}

fn durability(app: &App) -> v1::Durability {
    match app.store.durability() {
        Durability::Synced => v1::Durability::Synced,
        Durability::Memory => v1::Durability::Memory,
    }
}

async fn record_stream(
    app: Arc<App>,
    mut requests: Streaming<RecordRequest>,
    answers: mpsc::Sender<Result<RecordStreamResponse, Status>>,
) {
    type Recording = JoinHandle<Result<RecordResponse, Status>>;
    let (queue, mut ready) = mpsc::channel::<Result<Recording, Status>>(STREAM_AHEAD);
    let reader = async move {
        loop {
            let next = match requests.next().await {
                None => return,
                Some(Ok(message)) => {
                    let app = app.clone();
                    // Once a batch has arrived it is recorded, whether or not the client stays to hear of it.
                    Ok(tokio::spawn(async move {
                        counted(&app, "RecordStream", record(&app, &message))
                            .await
                            .map(Response::into_inner)
                    }))
                }
                Some(Err(status)) => Err(status),
            };
            let broken = next.is_err();
            if queue.send(next).await.is_err() || broken {
                return;
            }
        }
    };
    let writer = async move {
        let mut sequence = 0;
        while let Some(next) = ready.recv().await {
            let message = match next {
                Err(status) => Err(status),
                Ok(recording) => {
                    let answer = recording
                        .await
                        .unwrap_or_else(|error| Err(Status::internal(error.to_string())));
                    let result = match answer {
                        Ok(response) => StreamResult::Response(response),
                        Err(status) => StreamResult::Error(RecordError {
                            code: status.code() as i32,
                            message: status.message().to_owned(),
                        }),
                    };
                    Ok(RecordStreamResponse {
                        sequence,
                        result: Some(result),
                    })
                }
            };
            sequence += 1;
            if answers.send(message).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reader, writer);
}

async fn rate(app: &App, request: &RateSurpriseRequest) -> Result<RateSurpriseResponse, Status> {
    rows(app, "ratings", request.ratings.len())?;
    let now = now_ms();
    let mut batch: Vec<Delight> = Vec::with_capacity(request.ratings.len());
    for (ix, rating) in request.ratings.iter().enumerate() {
        let under = |e: Invalid| e.under(format!("ratings[{ix}]"));
        let (product, shown_to) = served_product(app, rating).await.map_err(under)?;
        if let Some(other) = shown_to.filter(|id| *id != rating.customer_id) {
            if !same_person(app, &other, &rating.customer_id).await? {
                return Err(
                    under(Invalid::new("served_id", "was given to another customer")).into(),
                );
            }
        }
        batch.push(rating_from_proto(rating, product, now).map_err(under)?);
    }
    let statuses = app
        .store
        .record_delights(batch, options(app, now))
        .await
        .map_err(|error| store_status(&error))?;
    Ok(RateSurpriseResponse {
        request_id: new_id(),
        statuses: statuses.into_iter().map(|s| status(s).into()).collect(),
        durability: durability(app).into(),
        model_id: app.model_id(),
    })
}

/// Whether both ids are those of one person.
async fn same_person(app: &App, one: &str, other: &str) -> Result<bool, Status> {
    if other.is_empty() {
        // refused for what it lacks
        return Ok(true);
    }
    let state = app.customer(other, None).await?;
    Ok(state.is_some_and(|state| state.ids().any(|id| id == one)))
}

/// The product that a rating is about, as it says, else as the serve log says of its `served_id`; and to whom the item was
/// served, where the log knows that.
async fn served_product(
    app: &App,
    rating: &v1::SurpriseRating,
) -> Result<(String, Option<String>), Invalid> {
    let said = optional_id("product_id", Some(&rating.product_id))?;
    let Some(served) = rating.served_id.as_deref().filter(|id| !id.is_empty()) else {
        return said
            .map(|product| (product, None))
            .ok_or_else(|| Invalid::new("product_id", "is empty, and there is no served_id"));
    };
    let logged = product_of(&*app.store, served).await?;
    match (said, logged) {
        (Some(said), Some((logged, _))) if said != logged => Err(Invalid::new(
            "product_id",
            "is not the product that served_id was given for",
        )),
        (_, Some(logged)) => Ok(logged),
        (Some(product), None) => Ok((product, None)),
        (None, None) => Err(Invalid::new(
            "product_id",
            "is empty, and the answer that served_id belongs to is not known any more",
        )),
    }
}
