//! `RecommendationService`.

pub(crate) mod answer;
mod explain;
pub(crate) mod rating;
pub(crate) mod request;
mod surprise;

use std::sync::Arc;

use serendib_proto::v1::recommend_stream_response::Result as StreamResult;
use serendib_proto::v1::recommendation_service_server::RecommendationService;
use serendib_proto::v1::{
    ExplainRequest, ExplainResponse, RecommendRequest, RecommendResponse, RecommendStreamResponse,
    StreamError, SurpriseMeRequest, SurpriseMeResponse,
};
use tonic::{Request, Response, Status, Streaming};

use crate::answer::ask::AskLimits;
use crate::answer::call::Call;
use crate::answer::Answering;
use crate::rpc::fields::id;
use crate::rpc::layer::{meter, opened, streamed};
use crate::rpc::recommendation::answer::{answer_to_proto, lists_to_proto};
use crate::rpc::recommendation::request::ask_from_proto;
use crate::rpc::stream::{in_order, Answers, Task};

#[derive(Debug, Clone)]
pub struct Recommendation(pub Arc<Answering>);

impl Recommendation {
    fn limits(&self) -> AskLimits {
        AskLimits::of(&self.0.keeping.config.recommend)
    }

    async fn answer(
        &self,
        message: &RecommendRequest,
        call: &Call,
    ) -> Result<RecommendResponse, Status> {
        let ask = ask_from_proto(message, self.limits())?;
        let answer = self.0.recommend(ask, call, lists_to_proto).await?;
        Ok(answer_to_proto(answer))
    }
}

#[tonic::async_trait]
impl RecommendationService for Recommendation {
    async fn recommend(
        &self,
        request: Request<RecommendRequest>,
    ) -> Result<Response<RecommendResponse>, Status> {
        let (call, message) = opened(request)?;
        Ok(Response::new(self.answer(&message, &call).await?))
    }

    async fn surprise_me(
        &self,
        request: Request<SurpriseMeRequest>,
    ) -> Result<Response<SurpriseMeResponse>, Status> {
        let (call, message) = opened(request)?;
        let (ask, days) = surprise::ask_from_proto(&message, self.limits())?;
        let answer = self.0.surprise(ask, days, &call, lists_to_proto).await?;
        let response = surprise::answer_to_proto(answer, message.reveal_later);
        Ok(Response::new(response))
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let (call, message) = opened(request)?;
        let shown = self.0.shown(&id("served_id", &message.served_id)?).await?;
        let ask = explain::ask_again(&shown, message.locale, self.limits())?;
        let explained = self.0.explain(ask, &shown, call.deadline).await?;
        let response = explain::answer_to_proto(call.request_id, shown, explained);
        Ok(Response::new(response))
    }

    type RecommendStreamStream = Answers<RecommendStreamResponse>;

    async fn recommend_stream(
        &self,
        request: Request<Streaming<RecommendRequest>>,
    ) -> Result<Response<Self::RecommendStreamStream>, Status> {
        let (service, meter) = (self.clone(), meter(&request)?);
        let start = move |message: RecommendRequest| {
            let (service, meter) = (service.clone(), meter.clone());
            Task::given_up(async move {
                let answer = async |call| service.answer(&message, &call).await;
                meter.message(answer).await
            })
        };
        Ok(streamed(in_order(request.into_inner(), start, put)))
    }
}

fn put(sequence: u64, answer: Result<RecommendResponse, Status>) -> RecommendStreamResponse {
    let result = match answer {
        Ok(response) => StreamResult::Response(response),
        Err(status) => StreamResult::Error(StreamError {
            code: status.code() as i32,
            message: status.message().to_owned(),
        }),
    };
    RecommendStreamResponse {
        sequence,
        result: Some(result),
    }
}
