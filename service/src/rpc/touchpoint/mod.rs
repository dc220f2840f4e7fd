//! `TouchpointService`.

pub(crate) mod convert;

use std::sync::Arc;

use serendib_proto::v1;
use serendib_proto::v1::record_stream_response::Result as StreamResult;
use serendib_proto::v1::touchpoint_service_server::TouchpointService;
use serendib_proto::v1::{
    RateSurpriseRequest, RateSurpriseResponse, RecordError, RecordOutcome, RecordRequest,
    RecordResponse, RecordStatus, RecordStreamResponse, SurpriseRating,
};
use serendib_shop::{Delight, Touchpoint};
use tonic::{Request, Response, Status, Streaming};

use crate::answer::call::Call;
use crate::answer::record::Recording;
use crate::answer::refusal::Refusal;
use crate::clock::now_ms;
use crate::rpc::fields::{optional_id, some, Invalid};
use crate::rpc::layer::{meter, opened, streamed};
use crate::rpc::recommendation::answer::note;
use crate::rpc::recommendation::rating::rating_from_proto;
use crate::rpc::stream::{in_order, Answers, Task};
use crate::rpc::touchpoint::convert::touchpoint_from_proto;
use crate::store::{self, Durability, Recorded, Status as Became};

#[derive(Debug, Clone)]
pub struct TouchpointRpc(pub Arc<Recording>);

#[tonic::async_trait]
impl TouchpointService for TouchpointRpc {
    async fn record(
        &self,
        request: Request<RecordRequest>,
    ) -> Result<Response<RecordResponse>, Status> {
        let (call, message) = opened(request)?;
        Ok(Response::new(self.answer(&message, call).await?))
    }

    type RecordStreamStream = Answers<RecordStreamResponse>;

    async fn record_stream(
        &self,
        request: Request<Streaming<RecordRequest>>,
    ) -> Result<Response<Self::RecordStreamStream>, Status> {
        let (service, meter) = (self.clone(), meter(&request)?);
        let start = move |message: RecordRequest| {
            let (service, meter) = (service.clone(), meter.clone());
            // Once a batch has arrived it is recorded, whether or not the client stays to hear of it.
            Task::kept(async move {
                let answer = async |call| service.answer(&message, call).await;
                meter.message(answer).await
            })
        };
        Ok(streamed(in_order(request.into_inner(), start, put)))
    }

    async fn rate_surprise(
        &self,
        request: Request<RateSurpriseRequest>,
    ) -> Result<Response<RateSurpriseResponse>, Status> {
        let (call, message) = opened(request)?;
        let now = now_ms();
        let ratings = self.ratings(&message.ratings, now).await?;
        let statuses = self.0.rate(ratings, now).await?;
        Ok(Response::new(RateSurpriseResponse {
            request_id: call.request_id,
            statuses: statuses.into_iter().map(|s| status(s).into()).collect(),
            durability: self.durability().into(),
            model_id: self.0.keeping.model_id(),
        }))
    }
}

impl TouchpointRpc {
    async fn answer(&self, message: &RecordRequest, call: Call) -> Result<RecordResponse, Status> {
        let batch = self.batch(&message.touchpoints)?;
        let (recorded, notes) = self.0.record(batch).await?;
        let notes = notes.into_iter().map(|(code, words)| note(code, words));
        Ok(RecordResponse {
            request_id: call.request_id,
            stored: recorded.count(Became::Stored) as u64,
            outcomes: outcomes(recorded),
            durability: self.durability().into(),
            model_id: self.0.keeping.model_id(),
            notes: notes.collect(),
        })
    }

    fn batch(&self, rows: &[v1::Touchpoint]) -> Result<Vec<Touchpoint>, Invalid> {
        some("touchpoints", rows.len(), self.most())?;
        let row = |(ix, row)| {
            touchpoint_from_proto(row).map_err(|e| e.under(format!("touchpoints[{ix}]")))
        };
        rows.iter().enumerate().map(row).collect()
    }

    /// The ratings, each with the product that it is about.
    async fn ratings(&self, rows: &[SurpriseRating], now: i64) -> Result<Vec<Delight>, Refusal> {
        some("ratings", rows.len(), self.most())?;
        let mut ratings = Vec::with_capacity(rows.len());
        for (ix, row) in rows.iter().enumerate() {
            let under = |e: Invalid| e.under(format!("ratings[{ix}]"));
            let said = optional_id("product_id", Some(&row.product_id)).map_err(under)?;
            let served = row.served_id.as_deref().filter(|id| !id.is_empty());
            let product = self.0.rated_product(&row.customer_id, said, served).await;
            let product = product.map_err(|refusal| match refusal {
                Refusal::Field(invalid) => under(invalid).into(),
                other => other,
            })?;
            ratings.push(rating_from_proto(row, product, now).map_err(under)?);
        }
        Ok(ratings)
    }

    fn most(&self) -> usize {
        self.0.keeping.config.touchpoints.max_batch
    }

    fn durability(&self) -> v1::Durability {
        match self.0.keeping.store.durability() {
            Durability::Synced => v1::Durability::Synced,
            Durability::Memory => v1::Durability::Memory,
        }
    }
}

fn outcomes(recorded: Recorded) -> Vec<RecordOutcome> {
    let outcome = |outcome: store::Outcome| RecordOutcome {
        touchpoint_id: outcome.touchpoint_id,
        status: status(outcome.status).into(),
    };
    recorded.outcomes.into_iter().map(outcome).collect()
}

fn status(status: store::Status) -> RecordStatus {
    match status {
        Became::Stored => RecordStatus::Stored,
        Became::Duplicate => RecordStatus::Duplicate,
        Became::IgnoredErased => RecordStatus::IgnoredErased,
        Became::IgnoredExpired => RecordStatus::IgnoredExpired,
    }
}

fn put(sequence: u64, answer: Result<RecordResponse, Status>) -> RecordStreamResponse {
    let result = match answer {
        Ok(response) => StreamResult::Response(response),
        Err(status) => StreamResult::Error(RecordError {
            code: status.code() as i32,
            message: status.message().to_owned(),
        }),
    };
    RecordStreamResponse {
        sequence,
        result: Some(result),
    }
}
