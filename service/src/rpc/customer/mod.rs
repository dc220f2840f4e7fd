//! `CustomerService`.

mod card;
pub(crate) mod convert;
pub(crate) mod convert_engagement;
mod engagement;
mod life;

use std::pin::Pin;
use std::sync::Arc;

use serendib_proto::v1;
use serendib_proto::v1::customer_service_server::CustomerService;
use serendib_proto::v1::export_customer_response::Row;
use serendib_proto::v1::{
    EraseCustomerRequest, EraseCustomerResponse, ExportCustomerRequest, ExportCustomerResponse,
    FindSimilarCustomersRequest, FindSimilarCustomersResponse, GetCustomerRequest,
    GetCustomerResponse, GetEngagementRequest, GetEngagementResponse, GetErasureRequest,
    GetErasureResponse, GetLifeRequest, GetLifeResponse, LinkIdentityRequest, LinkIdentityResponse,
    ListEngagementRequest, ListEngagementResponse, SetConsentRequest, SetConsentResponse,
    UnlinkIdentityRequest, UnlinkIdentityResponse, UpsertCustomersRequest, UpsertCustomersResponse,
};
use serendib_shop::{Consents, Customer, Purpose};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};

use crate::answer::new_id;
use crate::app::App;
use crate::clock::now_ms;
use crate::rpc::customer::convert::{consents_to_proto, customer_from_proto, customer_to_proto};
use crate::rpc::fields::{at_most, id, identity, Invalid};
use crate::rpc::recommendation::rating::rating_to_proto;
use crate::rpc::status::{pool_status, store_status};
use crate::rpc::touchpoint::convert::touchpoint_to_proto;
use crate::rpc::{actor, counted};
use crate::store::{
    AuditEntry, BoxQuery, CustomerRow, Erasure, ErasureState, ServedInFull, StoreError, UpsertMode,
};
use crate::workers::deadline::Deadline;

/// Customers in one call at most.
const MAX_ROWS: usize = 10_000;

#[derive(Debug, Clone)]
pub struct CustomerRpc(pub Arc<App>);

fn refused(error: StoreError) -> Status {
    store_status(&error)
}

#[tonic::async_trait]
impl CustomerService for CustomerRpc {
    async fn upsert_customers(
        &self,
        request: Request<UpsertCustomersRequest>,
    ) -> Result<Response<UpsertCustomersResponse>, Status> {
        let app = &self.0;
        counted(app, "UpsertCustomers", upsert(app, &request)).await
    }

    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let app = &self.0;
        counted(app, "GetCustomer", card::get(app, request.get_ref())).await
    }

    async fn get_life(
        &self,
        request: Request<GetLifeRequest>,
    ) -> Result<Response<GetLifeResponse>, Status> {
        let app = &self.0;
        let deadline = Deadline::of(request.metadata(), app.config.server.default_deadline);
        let answer = life::get(app, request.get_ref(), deadline);
        counted(app, "GetLife", answer).await
    }

    async fn get_engagement(
        &self,
        request: Request<GetEngagementRequest>,
    ) -> Result<Response<GetEngagementResponse>, Status> {
        let app = &self.0;
        counted(app, "GetEngagement", engagement::get(app, &request)).await
    }

    async fn list_engagement(
        &self,
        request: Request<ListEngagementRequest>,
    ) -> Result<Response<ListEngagementResponse>, Status> {
        let app = &self.0;
        counted(app, "ListEngagement", engagement::list(app, &request)).await
    }

    async fn link_identity(
        &self,
        request: Request<LinkIdentityRequest>,
    ) -> Result<Response<LinkIdentityResponse>, Status> {
        let app = &self.0;
        counted(app, "LinkIdentity", async {
            let message = request.get_ref();
            let customer = identity("customer_id", &message.customer_id)?;
            let identity = identity("identity", &message.identity)?;
            let by = actor(&request, &message.actor)?;
            let both = [customer.clone(), identity.clone()];
            app.store
                .link_identity(customer, identity, by, now_ms())
                .await
                .map_err(refused)?;
            app.similar.changed(both);
            Ok(LinkIdentityResponse {
                request_id: new_id(),
                model_id: app.model_id(),
            })
        })
        .await
    }

    async fn unlink_identity(
        &self,
        request: Request<UnlinkIdentityRequest>,
    ) -> Result<Response<UnlinkIdentityResponse>, Status> {
        let app = &self.0;
        counted(app, "UnlinkIdentity", async {
            let message = request.get_ref();
            let customer = id("customer_id", &message.customer_id)?;
            let identity = id("identity", &message.identity)?;
            let by = actor(&request, &message.actor)?;
            let both = [customer.clone(), identity.clone()];
            app.store
                .unlink_identity(customer, identity, by, now_ms())
                .await
                .map_err(refused)?;
            app.similar.changed(both);
            Ok(UnlinkIdentityResponse {
                request_id: new_id(),
                model_id: app.model_id(),
            })
        })
        .await
    }

    async fn set_consent(
        &self,
        request: Request<SetConsentRequest>,
    ) -> Result<Response<SetConsentResponse>, Status> {
        let app = &self.0;
        counted(app, "SetConsent", set_consent(app, &request)).await
    }

    async fn find_similar_customers(
        &self,
        request: Request<FindSimilarCustomersRequest>,
    ) -> Result<Response<FindSimilarCustomersResponse>, Status> {
        let app = &self.0;
        counted(app, "FindSimilarCustomers", similar(app, &request)).await
    }

    type ExportCustomerStream =
        Pin<Box<dyn Stream<Item = Result<ExportCustomerResponse, Status>> + Send>>;

    async fn export_customer(
        &self,
        request: Request<ExportCustomerRequest>,
    ) -> Result<Response<Self::ExportCustomerStream>, Status> {
        let app = &self.0;
        counted(app, "ExportCustomer", async {
            let message = request.get_ref();
            let customer = id("customer_id", &message.customer_id)?;
            let by = actor(&request, &message.actor)?;
            // What was shown a moment ago is held too.
            app.store.flush_served().await.map_err(refused)?;
            let rows = app
                .store
                .export_customer(customer, by, now_ms())
                .await
                .map_err(refused)?;
            let rows = rows.map(|row| row.map(export_row).map_err(refused));
            Ok(Box::pin(rows) as Self::ExportCustomerStream)
        })
        .await
    }

    async fn erase_customer(
        &self,
        request: Request<EraseCustomerRequest>,
    ) -> Result<Response<EraseCustomerResponse>, Status> {
        let app = &self.0;
        counted(app, "EraseCustomer", async {
            let message = request.get_ref();
            let customer = id("customer_id", &message.customer_id)?;
            let by = actor(&request, &message.actor)?;
            let state = app.customer(&customer, None).await?;
            let boxes = BoxQuery::Customer(customer.clone(), usize::MAX >> 1);
            let boxes = app.store.boxes(boxes, now_ms()).await.map_err(refused)?;
            let erasure = app
                .store
                .erase_customer(customer, by, now_ms())
                .await
                .map_err(refused)?;
            if let Some(state) = state {
                app.answering.customers.forget(&state.customer_id);
                app.similar.forget(&state.customer_id);
                app.spoilers.forget(state.ids());
                app.baskets.forget(&app.keeping).await;
            }
            app.spoilers
                .forget(boxes.iter().map(|b| b.customer_id.as_str()));
            let lines = boxes.into_iter().flat_map(|b| b.lines);
            let freed = lines.map(|line| line.product_id).collect();
            app.views.apply(freed, now_ms()).await.map_err(refused)?;
            Ok(EraseCustomerResponse {
                request_id: new_id(),
                model_id: app.model_id(),
                erasure: Some(erasure_to_proto(erasure)),
            })
        })
        .await
    }

    async fn get_erasure(
        &self,
        request: Request<GetErasureRequest>,
    ) -> Result<Response<GetErasureResponse>, Status> {
        let app = &self.0;
        counted(app, "GetErasure", async {
            let receipt = id("receipt_id", &request.get_ref().receipt_id)?;
            let erasure = app.store.erasure(receipt).await.map_err(refused)?;
            let erasure =
                erasure.ok_or_else(|| Status::not_found("there is no such erasure receipt"))?;
            Ok(GetErasureResponse {
                request_id: new_id(),
                model_id: app.model_id(),
                erasure: Some(erasure_to_proto(erasure)),
            })
        })
        .await
    }
}

async fn upsert(
    app: &App,
    request: &Request<UpsertCustomersRequest>,
) -> Result<UpsertCustomersResponse, Status> {
    let message = request.get_ref();
    if message.customers.is_empty() {
        return Err(Invalid::new("customers", "is empty, expected at least one entry").into());
    }
    at_most("customers", message.customers.len(), MAX_ROWS)?;
    let mode = match v1::UpsertMode::try_from(message.mode) {
        Ok(v1::UpsertMode::Unspecified | v1::UpsertMode::Merge) => UpsertMode::Merge,
        Ok(v1::UpsertMode::Replace) => UpsertMode::Replace,
        Err(_) => return Err(Invalid::new("mode", "is not a mode").into()),
    };
    let customers: Vec<Customer> = message
        .customers
        .iter()
        .enumerate()
        .map(|(ix, c)| customer_from_proto(c).map_err(|e| e.under(format!("customers[{ix}]"))))
        .collect::<Result<_, Invalid>>()?;
    let by = actor(request, &message.actor)?;
    let ids = |c: &Customer| {
        let listed = c.identities.clone();
        std::iter::once(c.customer_id.clone()).chain(listed)
    };
    let changed: Vec<String> = customers.iter().flat_map(ids).collect();
    app.store
        .upsert_customers(customers, mode, by, now_ms())
        .await
        .map_err(refused)?;
    app.similar.changed(changed);
    Ok(UpsertCustomersResponse {
        request_id: new_id(),
        model_id: app.model_id(),
    })
}

async fn similar(
    app: &Arc<App>,
    request: &Request<FindSimilarCustomersRequest>,
) -> Result<FindSimilarCustomersResponse, Status> {
    let message = request.get_ref();
    let customer = id("customer_id", &message.customer_id)?;
    let count = match message.count {
        0 => 10,
        count if count <= 1_000 => count as usize,
        count => {
            let what = format!("is {count}, expected at most 1000");
            return Err(Invalid::new("count", what).into());
        }
    };
    let deadline = Deadline::of(request.metadata(), app.config.server.default_deadline);
    let state = app
        .customer(&customer, None)
        .await?
        .ok_or_else(|| Status::not_found("customer_id: nothing is kept of this customer"))?;
    let worker = app.clone();
    let found = app
        .answering
        .pool
        .run(deadline, move |_| {
            let view = worker.views.get();
            worker
                .similar
                .nearest(&worker.keeping, &view, &state, count)
        })
        .await
        .map_err(pool_status)?;
    // Consent and erasure count as they are now, not as they were when the vectors were made.
    let mut customers = Vec::with_capacity(found.neighbours.len());
    for neighbour in found.neighbours {
        let Some(state) = app.customer(&neighbour.customer_id, None).await? else {
            continue;
        };
        let may = state
            .profile
            .consents
            .allows(Purpose::Personalise, &app.config.consent);
        // Somebody who was linked to another customer meanwhile is that customer.
        if may && state.customer_id == neighbour.customer_id {
            customers.push(v1::SimilarCustomer {
                customer_id: neighbour.customer_id,
                similarity: f64::from(neighbour.similarity),
            });
        }
    }
    Ok(FindSimilarCustomersResponse {
        request_id: new_id(),
        model_id: app.model_id(),
        customers,
        partial: !found.complete,
        compared: found.compared as u64,
    })
}

async fn set_consent(
    app: &App,
    request: &Request<SetConsentRequest>,
) -> Result<SetConsentResponse, Status> {
    let message = request.get_ref();
    let customer = id("customer_id", &message.customer_id)?;
    let by = actor(request, &message.actor)?;
    let said = message.consents.unwrap_or_default();
    let mut changes: Vec<(Purpose, Option<bool>)> = [
        (Purpose::Personalise, said.personalise),
        (Purpose::InferLifeStage, said.infer_life_stage),
        (Purpose::Contact, said.contact),
        (Purpose::Train, said.train),
    ]
    .into_iter()
    .filter(|(_, said)| said.is_some())
    .collect();
    for (ix, word) in message.take_back.iter().enumerate() {
        let field = format!("take_back[{ix}]");
        let Some(purpose) = Purpose::parse(word) else {
            let what = format!("{word:?} is not a purpose");
            return Err(Invalid::new(field, what).into());
        };
        if changes.iter().any(|(said, _)| *said == purpose) {
            let what = format!("{word:?} is said in consents too");
            return Err(Invalid::new(field, what).into());
        }
        changes.push((purpose, None));
    }
    if changes.is_empty() {
        let what = "says nothing, expected at least one purpose";
        return Err(Invalid::new("consents", what).into());
    }
    // Refusals first: should the store fail half-way, no yes stands without the noes that came with it.
    changes.sort_by_key(|(_, said)| *said != Some(false));
    for (purpose, said) in changes {
        app.store
            .set_consent(customer.clone(), purpose, said, by.clone(), now_ms())
            .await
            .map_err(refused)?;
    }
    app.similar.changed([customer.clone()]);
    let state = app.customer(&customer, None).await?;
    let said = state.map_or(Consents::default(), |s| s.profile.consents);
    Ok(SetConsentResponse {
        request_id: new_id(),
        model_id: app.model_id(),
        effective_consents: Some(effective(app, &said)),
    })
}

/// Consents as they hold, all four set.
pub(super) fn effective(app: &App, said: &Consents) -> v1::Consents {
    let mut holds = Consents::default();
    for purpose in Purpose::ALL {
        holds.set(purpose, Some(said.allows(purpose, &app.config.consent)));
    }
    consents_to_proto(&holds)
}

fn erasure_to_proto(erasure: Erasure) -> v1::Erasure {
    let state = match erasure.state {
        ErasureState::Erased => v1::ErasureState::Erased,
        ErasureState::Scrubbed => v1::ErasureState::Scrubbed,
    };
    v1::Erasure {
        receipt_id: erasure.receipt_id,
        state: state.into(),
        erased_at_ms: erasure.erased_at,
        scrubbed_at_ms: erasure.scrubbed_at,
        identities: erasure.identities,
        touchpoints: erasure.touchpoints,
    }
}

fn audit_to_proto(entry: AuditEntry) -> v1::AuditEntry {
    v1::AuditEntry {
        at_ms: entry.at,
        action: entry.action.as_str().into(),
        actor: entry.by,
        detail: entry.detail,
    }
}

fn served_to_proto(served: ServedInFull) -> v1::ServedRow {
    let ServedInFull {
        row,
        reasons,
        asked,
    } = served;
    let reasons = Some(reasons).filter(|reasons| !reasons.is_empty());
    v1::ServedRow {
        request_id: row.request_id,
        at_ms: row.at,
        model_id: row.model.unwrap_or_default(),
        list: row.list.unwrap_or_default(),
        rank: row.rank.unwrap_or_default(),
        product_id: row.product_id.unwrap_or_default(),
        propensity: row.propensity,
        // plain data with text keys always has a JSON form
        reasons_json: reasons.and_then(|reasons| serde_json::to_string(&reasons).ok()),
        asked_json: asked.and_then(|asked| serde_json::to_string(&asked).ok()),
    }
}

fn export_row(row: CustomerRow) -> ExportCustomerResponse {
    let row = match row {
        CustomerRow::Profile(customer) => Row::Profile(customer_to_proto(&customer)),
        CustomerRow::Identity(linked) => Row::Identity(card::identity_to_proto(linked)),
        CustomerRow::Touchpoint(touch) => Row::Touchpoint(touchpoint_to_proto(&touch)),
        CustomerRow::Delight(delight) => Row::Rating(rating_to_proto(&delight)),
        CustomerRow::Served(served) => Row::Served(served_to_proto(served)),
        CustomerRow::Document(document) => Row::Document(v1::CustomerDocument {
            area: document.area,
            key: document.key,
            at_ms: document.at,
            body_json: document.body.to_string(),
        }),
        CustomerRow::Audit(entry) => Row::Audit(audit_to_proto(entry)),
    };
    ExportCustomerResponse { row: Some(row) }
}
