//! `ModelService`.

use std::sync::Arc;

use serendib_proto::v1::model_service_server::ModelService;
use serendib_proto::v1::{ListModelsRequest, ListModelsResponse, Model};
use tonic::{Request, Response, Status};

use super::counted;
use crate::app::{new_id, App};
use crate::models::{Listed, ModelsError};

/// The handlers.
#[derive(Debug, Clone)]
pub struct ModelRpc(pub Arc<App>);

fn models_status(error: ModelsError) -> Status {
    match error {
        ModelsError::Store(error) => crate::convert::store_status(&error),
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
}

async fn list_models(app: &App) -> Result<ListModelsResponse, Status> {
    let (listed, refused) = app.models.list().await.map_err(models_status)?;
    let generation = app.views.get().generation.clone();
    let models = listed
        .into_iter()
        .map(|listed| {
            let active = generation.is_some() && generation.id() == listed.id;
            let mut model = model(listed, active);
            if active {
                model.answered = generation.answered();
            }
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
