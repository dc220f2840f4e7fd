//! `RecommendationService`.

pub(crate) mod answer;
pub(crate) mod rating;
pub(crate) mod request;
mod surprise;

use std::pin::Pin;
use std::sync::Arc;

use serendib_proto::v1::recommend_stream_response::Result as StreamResult;
use serendib_proto::v1::recommendation_service_server::RecommendationService;
use serendib_proto::v1::{
    ExplainRequest, ExplainResponse, RecommendRequest, RecommendResponse, RecommendStreamResponse,
    StreamError, SurpriseMeRequest, SurpriseMeResponse,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use crate::app::App;
use crate::rpc::counted;
use crate::rpc::recommendation::answer::{answer_to_proto, lists_to_proto};
use crate::rpc::recommendation::request::ask_from_proto;
use crate::workers::deadline::Deadline;

/// Requests of one stream that are computed at the same time.
const STREAM_AHEAD: usize = 16;

#[derive(Debug, Clone)]
pub struct Recommendation(pub Arc<App>);

async fn recommend(
    app: &Arc<App>,
    message: &RecommendRequest,
    deadline: Deadline,
) -> Result<RecommendResponse, Status> {
    let ask = ask_from_proto(message, app.ask_limits())?;
    let answer = app
        .answering
        .recommend(ask, deadline, lists_to_proto)
        .await?;
    Ok(answer_to_proto(answer))
}

#[tonic::async_trait]
impl RecommendationService for Recommendation {
    async fn recommend(
        &self,
        request: Request<RecommendRequest>,
    ) -> Result<Response<RecommendResponse>, Status> {
        let app = &self.0;
        let deadline = Deadline::of(request.metadata(), app.config.server.default_deadline);
        counted(
            app,
            "Recommend",
            recommend(app, request.get_ref(), deadline),
        )
        .await
    }

    async fn surprise_me(
        &self,
        request: Request<SurpriseMeRequest>,
    ) -> Result<Response<SurpriseMeResponse>, Status> {
        let app = &self.0;
        let deadline = Deadline::of(request.metadata(), app.config.server.default_deadline);
        let answer = surprise::surprise_me(app, request.get_ref(), deadline);
        counted(app, "SurpriseMe", answer).await
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let app = &self.0;
        let deadline = Deadline::of(request.metadata(), app.config.server.default_deadline);
        let answer = surprise::explain(app, request.get_ref(), deadline);
        counted(app, "Explain", answer).await
    }

    type RecommendStreamStream =
        Pin<Box<dyn Stream<Item = Result<RecommendStreamResponse, Status>> + Send>>;

    async fn recommend_stream(
        &self,
        request: Request<Streaming<RecommendRequest>>,
    ) -> Result<Response<Self::RecommendStreamStream>, Status> {
        let app = self.0.clone();
        let (answers, receiver) = mpsc::channel(STREAM_AHEAD);
        tokio::spawn(stream(app, request.into_inner(), answers));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

type Answers = mpsc::Sender<Result<RecommendStreamResponse, Status>>;

/// A computation that is given up when nobody waits for it any more.
struct Running(JoinHandle<Result<RecommendResponse, Status>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn stream(app: Arc<App>, mut requests: Streaming<RecommendRequest>, answers: Answers) {
    let (queue, mut ready) = mpsc::channel::<Result<Running, Status>>(STREAM_AHEAD);
    let reader = async move {
        loop {
            let next = match requests.next().await {
                None => return,
                Some(Ok(message)) => {
                    let app = app.clone();
                    Ok(Running(tokio::spawn(async move {
                        let deadline =
                            Deadline::of(&MetadataMap::new(), app.config.server.default_deadline);
                        let answer = recommend(&app, &message, deadline);
                        counted(&app, "RecommendStream", answer)
                            .await
                            .map(Response::into_inner)
                    })))
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
                Ok(mut running) => {
                    let answer = (&mut running.0)
                        .await
                        .unwrap_or_else(|error| Err(Status::internal(error.to_string())));
                    let result = match answer {
                        Ok(response) => StreamResult::Response(response),
                        Err(status) => StreamResult::Error(StreamError {
                            code: status.code() as i32,
                            message: status.message().to_owned(),
                        }),
                    };
                    Ok(RecommendStreamResponse {
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
