//! `CatalogService`.

pub mod convert;

use std::sync::Arc;

use serendib_proto::v1;
use serendib_proto::v1::catalog_service_server::CatalogService;
use serendib_proto::v1::{
    GetProductsRequest, GetProductsResponse, ReleaseStockRequest, ReleaseStockResponse,
    RemoveProductsRequest, RemoveProductsResponse, ReserveStockRequest, ReserveStockResponse,
    SetStockRequest, SetStockResponse, UpsertProductsRequest, UpsertProductsResponse,
};
use serendib_shop::{Product, ProductIx};
use tonic::{Request, Response, Status};

use crate::answer::new_id;
use crate::app::App;
use crate::clock::now_ms;
use crate::rpc::catalog::convert::{product_from_proto, product_to_proto};
use crate::rpc::counted;
use crate::rpc::fields::{at_most, id, ids, optional_id, Invalid};
use crate::rpc::status::store_status;
use crate::snapshot::views::View;
use crate::store::{
    Reservation, ReservationLine, ReservationState, StockLevel, StoreError, PACK_RESERVATION,
};

/// Products in one call at most.
const MAX_PRODUCTS: usize = 1_000;

#[derive(Debug, Clone)]
pub struct Catalog(pub Arc<App>);

#[tonic::async_trait]
impl CatalogService for Catalog {
    async fn get_products(
        &self,
        request: Request<GetProductsRequest>,
    ) -> Result<Response<GetProductsResponse>, Status> {
        let app = &self.0;
        counted(app, "GetProducts", async {
            Ok(get_products(&app.views.get(), request.get_ref())?)
        })
        .await
    }

    async fn upsert_products(
        &self,
        request: Request<UpsertProductsRequest>,
    ) -> Result<Response<UpsertProductsResponse>, Status> {
        let app = &self.0;
        counted(app, "UpsertProducts", upsert(app, request.get_ref())).await
    }

    async fn remove_products(
        &self,
        request: Request<RemoveProductsRequest>,
    ) -> Result<Response<RemoveProductsResponse>, Status> {
        let app = &self.0;
        counted(app, "RemoveProducts", remove(app, request.get_ref())).await
    }

    async fn set_stock(
        &self,
        request: Request<SetStockRequest>,
    ) -> Result<Response<SetStockResponse>, Status> {
        let app = &self.0;
        counted(app, "SetStock", set_stock(app, request.get_ref())).await
    }

    async fn reserve_stock(
        &self,
        request: Request<ReserveStockRequest>,
    ) -> Result<Response<ReserveStockResponse>, Status> {
        let app = &self.0;
        counted(app, "ReserveStock", reserve(app, request.get_ref())).await
    }

    async fn release_stock(
        &self,
        request: Request<ReleaseStockRequest>,
    ) -> Result<Response<ReleaseStockResponse>, Status> {
        let app = &self.0;
        counted(app, "ReleaseStock", release(app, request.get_ref())).await
    }
}

/// Rows in one changing call at most.
const MAX_ROWS: usize = 10_000;

fn refused(error: StoreError) -> Status {
    store_status(&error)
}

fn some(field: &str, found: usize, limit: usize) -> Result<(), Invalid> {
    if found == 0 {
        return Err(Invalid::new(field, "is empty, expected at least one entry"));
    }
    at_most(field, found, limit)
}

/// Lets the next request see what the store now says of these products.
async fn show(app: &App, product_ids: Vec<String>) -> Result<(), Status> {
    app.views
        .apply(product_ids, now_ms())
        .await
        .map_err(refused)
}

async fn upsert(
    app: &App,
    request: &UpsertProductsRequest,
) -> Result<UpsertProductsResponse, Status> {
    some("products", request.products.len(), MAX_ROWS)?;
    let mut seen = std::collections::HashSet::new();
    let mut products = Vec::with_capacity(request.products.len());
    for (ix, message) in request.products.iter().enumerate() {
        let product =
            product_from_proto(message).map_err(|e| e.under(format!("products[{ix}]")))?;
        if !seen.insert(product.product_id.clone()) {
            let field = format!("products[{ix}].product_id");
            return Err(Invalid::new(field, "appears twice in this request").into());
        }
        products.push(product);
    }
    let (catalogue_version, _) = app
        .store
        .upsert_products(products, now_ms().into())
        .await
        .map_err(refused)?;
    show(app, seen.into_iter().collect()).await?;
    Ok(UpsertProductsResponse {
        request_id: new_id(),
        model_id: app.model_id(),
        catalogue_version,
    })
}

async fn remove(
    app: &App,
    request: &RemoveProductsRequest,
) -> Result<RemoveProductsResponse, Status> {
    some("product_ids", request.product_ids.len(), MAX_ROWS)?;
    let product_ids = ids("product_ids", &request.product_ids, MAX_ROWS)?;
    let now = now_ms();
    // A product that only the model knows is known to the store from now on, as removed.
    app.keeping
        .adopt(&product_ids, now)
        .await
        .map_err(refused)?;
    let removed = app
        .store
        .remove_products(product_ids.clone(), now.into())
        .await
        .map_err(refused)?;
    show(app, product_ids).await?;
    Ok(RemoveProductsResponse {
        request_id: new_id(),
        model_id: app.model_id(),
        removed: removed as u64,
    })
}

async fn set_stock(app: &App, request: &SetStockRequest) -> Result<SetStockResponse, Status> {
    some("levels", request.levels.len(), MAX_ROWS)?;
    let now = now_ms();
    let mut levels = Vec::with_capacity(request.levels.len());
    for (ix, level) in request.levels.iter().enumerate() {
        let product_id = id(&format!("levels[{ix}].product_id"), &level.product_id)?;
        if let Some(stock) = level.stock.filter(|stock| *stock < 0) {
            let field = format!("levels[{ix}].stock");
            return Err(Invalid::new(field, format!("is {stock}, expected ≥ 0")).into());
        }
        levels.push(StockLevel {
            product_id,
            stock: level.stock,
        });
    }
    let changed: Vec<String> = levels.iter().map(|l| l.product_id.clone()).collect();
    app.keeping.adopt(&changed, now).await.map_err(refused)?;
    let (catalogue_version, _) = app
        .store
        .set_stock(levels, now.into())
        .await
        .map_err(refused)?;
    show(app, changed).await?;
    Ok(SetStockResponse {
        request_id: new_id(),
        model_id: app.model_id(),
        catalogue_version,
    })
}

/// How long a reservation holds where the request does not say, in seconds.
const DEFAULT_TTL_S: u32 = 900;
/// How long a reservation may hold, in seconds.
const MAX_TTL_S: u32 = 2_592_000;

/// Units that boxes hold are moved by what becomes of the boxes.
fn not_of_a_pack(reservation_id: &str) -> Result<(), Invalid> {
    if reservation_id.starts_with(PACK_RESERVATION) {
        let what = format!("begins with {PACK_RESERVATION:?}: it belongs to packed boxes");
        return Err(Invalid::new("reservation_id", what));
    }
    Ok(())
}

async fn reserve(app: &App, request: &ReserveStockRequest) -> Result<ReserveStockResponse, Status> {
    some("lines", request.lines.len(), 1_000)?;
    let reservation_id = optional_id("reservation_id", Some(&request.reservation_id))?;
    not_of_a_pack(&request.reservation_id)?;
    let ttl = match request.ttl_s {
        0 => DEFAULT_TTL_S,
        ttl if ttl <= MAX_TTL_S => ttl,
        ttl => {
            let what = format!("is {ttl}, expected at most {MAX_TTL_S}");
            return Err(Invalid::new("ttl_s", what).into());
        }
    };
    let mut lines: Vec<ReservationLine> = Vec::with_capacity(request.lines.len());
    for (ix, line) in request.lines.iter().enumerate() {
        let product_id = id(&format!("lines[{ix}].product_id"), &line.product_id)?;
        if line.quantity <= 0 {
            let field = format!("lines[{ix}].quantity");
            return Err(Invalid::new(field, format!("is {}, expected > 0", line.quantity)).into());
        }
        if lines.iter().any(|l| l.product_id == product_id) {
            let field = format!("lines[{ix}].product_id");
            return Err(Invalid::new(field, "appears twice in this request").into());
        }
        lines.push(ReservationLine {
            product_id,
            quantity: line.quantity,
        });
    }
    let changed: Vec<String> = lines.iter().map(|l| l.product_id.clone()).collect();
    let now = now_ms();
    app.keeping.adopt(&changed, now).await.map_err(refused)?;
    let reservation = Reservation {
        reservation_id: reservation_id.unwrap_or_default(),
        lines,
        expires_at: now + i64::from(ttl) * 1_000,
        state: ReservationState::Held,
    };
    let reservation = app.store.reserve(reservation, now).await.map_err(refused)?;
    show(app, changed).await?;
    Ok(ReserveStockResponse {
        request_id: new_id(),
        model_id: app.model_id(),
        reservation: Some(reservation_to_proto(reservation)),
    })
}

async fn release(app: &App, request: &ReleaseStockRequest) -> Result<ReleaseStockResponse, Status> {
    let reservation_id = id("reservation_id", &request.reservation_id)?;
    not_of_a_pack(&reservation_id)?;
    let now = now_ms();
    let reservation = if request.sold {
        app.store.take(reservation_id, now).await
    } else {
        app.store.release(reservation_id, now).await
    }
    .map_err(refused)?;
    let changed = reservation
        .lines
        .iter()
        .map(|l| l.product_id.clone())
        .collect();
    show(app, changed).await?;
    Ok(ReleaseStockResponse {
        request_id: new_id(),
        model_id: app.model_id(),
        reservation: Some(reservation_to_proto(reservation)),
    })
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
        stock: view.live.stock[ix as usize],
        ..product_to_proto(row)
    }
}

fn get_products(view: &View, request: &GetProductsRequest) -> Result<GetProductsResponse, Invalid> {
    let mut response = GetProductsResponse {
        request_id: new_id(),
        model_id: view.generation.id().to_owned(),
        ..GetProductsResponse::default()
    };
    let catalogue = &view.live.catalogue;
    let there = |ix: &ProductIx| !view.live.removed[*ix as usize];
    if !request.product_ids.is_empty() {
        for id in ids("product_ids", &request.product_ids, MAX_PRODUCTS)? {
            match catalogue.find(&id).filter(there) {
                Some(ix) => response.products.push(product_now(view, ix)),
                None => response.missing.push(id),
            }
        }
        return Ok(response);
    }
    let size = match request.page_size {
        0 => 100,
        size if size as usize <= MAX_PRODUCTS => size as usize,
        size => {
            return Err(Invalid::new(
                "page_size",
                format!("is {size}, expected at most {MAX_PRODUCTS}"),
            ))
        }
    };
    // The token is the last id of the page before: pages stay right while products come and go.
    let mut page: Vec<(&str, ProductIx)> = catalogue
        .products()
        .iter()
        .zip(0..)
        .map(|(product, ix)| (product.product_id.as_str(), ix))
        .filter(|(id, ix)| there(ix) && *id > request.page_token.as_str())
        .collect();
    let more = page.len() > size;
    if more {
        page.select_nth_unstable(size);
        page.truncate(size);
    }
    page.sort_unstable();
    if more {
        response.next_page_token = page
            .last()
            .map(|(id, _)| (*id).to_owned())
            .unwrap_or_default();
    }
    response.products = page
        .into_iter()
        .map(|(_, ix)| product_now(view, ix))
        .collect();
    Ok(response)
}
