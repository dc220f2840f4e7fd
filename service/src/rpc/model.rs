//! `ModelService`.

use std::sync::Arc;

use serendib_engine::bundle::BundleError;
use serendib_proto::v1::model_service_server::ModelService;
use serendib_proto::v1::{
    ActivateModelRequest, ActivateModelResponse, GetModelReportRequest, GetModelReportResponse,
    ListModelsRequest, ListModelsResponse, Model, RollbackModelRequest, RollbackModelResponse,
};
use tonic::{Request, Response, Status};

use super::counted;
use crate::answer::new_id;
use crate::app::App;
use crate::rpc::fields::id;
use crate::snapshot::model_swap::{Listed, ModelsError};

#[derive(Debug, Clone)]
pub struct ModelRpc(pub Arc<App>);

fn models_status(error: ModelsError) -> Status {
    match error {
        ModelsError::Store(error) => crate::rpc::status::store_status(&error),
        ModelsError::Expected { .. } => Status::aborted(error.to_string()),
        ModelsError::Bundle(BundleError::NoModel { .. }) => Status::not_found(error.to_string()),
        other => Status::failed_precondition(other.to_string()),
    }
}

#[tonic::async_trait]
impl ModelService for ModelRpc {
    async fn list_models(
        &self,
        _request: Request<ListModelsRequest>,
    ) -> Result<Response<ListModelsResponse>, Status> {
        let app = &self.0;
        counted(app, "ListModels", list_models(app)).await
    }

    async fn activate_model(
        &self,
        request: Request<ActivateModelRequest>,
    ) -> Result<Response<ActivateModelResponse>, Status> {
        let app = &self.0;
        counted(app, "ActivateModel", async {
            let request = request.get_ref();
            let model_id = id("model_id", &request.model_id)?;
            let expected = request.expected_model_id.as_deref();
            let activated = app.models.activate(expected, &model_id, &app.views).await;
            app.metrics.swapped(activated.is_ok());
            activated.map_err(models_status)?;
            tracing::info!(model = model_id, "a model was activated");
            Ok(ActivateModelResponse {
                request_id: new_id(),
                model_id,
            })
        })
        .await
    }

    async fn rollback_model(
        &self,
        request: Request<RollbackModelRequest>,
    ) -> Result<Response<RollbackModelResponse>, Status> {
        let app = &self.0;
        counted(app, "RollbackModel", async {
            let expected = request.get_ref().expected_model_id.as_deref();
            let back = app.models.rollback(expected, &app.views).await;
            app.metrics.swapped(back.is_ok());
            let model_id = back.map_err(models_status)?;
            tracing::info!(model = model_id, "went back to an earlier model");
            Ok(RollbackModelResponse {
                request_id: new_id(),
                model_id,
            })
        })
        .await
    }

    async fn get_model_report(
        &self,
        request: Request<GetModelReportRequest>,
    ) -> Result<Response<GetModelReportResponse>, Status> {
        let app = &self.0;
        counted(app, "GetModelReport", report(app, request.get_ref())).await
    }
}

async fn report(
    app: &App,
    request: &GetModelReportRequest,
) -> Result<GetModelReportResponse, Status> {
    let active = app.model_id();
    let wanted = match request.model_id.as_str() {
        "" => active.clone(),
        wanted => id("model_id", wanted)?,
    };
    let (listed, _) = app.models.list().await.map_err(models_status)?;
    let Some(listed) = listed.into_iter().find(|listed| listed.id == wanted) else {
        return Err(Status::not_found("model_id: there is no such model"));
    };
    let manifest_json = match &listed.manifest {
        Ok(manifest) => serde_json::to_string(manifest).unwrap_or_default(),
        Err(problem) => {
            return Err(Status::failed_precondition(format!(
                "model_id: its manifest cannot be read: {problem}"
            )))
        }
    };
    let html = app.models.report(&wanted).await.map_err(models_status)?;
    Ok(GetModelReportResponse {
        request_id: new_id(),
        model: Some(model(listed, wanted == active)),
        model_id: active,
        manifest_json,
        html,
    })
}

async fn list_models(app: &App) -> Result<ListModelsResponse, Status> {
    let (listed, refused) = app.models.list().await.map_err(models_status)?;
    let generation = app.views.get().generation.clone();
    let models = listed
        .into_iter()
        .map(|listed| {
            let active = generation.is_some() && generation.id() == listed.id;
            let mut model = model(listed, active);
            model.answered = app.metrics.answered_by(&model.model_id);
            if let Some((id, problem)) = &refused {
                if *id == model.model_id {
                    model.problem.clone_from(problem);
                }
            }
            model
        })
        .collect();
    Ok(ListModelsResponse {
        request_id: new_id(),
        model_id: generation.id().to_owned(),
        models,
    })
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
