//! `serendib ask`: a client for people.

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use serendib_proto::v1::box_service_client::BoxServiceClient;
use serendib_proto::v1::customer_service_client::CustomerServiceClient;
use serendib_proto::v1::recommendation_service_client::RecommendationServiceClient;
use serendib_proto::v1::{
    self, Filters, ListKind, ListRequest, RecommendRequest, RecommendResponse,
};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::service::Interceptor;
use tonic::transport::Channel;
use tonic::Request;

use super::{print, runtime};

/// Ask a running server and print its answer for people.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  serendib ask recommend ada\n  serendib ask recommend --viewed p-17 --kind similar"
)]
pub struct Ask {
    #[command(subcommand)]
    what: What,
    /// Address of the server
    #[arg(long, global = true, default_value = "http://127.0.0.1:7700")]
    addr: String,
    /// Key to show to the server; better in the environment, as SERENDIB_KEY, than on a command line that others can see
    #[arg(long, global = true, value_name = "KEY")]
    key: Option<String>,
    /// Print JSON for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Recommendations for a customer or an anonymous visitor
    #[command(after_help = "Example:\n  serendib ask recommend ada --kind for-you --count 10")]
    Recommend(Recommend),
    /// One surprise for a customer
    #[command(after_help = "Example:\n  serendib ask surprise ada --dial 0.8")]
    Surprise(Surprise),
    /// The 360° card of a customer
    #[command(after_help = "Example:\n  serendib ask customer ada --touchpoints 50")]
    Customer(Customer),
    /// How alive the contact with a customer is, and what it asks of the shop; without a customer, those who fit
    #[command(
        after_help = "Examples:\n  serendib ask engagement ada\n  serendib ask engagement --below-minimum --count 50"
    )]
    Engagement(Engagement),
    /// The subscription boxes of a customer as the packing bench sees them
    #[command(after_help = "Example:\n  serendib ask boxes ada")]
    Boxes(Boxes),
}

#[derive(Debug, Args)]
struct Boxes {
    /// Any of the customer's ids
    customer: String,
    /// Newest boxes to show
    #[arg(long, short = 'n', default_value_t = 3)]
    count: u32,
}

#[derive(Debug, Args)]
struct Engagement {
    /// Any of the customer's ids; none = a list of customers, in order of id
    customer: Option<String>,
    /// Only those with fewer touches since their last purchase than are wanted
    #[arg(long, conflicts_with = "customer")]
    below_minimum: bool,
    /// Only those with an index of at most this, 0 to 100
    #[arg(long, value_name = "INDEX", conflicts_with = "customer")]
    max_index: Option<f64>,
    /// Only those with a probability of a purchase within 30 days of at least this, 0 to 1
    #[arg(long, value_name = "SHARE", conflicts_with = "customer")]
    min_p_purchase_30d: Option<f64>,
    /// Only those to whom care forbids promotions
    #[arg(long, conflicts_with = "customer")]
    promotions_paused: bool,
    /// Customers at most, 1 to 1000
    #[arg(long, short = 'n', default_value_t = 20, conflicts_with = "customer")]
    count: u32,
    /// Go on after this id
    #[arg(long, value_name = "ID", conflicts_with = "customer")]
    after: Option<String>,
}

#[derive(Debug, Args)]
struct Surprise {
    /// Id of the customer
    customer: String,
    /// Number of items asked for
    #[arg(long, short = 'n', default_value_t = 1)]
    count: u32,
    /// 0 = what they will likely buy … 1 = what will delight them
    #[arg(long)]
    dial: Option<f64>,
    /// Language of the reason
    #[arg(long)]
    locale: Option<String>,
}

#[derive(Debug, Args)]
struct Customer {
    /// Any of the customer's ids
    customer: String,
    /// Newest touchpoints to show
    #[arg(long, default_value_t = 20)]
    touchpoints: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    ForYou,
    Similar,
    GoesWith,
    NextInLife,
    BuyAgain,
    NextBasket,
    Surprise,
    Popular,
}

impl From<Kind> for ListKind {
    fn from(kind: Kind) -> ListKind {
        match kind {
            Kind::ForYou => ListKind::ForYou,
            Kind::Similar => ListKind::Similar,
            Kind::GoesWith => ListKind::GoesWith,
            Kind::NextInLife => ListKind::NextInLife,
            Kind::BuyAgain => ListKind::BuyAgain,
            Kind::NextBasket => ListKind::NextBasket,
            Kind::Surprise => ListKind::Surprise,
            Kind::Popular => ListKind::Popular,
        }
    }
}

#[derive(Debug, Args)]
struct Recommend {
    /// Customer; none = an anonymous visitor
    customer: Option<String>,
    /// Kind of list; may be given several times
    #[arg(long, value_enum, default_values_t = [Kind::ForYou])]
    kind: Vec<Kind>,
    /// Items in each list
    #[arg(long, short = 'n', default_value_t = 10)]
    count: u32,
    /// Product whose page is open
    #[arg(long, value_name = "PRODUCT")]
    viewed: Option<String>,
    /// Products in the basket
    #[arg(long, value_name = "PRODUCT", value_delimiter = ',')]
    basket: Vec<String>,
    /// Products viewed in this visit, oldest first
    #[arg(long, value_name = "PRODUCT", value_delimiter = ',')]
    session: Vec<String>,
    /// Only these categories
    #[arg(long, value_name = "PATH")]
    category: Vec<String>,
    /// Leave out what the customer owns
    #[arg(long)]
    exclude_owned: bool,
    /// 0 = what they will likely buy … 1 = what will delight them
    #[arg(long)]
    dial: Option<f64>,
    /// Seed of everything sampled
    #[arg(long)]
    seed: Option<u64>,
    /// Language of the reasons
    #[arg(long)]
    locale: Option<String>,
}

impl Recommend {
    fn request(self) -> RecommendRequest {
        let filters = Filters {
            categories: self.category,
            exclude_owned: self.exclude_owned,
            ..Filters::default()
        };
        RecommendRequest {
            customer_id: self.customer.unwrap_or_default(),
            lists: self
                .kind
                .into_iter()
                .map(|kind| ListRequest {
                    kind: ListKind::from(kind).into(),
                    count: Some(self.count),
                    filters: Some(filters.clone()),
                    ..ListRequest::default()
                })
                .collect(),
            context: Some(v1::Context {
                session: self
                    .session
                    .into_iter()
                    .map(|product_id| v1::SessionTouch {
                        product_id,
                        ..v1::SessionTouch::default()
                    })
                    .collect(),
                basket: self.basket,
                viewed_product_id: self.viewed,
                locale: self.locale,
                ..v1::Context::default()
            }),
            dial: self.dial,
            seed: self.seed,
            ..RecommendRequest::default()
        }
    }
}

impl Ask {
    pub fn run(self) -> anyhow::Result<()> {
        runtime()?.block_on(async {
            let channel = connect(&self.addr, self.key.as_deref()).await?;
            match self.what {
                What::Recommend(recommend) => {
                    recommend_and_print(channel, recommend.request(), self.json).await?;
                }
                What::Surprise(surprise) => {
                    let request = RecommendRequest {
                        customer_id: surprise.customer,
                        lists: vec![ListRequest {
                            kind: ListKind::Surprise.into(),
                            count: Some(surprise.count),
                            ..ListRequest::default()
                        }],
                        dial: surprise.dial,
                        context: Some(v1::Context {
                            locale: surprise.locale,
                            ..v1::Context::default()
                        }),
                        ..RecommendRequest::default()
                    };
                    recommend_and_print(channel, request, self.json).await?;
                }
                What::Customer(customer) => {
                    let card = CustomerServiceClient::new(channel)
                        .get_customer(v1::GetCustomerRequest {
                            customer_id: customer.customer,
                            touchpoints: customer.touchpoints,
                            ..v1::GetCustomerRequest::default()
                        })
                        .await
                        .map_err(refused)?
                        .into_inner();
                    if self.json {
                        println!("{:#}", print::card_json(&card));
                    } else {
                        print!("{}", print::card(&card));
                    }
                }
                What::Engagement(asked) => engagement_and_print(channel, asked, self.json).await?,
                What::Boxes(boxes) => {
                    let found = BoxServiceClient::new(channel)
                        .get_boxes(v1::GetBoxesRequest {
                            customer_id: boxes.customer,
                            page_size: boxes.count,
                            ..v1::GetBoxesRequest::default()
                        })
                        .await
                        .map_err(refused)?
                        .into_inner();
                    if self.json {
                        println!("{:#}", print::boxes_json(&found.boxes));
                    } else {
                        print!("{}", print::boxes(&found.boxes));
                    }
                }
            }
            Ok(())
        })
    }
}

async fn recommend_and_print(
    channel: Server,
    request: RecommendRequest,
    json: bool,
) -> anyhow::Result<()> {
    let answer = RecommendationServiceClient::new(channel)
        .recommend(request)
        .await
        .map_err(refused)?
        .into_inner();
    if json {
        println!("{:#}", response_json(&answer));
    } else {
        print!("{}", print::response(&answer));
    }
    Ok(())
}

async fn engagement_and_print(
    channel: Server,
    asked: Engagement,
    json: bool,
) -> anyhow::Result<()> {
    let mut client = CustomerServiceClient::new(channel);
    let Some(customer_id) = asked.customer else {
        let request = v1::ListEngagementRequest {
            below_minimum: asked.below_minimum,
            max_index: asked.max_index,
            min_p_purchase_30d: asked.min_p_purchase_30d,
            promotions_paused: asked.promotions_paused.then_some(true),
            count: asked.count,
            after: asked.after.unwrap_or_default(),
        };
        let found = client.list_engagement(request).await.map_err(refused)?;
        let found = found.into_inner();
        if json {
            println!("{:#}", print::engagements_json(&found));
        } else {
            print!("{}", print::engagements(&found));
        }
        return Ok(());
    };
    let request = v1::GetEngagementRequest {
        customer_id: customer_id.clone(),
        at_ms: None,
    };
    let found = client.get_engagement(request).await.map_err(refused)?;
    let found = found.into_inner();
    if json {
        println!("{:#}", print::engagement_json(&customer_id, &found));
    } else {
        print!("{}", print::engagement(&customer_id, &found));
    }
    Ok(())
}

/// A connection to a server, over which every call shows the key.
pub type Server = InterceptedService<Channel, ShowKey>;

/// What puts the key into a call.
#[derive(Debug, Clone)]
pub struct ShowKey(Option<MetadataValue<Ascii>>);

impl Interceptor for ShowKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, tonic::Status> {
        if let Some(key) = &self.0 {
            request.metadata_mut().insert("authorization", key.clone());
        }
        Ok(request)
    }
}

/// A connection to the server at `addr`; `host:port` means `http://host:port`. Calls show `key`, else what SERENDIB_KEY says.
pub async fn connect(addr: &str, key: Option<&str>) -> anyhow::Result<Server> {
    let uri = if addr.contains("://") {
        addr.to_owned()
    } else {
        format!("http://{addr}")
    };
    let from_environment = std::env::var("SERENDIB_KEY").ok();
    let shown = match key.or(from_environment.as_deref()) {
        None => None,
        Some(key) => Some(
            format!("Bearer {key}")
                .parse()
                .context("the key has letters that no key has")?,
        ),
    };
    let channel = tonic::transport::Endpoint::from_shared(uri)
        .with_context(|| format!("{addr:?} is not an address"))?
        .connect()
        .await
        .with_context(|| format!("no server answers at {addr}"))?;
    Ok(InterceptedService::new(channel, ShowKey(shown)))
}

/// What a server that refuses says, for people.
pub fn refused(status: tonic::Status) -> anyhow::Error {
    anyhow::anyhow!(
        "the server refused ({}): {}",
        status.code(),
        status.message()
    )
}

/// An answer for programs.
pub fn response_json(answer: &RecommendResponse) -> serde_json::Value {
    let notes = print::notes_json;
    json!({
        "request_id": answer.request_id,
        "model_id": answer.model_id,
        "personal": answer.personal,
        "partial": answer.partial,
        "at_ms": answer.at_ms,
        "seed": answer.seed,
        "hand_over": answer.hand_over,
        "notes": notes(&answer.notes),
        "lists": answer.lists.iter().map(|list| json!({
            "kind": print::kind_word(list.kind).replace(' ', "-"),
            "notes": notes(&list.notes),
            "items": list.items.iter().map(|item| json!({
                "served_id": item.served_id,
                "product_id": item.product_id,
                "title": item.title,
                "rank": item.rank,
                "score": item.score,
                "relevance": item.relevance,
                "unexpectedness": item.unexpectedness,
                "novelty": item.novelty,
                "timeliness": item.timeliness,
                "delight": item.delight,
                "floor": item.floor,
                "propensity": item.propensity,
                "pinned": item.pinned,
                "reasons": item.reasons.iter().map(|r| json!({
                    "code": r.code,
                    "product_id": r.product_id,
                    "clock": r.clock,
                    "contribution": r.contribution,
                    "sentence": r.sentence,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}
