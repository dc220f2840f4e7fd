//! `ModelService`.

use std::sync::Arc;

use serendib_engine::bundle::BundleError;
use serendib_proto::v1::model_service_server::ModelService;
use serendib_proto::v1::{
    ActivateModelRequest, ActivateModelResponse, GetModelReportRequest, GetModelReportResponse,
    ListModelsRequest, ListModelsResponse, Model, RollbackModelRequest, RollbackModelResponse,
};
use tonic::{Request, Response, Status};

use crate::metrics::Metrics;
use crate::rpc::fields::{id, optional_id};
use crate::rpc::layer::opened;
use crate::snapshot::model_swap::{Listed, Models, ModelsError};
use crate::snapshot::views::Views;

#[derive(Debug, Clone)]
pub struct ModelRpc {
    pub models: Arc<Models>,
    pub views: Arc<Views>,
    pub metrics: Arc<Metrics>,
}

impl From<ModelsError> for Status {
    fn from(error: ModelsError) -> Status {
        match error {
            ModelsError::Store(error) => error.into(),
            ModelsError::Expected { .. } => Status::aborted(error.to_string()),
            ModelsError::Bundle(BundleError::NoModel { .. }) => {
                Status::not_found(error.to_string())
            }
            other => Status::failed_precondition(other.to_string()),
        }
    }
}

#[tonic::async_trait]
impl ModelService for ModelRpc {
    async fn list_models(
        &self,
        request: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        let (call, _) = opened(request)?;
        let (listed, refused) = self.models.list().await?;
        let active = self.active();
        Ok(Response::new(ListModelsResponse {
            request_id: call.request_id,
            models: self.listed(listed, refused, &active),
            model_id: active,
        }))
    }

    async fn activate_model(
        &self,
        request: Request<ActivateModelRequest>,
    ) -> Result<Response<ActivateModelResponse>, Status> {
        let (call, message) = opened(request)?;
        let model_id = id("model_id", &message.model_id)?;
        let expected = message.expected_model_id.as_deref();
        let activated = self.models.activate(expected, &model_id, &self.views).await;
        self.metrics.swapped(activated.is_ok());
        activated?;
        tracing::info!(model = model_id, "a model was activated");
        Ok(Response::new(ActivateModelResponse {
            request_id: call.request_id,
            model_id,
        }))
    }

    async fn rollback_model(
        &self,
        request: Request<RollbackModelRequest>,
    ) -> Result<Response<RollbackModelResponse>, Status> {
        let (call, message) = opened(request)?;
        let expected = message.expected_model_id.as_deref();
        let back = self.models.rollback(expected, &self.views).await;
        self.metrics.swapped(back.is_ok());
        let model_id = back?;
        tracing::info!(model = model_id, "went back to an earlier model");
        Ok(Response::new(RollbackModelResponse {
            request_id: call.request_id,
            model_id,
        }))
    }

    async fn get_model_report(
        &self,
        request: Request<GetModelReportRequest>,
    ) -> Result<Response<GetModelReportResponse>, Status> {
        let (call, message) = opened(request)?;
        let active = self.active();
        let wanted = optional_id("model_id", Some(&message.model_id))?;
        let wanted = wanted.unwrap_or_else(|| active.clone());
        let (listed, manifest_json) = self.found(&wanted).await?;
        let html = self.models.report(&wanted).await?;
        Ok(Response::new(GetModelReportResponse {
            request_id: call.request_id,
            model: Some(model(listed, wanted == active)),
            model_id: active,
            manifest_json,
            html,
        }))
    }
}

impl ModelRpc {
    /// The id of the model that answers; empty without one.
    fn active(&self) -> String {
        self.views.get().generation.id().to_owned()
    }

    /// A model of the directory, and its manifest as JSON.
    async fn found(&self, wanted: &str) -> Result<(Listed, String), Status> {
        let (listed, _) = self.models.list().await?;
        let listed = listed.into_iter().find(|listed| listed.id == wanted);
        let listed = listed.ok_or_else(|| Status::not_found("model_id: there is no such model"))?;
        let manifest = listed.manifest.as_ref().map_err(|problem| {
            let what = format!("model_id: its manifest cannot be read: {problem}");
            Status::failed_precondition(what)
        })?;
        let manifest = serde_json::to_string(manifest).unwrap_or_default();
        Ok((listed, manifest))
    }

    fn listed(
        &self,
        listed: Vec<Listed>,
        refused: Option<(String, String)>,
        active: &str,
    ) -> Vec<Model> {
        let message = |listed: Listed| {
            let answers = !active.is_empty() && active == listed.id;
            let mut model = model(listed, answers);
            model.answered = self.metrics.answered_by(&model.model_id);
            if let Some((_, problem)) = refused.as_ref().filter(|(id, _)| *id == model.model_id) {
                model.problem.clone_from(problem);
            }
            model
        };
        listed.into_iter().map(message).collect()
    }
}

fn model(listed: Listed, active: bool) -> Model {
    let shared = Model {
        model_id: listed.id,
        active,
        current: listed.current,
        ..Model::default()
    };
    match listed.manifest {
        Err(problem) => Model { problem, ..shared },
        Ok(manifest) => Model {
            created: manifest.created,
            customers: manifest.data.customers,
            products: manifest.data.products,
            touchpoints: manifest.data.touchpoints,
            data_from_ms: manifest.data.from,
            data_to_ms: manifest.data.to,
            dimension: manifest.dimension as u32,
            metrics_json: manifest.metrics.to_string(),
            settings_json: manifest.settings.to_string(),
            ..shared
        },
    }
}
