//! What one customer sees, asked for over gRPC like any client would.

use std::collections::HashMap;
use std::fmt::Write;

use serendib_proto::v1::box_service_client::BoxServiceClient;
use serendib_proto::v1::catalog_service_client::CatalogServiceClient;
use serendib_proto::v1::customer_service_client::CustomerServiceClient;
use serendib_proto::v1::pack_boxes_response::Piece;
use serendib_proto::v1::recommendation_service_client::RecommendationServiceClient;
use serendib_proto::v1::{
    BoxOrder, Context, GetCustomerRequest, GetProductsRequest, ListKind, ListRequest,
    PackBoxesRequest, PackedBox, RecommendRequest, Touchpoint,
};

use crate::cli::ask::{connect, refused, Server};
use crate::cli::{date, print};

/// Touchpoints of the history that are shown.
const HISTORY: u32 = 400;
/// Lines of the history that are printed.
const LINES: usize = 14;

/// The show of `customer`, as text.
pub(super) async fn show(
    addr: &str,
    customer: &str,
    locale: Option<String>,
) -> anyhow::Result<String> {
    let channel = connect(addr, None).await?;
    let card = CustomerServiceClient::new(channel.clone())
        .get_customer(GetCustomerRequest {
            customer_id: customer.to_owned(),
            touchpoints: HISTORY,
            ..GetCustomerRequest::default()
        })
        .await
        .map_err(refused)?
        .into_inner();
    let mut recent: Vec<&Touchpoint> = card.channels.iter().flat_map(|c| &c.recent).collect();
    recent.sort_by_key(|touch| std::cmp::Reverse(touch.at_ms));
    let bought: Vec<&Touchpoint> = recent
        .iter()
        .copied()
        .filter(|t| {
            matches!(
                t.kind.as_str(),
                "purchase" | "return" | "rating" | "complaint"
            )
        })
        .take(LINES)
        .collect();
    let titles = titles(
        channel.clone(),
        bought.iter().filter_map(|t| t.product_id.clone()).collect(),
    )
    .await?;

    let mut out = String::new();
    let _ = writeln!(
        out,
        "\ncustomer {customer}: {} touchpoints",
        card.touchpoints
    );
    for year in &card.years {
        let _ = writeln!(
            out,
            "  {}: {} orders, {:.2} spent, {:.2} given back",
            year.year, year.orders, year.value, year.returned
        );
    }
    if let Some(profile) = &card.customer {
        print::facts(&mut out, &profile.facts);
    }
    let _ = writeln!(out, "lately");
    for touch in bought {
        let title = touch
            .product_id
            .as_ref()
            .map_or("", |id| titles.get(id).map_or(id.as_str(), String::as_str));
        let date = touch.at_ms.map(date::date).unwrap_or_default();
        let _ = writeln!(out, "  {date}  {:<10} {title}", touch.kind);
    }

    // The lists are asked for at the end of the history: a shop's story may have ended long before today.
    let request_locale = locale.clone();
    let request = RecommendRequest {
        customer_id: customer.to_owned(),
        lists: [
            (ListKind::ForYou, 8),
            (ListKind::NextInLife, 5),
            (ListKind::BuyAgain, 5),
            (ListKind::GoesWith, 5),
            (ListKind::Surprise, 3),
        ]
        .into_iter()
        .map(|(kind, count)| ListRequest {
            kind: kind.into(),
            count: Some(count),
            ..ListRequest::default()
        })
        .collect(),
        context: Some(Context {
            at_ms: card.last_at_ms.map(|at| at + 1),
            placement: Some("demo".into()),
            locale,
            ..Context::default()
        }),
        seed: Some(1),
        ..RecommendRequest::default()
    };
    let parcel = packed_box(channel.clone(), customer, card.last_at_ms, request_locale).await?;
    let mut answer = RecommendationServiceClient::new(channel)
        .recommend(request)
        .await
        .map_err(refused)?
        .into_inner();
    // What this model cannot make is no part of the show.
    answer
        .lists
        .retain(|list| list.notes.iter().all(|note| note.code != "unsupported"));
    out.push_str(&print::response(&answer));
    if let Some(parcel) = parcel {
        let _ = writeln!(out, "next box");
        print::packed_box(&mut out, &parcel);
    }
    Ok(out)
}

/// The box that the customer would get next, from the shop's own stock; `None` where the shop tracks no stock.
async fn packed_box(
    channel: Server,
    customer: &str,
    last_at_ms: Option<i64>,
    locale: Option<String>,
) -> anyhow::Result<Option<PackedBox>> {
    let request = PackBoxesRequest {
        boxes: vec![BoxOrder {
            box_id: "demo".into(),
            customer_id: customer.to_owned(),
            ship_at_ms: last_at_ms.map(|at| at + 1),
            ..BoxOrder::default()
        }],
        seed: Some(1),
        dry_run: true,
        locale,
        ..PackBoxesRequest::default()
    };
    let mut pieces = BoxServiceClient::new(channel)
        .pack_boxes(request)
        .await
        .map_err(refused)?
        .into_inner();
    loop {
        match pieces.message().await {
            Ok(Some(message)) => {
                if let Some(Piece::Box(packed)) = message.piece {
                    return Ok(Some(packed));
                }
            }
            Ok(None) => return Ok(None),
            Err(status) if status.code() == tonic::Code::FailedPrecondition => return Ok(None),
            Err(status) => return Err(refused(status)),
        }
    }
}

async fn titles(
    channel: Server,
    product_ids: Vec<String>,
) -> anyhow::Result<HashMap<String, String>> {
    if product_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let products = CatalogServiceClient::new(channel)
        .get_products(GetProductsRequest {
            product_ids,
            ..GetProductsRequest::default()
        })
        .await
        .map_err(refused)?
        .into_inner()
        .products;
    Ok(products
        .into_iter()
        .filter_map(|p| Some((p.product_id, p.title?)))
        .collect())
}
