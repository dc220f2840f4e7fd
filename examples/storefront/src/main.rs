//! A storefront: records a view and a purchase, asks for the lists of a page, prints titles and reasons.
//!
//! `cargo run -p serendib-examples -- ADDRESS CUSTOMER PRODUCT`, for example
//! `… -- http://127.0.0.1:7700 c000001 p00001`.

use anyhow::{bail, Context as _};
use serendib_proto::v1::recommendation_service_client::RecommendationServiceClient;
use serendib_proto::v1::touchpoint_service_client::TouchpointServiceClient;
use serendib_proto::v1::{
    Context, ListKind, ListRequest, RecommendRequest, RecommendResponse, RecordRequest, Touchpoint,
};
use tonic::transport::Channel;

/// What a page shows, with its titles.
const PAGE: [(&str, ListKind); 4] = [
    ("For you", ListKind::ForYou),
    ("Goes with it", ListKind::GoesWith),
    ("Buy again", ListKind::BuyAgain),
    ("Stumble on", ListKind::Surprise),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, customer, product] = &words[..] else {
        bail!("expected ADDRESS CUSTOMER PRODUCT");
    };
    let channel = Channel::from_shared(address.clone())?
        .connect()
        .await
        .with_context(|| format!("no server answers at {address}"))?;

    let stored = record(&channel, customer, product).await?;
    println!("{stored} touchpoints recorded");
    let page = page(&channel, customer, product).await?;
    print(&page);
    // What was shown is recorded too: products that are shown in vain sink.
    let shown = shown(customer, &page);
    let recorded = TouchpointServiceClient::new(channel)
        .record(RecordRequest { touchpoints: shown })
        .await?;
    println!("{} impressions recorded", recorded.into_inner().stored);
    Ok(())
}

/// Records that the customer looked at the product and bought it. Returns how many touchpoints are stored now.
async fn record(channel: &Channel, customer: &str, product: &str) -> anyhow::Result<u64> {
    let touch = |kind: &str| Touchpoint {
        customer_id: customer.to_owned(),
        kind: kind.to_owned(),
        product_id: Some(product.to_owned()),
        channel: Some("web".to_owned()),
        ..Touchpoint::default()
    };
    let view = Touchpoint {
        duration_s: Some(40.0),
        ..touch("view")
    };
    let purchase = Touchpoint {
        quantity: Some(1.0),
        basket_id: Some(format!("{customer}-{product}")),
        // The recorder's own id: a request that is sent again after a lost answer counts once.
        touchpoint_id: Some(format!("{customer}-{product}-bought")),
        ..touch("purchase")
    };
    let answer = TouchpointServiceClient::new(channel.clone())
        .record(RecordRequest {
            touchpoints: vec![view, purchase],
        })
        .await?;
    Ok(answer.into_inner().stored)
}

/// Asks for all lists of the page at once: nothing appears in two of them.
async fn page(
    channel: &Channel,
    customer: &str,
    product: &str,
) -> anyhow::Result<RecommendResponse> {
    let lists = PAGE.map(|(_, kind)| ListRequest {
        kind: kind.into(),
        count: Some(3),
        ..ListRequest::default()
    });
    let request = RecommendRequest {
        customer_id: customer.to_owned(),
        lists: lists.into(),
        context: Some(Context {
            viewed_product_id: Some(product.to_owned()),
            placement: Some("product.below".to_owned()),
            ..Context::default()
        }),
        ..RecommendRequest::default()
    };
    let answer = RecommendationServiceClient::new(channel.clone())
        .recommend(request)
        .await?;
    Ok(answer.into_inner())
}

fn print(page: &RecommendResponse) {
    for ((title, _), list) in PAGE.iter().zip(&page.lists) {
        println!("\n{title}");
        for item in &list.items {
            let reason = item.reasons.first().map_or("", |r| r.sentence.as_str());
            println!("  {}: {reason}", item.title);
        }
        // A short or empty list says why.
        for note in &list.notes {
            println!("  ({})", note.text);
        }
    }
    println!();
}

/// An impression of every product of the page.
fn shown(customer: &str, page: &RecommendResponse) -> Vec<Touchpoint> {
    let items = page.lists.iter().flat_map(|list| &list.items);
    items
        .map(|item| Touchpoint {
            customer_id: customer.to_owned(),
            kind: "impression".to_owned(),
            product_id: Some(item.product_id.clone()),
            served_id: Some(item.served_id.clone()),
            ..Touchpoint::default()
        })
        .collect()
}
