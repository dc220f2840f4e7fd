//! `CatalogService`.

pub mod convert;

use std::collections::HashSet;

use serendib_proto::v1;
use serendib_proto::v1::catalog_service_server::CatalogService;
use serendib_proto::v1::{
    GetProductsRequest, GetProductsResponse, ReleaseStockRequest, ReleaseStockResponse,
    RemoveProductsRequest, RemoveProductsResponse, ReserveStockRequest, ReserveStockResponse,
    SetStockRequest, SetStockResponse, UpsertProductsRequest, UpsertProductsResponse,
};
use serendib_shop::{Product, ProductIx};
use tonic::{Request, Response, Status};

use crate::answer::catalogue;
use crate::answer::keeping::Keeping;
use crate::rpc::catalog::convert::{product_from_proto, product_to_proto};
use crate::rpc::fields::{bounded, id, ids, once, optional_id, some, units, Invalid};
use crate::rpc::layer::opened;
use crate::rpc::pages::{fill, place, Page};
use crate::snapshot::views::View;
use crate::store::{Reservation, ReservationLine, ReservationState, StockLevel, PACK_RESERVATION};

/// Products in one call at most.
const MAX_PRODUCTS: usize = 1_000;
/// Rows in one changing call at most.
const MAX_ROWS: usize = 10_000;
/// How long a reservation holds where the request does not say, in seconds.
const DEFAULT_TTL_S: u32 = 900;
/// How long a reservation may hold, in seconds.
const MAX_TTL_S: u32 = 2_592_000;

#[derive(Debug, Clone)]
pub struct Catalog(pub Keeping);

#[tonic::async_trait]
impl CatalogService for Catalog {
    async fn get_products(
        &self,
        request: Request<GetProductsRequest>,
    ) -> Result<Response<GetProductsResponse>, Status> {
        let (call, message) = opened(request)?;
        let response = get_products(&self.0.views.get(), &message)?;
        Ok(Response::new(GetProductsResponse {
            request_id: call.request_id,
            ..response
        }))
    }

    async fn upsert_products(
        &self,
        request: Request<UpsertProductsRequest>,
    ) -> Result<Response<UpsertProductsResponse>, Status> {
        let (call, message) = opened(request)?;
        let catalogue_version = catalogue::upsert(&self.0, products(&message.products)?).await?;
        Ok(Response::new(UpsertProductsResponse {
            request_id: call.request_id,
            model_id: self.0.model_id(),
            catalogue_version,
        }))
    }

    async fn remove_products(
        &self,
        request: Request<RemoveProductsRequest>,
    ) -> Result<Response<RemoveProductsResponse>, Status> {
        let (call, message) = opened(request)?;
        some("product_ids", message.product_ids.len(), MAX_ROWS)?;
        let product_ids = ids("product_ids", &message.product_ids, MAX_ROWS)?;
        let removed = catalogue::remove(&self.0, product_ids).await?;
        Ok(Response::new(RemoveProductsResponse {
            request_id: call.request_id,
            model_id: self.0.model_id(),
            removed: removed as u64,
        }))
    }

    async fn set_stock(
        &self,
        request: Request<SetStockRequest>,
    ) -> Result<Response<SetStockResponse>, Status> {
        let (call, message) = opened(request)?;
        let catalogue_version = catalogue::set_stock(&self.0, levels(&message.levels)?).await?;
        Ok(Response::new(SetStockResponse {
            request_id: call.request_id,
            model_id: self.0.model_id(),
            catalogue_version,
        }))
    }

    async fn reserve_stock(
        &self,
        request: Request<ReserveStockRequest>,
    ) -> Result<Response<ReserveStockResponse>, Status> {
        let (call, message) = opened(request)?;
        some("lines", message.lines.len(), MAX_PRODUCTS)?;
        let reservation_id = optional_id("reservation_id", Some(&message.reservation_id))?;
        not_of_a_pack(&message.reservation_id)?;
        let ttl = bounded("ttl_s", message.ttl_s, DEFAULT_TTL_S, MAX_TTL_S)?;
        let (id, lines) = (reservation_id.unwrap_or_default(), lines(&message.lines)?);
        let reservation = catalogue::reserve(&self.0, id, lines, ttl).await?;
        Ok(Response::new(ReserveStockResponse {
            request_id: call.request_id,
            model_id: self.0.model_id(),
            reservation: Some(reservation_to_proto(reservation)),
        }))
    }

    async fn release_stock(
        &self,
        request: Request<ReleaseStockRequest>,
    ) -> Result<Response<ReleaseStockResponse>, Status> {
        let (call, message) = opened(request)?;
        let reservation_id = id("reservation_id", &message.reservation_id)?;
        not_of_a_pack(&reservation_id)?;
        let reservation = catalogue::release(&self.0, reservation_id, message.sold).await?;
        Ok(Response::new(ReleaseStockResponse {
            request_id: call.request_id,
            model_id: self.0.model_id(),
            reservation: Some(reservation_to_proto(reservation)),
        }))
    }
}

fn products(messages: &[v1::Product]) -> Result<Vec<Product>, Invalid> {
    some("products", messages.len(), MAX_ROWS)?;
    let mut seen = HashSet::new();
    let product = |(ix, message)| {
        let product =
            product_from_proto(message).map_err(|e| e.under(format!("products[{ix}]")))?;
        let is_new = seen.insert(product.product_id.clone());
        once(&format!("products[{ix}].product_id"), is_new)?;
        Ok(product)
    };
    messages.iter().enumerate().map(product).collect()
}

fn levels(messages: &[v1::StockLevel]) -> Result<Vec<StockLevel>, Invalid> {
    some("levels", messages.len(), MAX_ROWS)?;
    let level = |(ix, level): (usize, &v1::StockLevel)| {
        let product_id = id(&format!("levels[{ix}].product_id"), &level.product_id)?;
        if let Some(stock) = level.stock.filter(|stock| *stock < 0) {
            let field = format!("levels[{ix}].stock");
            return Err(Invalid::new(field, format!("is {stock}, expected ≥ 0")));
        }
        Ok(StockLevel {
            product_id,
            stock: level.stock,
        })
    };
    messages.iter().enumerate().map(level).collect()
}

fn lines(messages: &[v1::ReservationLine]) -> Result<Vec<ReservationLine>, Invalid> {
    let mut seen = HashSet::new();
    let line = |(ix, line): (usize, &v1::ReservationLine)| {
        let field = format!("lines[{ix}].product_id");
        let product_id = id(&field, &line.product_id)?;
        let field_of_units = format!("lines[{ix}].quantity");
        if line.quantity <= 0 {
            let wrong = format!("is {}, expected > 0", line.quantity);
            return Err(Invalid::new(field_of_units, wrong));
        }
        units(&field_of_units, line.quantity)?;
        once(&field, seen.insert(product_id.clone()))?;
        Ok(ReservationLine {
            product_id,
            quantity: line.quantity,
        })
    };
    messages.iter().enumerate().map(line).collect()
}

/// Units that boxes hold are moved by what becomes of the boxes.
fn not_of_a_pack(reservation_id: &str) -> Result<(), Invalid> {
    if reservation_id.starts_with(PACK_RESERVATION) {
        let what = format!("begins with {PACK_RESERVATION:?}: it belongs to packed boxes");
        return Err(Invalid::new("reservation_id", what));
    }
    Ok(())
}

fn reservation_to_proto(reservation: Reservation) -> v1::Reservation {
    let state = match reservation.state {
        ReservationState::Held => v1::ReservationState::Held,
        ReservationState::Released => v1::ReservationState::Released,
        ReservationState::Taken => v1::ReservationState::Taken,
        ReservationState::Expired => v1::ReservationState::Expired,
    };
    v1::Reservation {
        reservation_id: reservation.reservation_id,
        lines: reservation
            .lines
            .into_iter()
            .map(|line| v1::ReservationLine {
                product_id: line.product_id,
                quantity: line.quantity,
            })
            .collect(),
        expires_at_ms: reservation.expires_at,
        state: state.into(),
    }
}

fn product_now(view: &View, ix: ProductIx) -> v1::Product {
    let row: &Product = view.live.catalogue.product(ix);
    v1::Product {
        stock: view.live.stock[ix.index()],
        ..product_to_proto(row)
    }
}

fn get_products(view: &View, request: &GetProductsRequest) -> Result<GetProductsResponse, Invalid> {
    let mut response = GetProductsResponse {
        model_id: view.generation.id().to_owned(),
        ..GetProductsResponse::default()
    };
    let catalogue = &view.live.catalogue;
    let there = |ix: &ProductIx| !view.live.removed[ix.index()];
    if !request.product_ids.is_empty() {
        let ids = ids("product_ids", &request.product_ids, MAX_PRODUCTS)?;
        let mut page = Page::default();
        for (at, id) in ids
            .into_iter()
            .enumerate()
            .skip(place(&request.page_token)?)
        {
            let Some(ix) = catalogue.find(&id).filter(there) else {
                response.missing.push(id);
                continue;
            };
            let product = product_now(view, ix);
            if !page.takes(&product) {
                response.next_page_token = at.to_string();
                break;
            }
            response.products.push(product);
        }
        return Ok(response);
    }
    let size = bounded("page_size", request.page_size, 100, MAX_PRODUCTS as u32)? as usize;
    // The token is the last id of the page before: pages stay right while products come and go.
    let mut page: Vec<(&str, ProductIx)> = catalogue
        .products()
        .iter()
        .zip(ProductIx::all(catalogue.len()))
        .map(|(product, ix)| (product.product_id.as_str(), ix))
        .filter(|(id, ix)| there(ix) && *id > request.page_token.as_str())
        .collect();
    let more = page.len() > size;
    if more {
        page.select_nth_unstable(size);
        page.truncate(size);
    }
    page.sort_unstable();
    let (products, all) = fill(page.into_iter().map(|(_, ix)| product_now(view, ix)));
    response.products = products;
    if more || !all {
        let last = response.products.last();
        response.next_page_token = last.map(|p| p.product_id.clone()).unwrap_or_default();
    }
    Ok(response)
}
