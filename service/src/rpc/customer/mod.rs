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

use crate::answer::call::Call;
use crate::answer::customers::Customers;
use crate::rpc::actor;
use crate::rpc::customer::convert::{consents_to_proto, customer_from_proto, customer_to_proto};
use crate::rpc::fields::{bounded, id, identity, some, Invalid};
use crate::rpc::layer::opened;
use crate::rpc::recommendation::rating::rating_to_proto;
use crate::rpc::touchpoint::convert::touchpoint_to_proto;
use crate::snapshot::customers_like_you::Found;
use crate::store::{AuditEntry, CustomerRow, Erasure, ErasureState, ServedInFull, UpsertMode};

/// Customers in one call at most.
const MAX_ROWS: usize = 10_000;

#[derive(Debug, Clone)]
pub struct CustomerRpc(pub Arc<Customers>);

impl CustomerRpc {
    fn model_id(&self) -> String {
        self.0.answering.keeping.model_id()
    }
}

impl CustomerRpc {
    /// What is inferred of the customer: it is held about them as much as what was recorded.
    async fn inferred(&self, customer: String, call: Call) -> Result<[Row; 2], Status> {
        let of_life = GetLifeRequest {
            customer_id: customer.clone(),
            ..GetLifeRequest::default()
        };
        let life = life::get(&self.0.answering, &of_life, call.clone()).await?;
        let of_contact = GetEngagementRequest {
            customer_id: customer,
            ..GetEngagementRequest::default()
        };
        let engagement = engagement::get(&self.0.answering, &of_contact, call).await?;
        Ok([Row::Life(life), Row::Engagement(engagement)])
    }
}

#[tonic::async_trait]
impl CustomerService for CustomerRpc {
    async fn upsert_customers(
        &self,
        request: Request<UpsertCustomersRequest>,
    ) -> Result<Response<UpsertCustomersResponse>, Status> {
        let (mode, customers) = customers_from_proto(request.get_ref())?;
        let by = actor(&request, &request.get_ref().actor)?;
        let (call, _) = opened(request)?;
        let heard = self.0.upsert(customers, mode, by).await?;
        Ok(Response::new(UpsertCustomersResponse {
            request_id: call.request_id,
            model_id: self.model_id(),
            ignored_erased: heard.erased,
            kept: heard.kept,
        }))
    }

    async fn get_customer(
        &self,
        request: Request<GetCustomerRequest>,
    ) -> Result<Response<GetCustomerResponse>, Status> {
        let (call, message) = opened(request)?;
        let card = card::get(&self.0.answering, &message, call.request_id).await?;
        Ok(Response::new(card))
    }

    async fn get_life(
        &self,
        request: Request<GetLifeRequest>,
    ) -> Result<Response<GetLifeResponse>, Status> {
        let (call, message) = opened(request)?;
        let life = life::get(&self.0.answering, &message, call).await?;
        Ok(Response::new(life))
    }

    async fn get_engagement(
        &self,
        request: Request<GetEngagementRequest>,
    ) -> Result<Response<GetEngagementResponse>, Status> {
        let (call, message) = opened(request)?;
        let engagement = engagement::get(&self.0.answering, &message, call).await?;
        Ok(Response::new(engagement))
    }

    async fn list_engagement(
        &self,
        request: Request<ListEngagementRequest>,
    ) -> Result<Response<ListEngagementResponse>, Status> {
        let (call, message) = opened(request)?;
        let page = engagement::list(&self.0.answering, message, call).await?;
        Ok(Response::new(page))
    }

    async fn link_identity(
        &self,
        request: Request<LinkIdentityRequest>,
    ) -> Result<Response<LinkIdentityResponse>, Status> {
        let message = request.get_ref();
        let customer = identity("customer_id", &message.customer_id)?;
        let identity = identity("identity", &message.identity)?;
        let by = actor(&request, &message.actor)?;
        let (call, _) = opened(request)?;
        self.0.link(customer, identity, true, by).await?;
        Ok(Response::new(LinkIdentityResponse {
            request_id: call.request_id,
            model_id: self.model_id(),
        }))
    }

    async fn unlink_identity(
        &self,
        request: Request<UnlinkIdentityRequest>,
    ) -> Result<Response<UnlinkIdentityResponse>, Status> {
        let message = request.get_ref();
        let customer = id("customer_id", &message.customer_id)?;
        let identity = id("identity", &message.identity)?;
        let by = actor(&request, &message.actor)?;
        let (call, _) = opened(request)?;
        self.0.link(customer, identity, false, by).await?;
        Ok(Response::new(UnlinkIdentityResponse {
            request_id: call.request_id,
            model_id: self.model_id(),
        }))
    }

    async fn set_consent(
        &self,
        request: Request<SetConsentRequest>,
    ) -> Result<Response<SetConsentResponse>, Status> {
        let message = request.get_ref();
        let customer = id("customer_id", &message.customer_id)?;
        let by = actor(&request, &message.actor)?;
        let (changes, said_at) = (consent_changes(message)?, message.said_at_ms);
        let (call, _) = opened(request)?;
        let said = self.0.set_consent(customer, changes, by, said_at).await?;
        let defaults = &self.0.answering.keeping.config.consent;
        Ok(Response::new(SetConsentResponse {
            request_id: call.request_id,
            model_id: self.model_id(),
            effective_consents: Some(effective(&said, defaults)),
        }))
    }

    async fn find_similar_customers(
        &self,
        request: Request<FindSimilarCustomersRequest>,
    ) -> Result<Response<FindSimilarCustomersResponse>, Status> {
        let (call, message) = opened(request)?;
        let customer = id("customer_id", &message.customer_id)?;
        let count = bounded("count", message.count, 10, 1_000)? as usize;
        let found = self.0.similar(&customer, count, &call).await?;
        Ok(Response::new(FindSimilarCustomersResponse {
            request_id: call.request_id,
            model_id: self.model_id(),
            partial: !found.complete,
            compared: found.compared as u64,
            customers: similar_to_proto(found),
        }))
    }

    type ExportCustomerStream =
        Pin<Box<dyn Stream<Item = Result<ExportCustomerResponse, Status>> + Send>>;

    async fn export_customer(
        &self,
        request: Request<ExportCustomerRequest>,
    ) -> Result<Response<Self::ExportCustomerStream>, Status> {
        let message = request.get_ref();
        let customer = id("customer_id", &message.customer_id)?;
        let by = actor(&request, &message.actor)?;
        let (call, _) = opened(request)?;
        let rows = self.0.export(customer.clone(), by).await?;
        let rows = rows.map(|row| Ok(export_row(row?)));
        let inferred = self.inferred(customer, call).await?;
        let inferred = inferred
            .into_iter()
            .map(|row| Ok(ExportCustomerResponse { row: Some(row) }));
        let rows = rows.chain(tokio_stream::iter(inferred));
        Ok(Response::new(Box::pin(rows)))
    }

    async fn erase_customer(
        &self,
        request: Request<EraseCustomerRequest>,
    ) -> Result<Response<EraseCustomerResponse>, Status> {
        let message = request.get_ref();
        let customer = id("customer_id", &message.customer_id)?;
        let by = actor(&request, &message.actor)?;
        let (call, _) = opened(request)?;
        let erasure = self.0.erase(customer, by).await?;
        Ok(Response::new(EraseCustomerResponse {
            request_id: call.request_id,
            model_id: self.model_id(),
            erasure: Some(erasure_to_proto(erasure)),
        }))
    }

    async fn get_erasure(
        &self,
        request: Request<GetErasureRequest>,
    ) -> Result<Response<GetErasureResponse>, Status> {
        let (call, message) = opened(request)?;
        let receipt = id("receipt_id", &message.receipt_id)?;
        let erasure = self.0.erasure(receipt).await?;
        Ok(Response::new(GetErasureResponse {
            request_id: call.request_id,
            model_id: self.model_id(),
            erasure: Some(erasure_to_proto(erasure)),
        }))
    }
}

fn customers_from_proto(
    message: &UpsertCustomersRequest,
) -> Result<(UpsertMode, Vec<Customer>), Invalid> {
    some("customers", message.customers.len(), MAX_ROWS)?;
    let mode = match v1::UpsertMode::try_from(message.mode) {
        Ok(v1::UpsertMode::Unspecified | v1::UpsertMode::Merge) => UpsertMode::Merge,
        Ok(v1::UpsertMode::Replace) => UpsertMode::Replace,
        Err(_) => return Err(Invalid::new("mode", "is not a mode")),
    };
    let customer = |(ix, customer)| {
        customer_from_proto(customer).map_err(|e| e.under(format!("customers[{ix}]")))
    };
    let customers = message.customers.iter().enumerate().map(customer);
    Ok((mode, customers.collect::<Result<_, _>>()?))
}

/// What is said of each purpose; `None` = taken back.
fn consent_changes(message: &SetConsentRequest) -> Result<Vec<(Purpose, Option<bool>)>, Invalid> {
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
            return Err(Invalid::new(field, format!("{word:?} is not a purpose")));
        };
        if changes.iter().any(|(said, _)| *said == purpose) {
            let what = format!("{word:?} is said in consents too");
            return Err(Invalid::new(field, what));
        }
        changes.push((purpose, None));
    }
    if changes.is_empty() {
        let what = "says nothing, expected at least one purpose";
        return Err(Invalid::new("consents", what));
    }
    Ok(changes)
}

fn similar_to_proto(found: Found) -> Vec<v1::SimilarCustomer> {
    let neighbours = found.neighbours.into_iter();
    let message = neighbours.map(|neighbour| v1::SimilarCustomer {
        customer_id: neighbour.customer_id,
        similarity: f64::from(neighbour.similarity),
    });
    message.collect()
}

/// Consents as they hold, all four set; `defaults` hold for who said nothing.
fn effective(said: &Consents, defaults: &Consents) -> v1::Consents {
    let mut holds = Consents::default();
    for purpose in Purpose::ALL {
        holds.set(purpose, Some(said.allows(purpose, defaults)));
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
        arm: row.arm,
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
