//! What must be true of any model before it may answer.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serendib_engine::index::top_of;
use serendib_engine::model::Model;
use serendib_engine::rank::{recommend, Context, CustomerState, ListKind, Live, Request};
use serendib_shop::{CustomerIx, Log, ProductIx};

use super::gate::Check;

/// Customers whose lists are looked at.
const CUSTOMERS: usize = 1_000;
/// Length of the lists by which a product counts as reachable.
const REACH: usize = 100;

/// A question with a known answer, as in `golden.json` of the models directory or the shop's data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// For whom; absent = nobody in particular.
    #[serde(default)]
    pub customer_id: Option<String>,
    /// The product on the page.
    #[serde(default)]
    pub product_id: Option<String>,
    /// Kind of list, as in `recommend --kind`.
    pub kind: String,
    /// Any of these must be in the list.
    pub expect: Vec<String>,
    /// Length of the list; 20.
    #[serde(default = "twenty")]
    pub within: usize,
}

fn twenty() -> usize {
    20
}

/// Smallest shares that pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SanityOptions {
    /// Of the products that anybody ever acquired, the share that some customer is shown within 100; .05.
    pub least_reachable: f64,
    /// Of the exact first 20, the share that the index finds; .98.
    pub least_recall: f64,
    /// Largest share of lists whose first ten scores are all equal; .5.
    pub most_flat: f64,
}

impl Default for SanityOptions {
    fn default() -> Self {
        SanityOptions {
            least_reachable: 0.05,
            least_recall: 0.98,
            most_flat: 0.5,
        }
    }
}

struct Seen {
    finite: bool,
    flat: bool,
    first: Vec<ProductIx>,
    /// Of the exact first 20, how many the index found, and how many there are.
    found: (usize, usize),
}

/// Looks at the lists of up to 1,000 customers and at the golden questions.
pub fn check(model: &Model, log: &Log, golden: &[Golden], options: &SanityOptions) -> Vec<Check> {
    let representation = &model.representation;
    let now = log.span.map_or(i64::MAX, |span| span.1 + 1);
    let known: Vec<CustomerIx> = CustomerIx::all(log.len())
        .filter(|customer| !log.histories.of(*customer).is_empty())
        .collect();
    let step = (known.len() / CUSTOMERS).max(1);
    let sample: Vec<CustomerIx> = known.into_iter().step_by(step).collect();
    let seen: Vec<Seen> = sample
        .par_iter()
        .map_init(
            || vec![0f32; representation.len()],
            |scores, customer| {
                let folded = representation.fold_in(log.histories.of(*customer), now);
                representation.scores(&folded, scores);
                let exact = top_of(scores, REACH, &|_| true);
                let index = representation.candidates(&folded, 20, &|_| true);
                let twenty = &exact[..exact.len().min(20)];
                let inside = |p: &ProductIx| index.iter().any(|(q, _)| q == p);
                let ten = &exact[..exact.len().min(10)];
                Seen {
                    finite: scores.iter().all(|s| s.is_finite()),
                    flat: ten.len() > 1 && ten.iter().all(|(_, s)| *s == ten[0].1),
                    found: (
                        twenty.iter().filter(|(p, _)| inside(p)).count(),
                        twenty.len(),
                    ),
                    first: exact.into_iter().map(|(p, _)| p).collect(),
                }
            },
        )
        .collect();
    let n = seen.len();
    let broken = seen.iter().filter(|s| !s.finite).count();
    let flat = seen.iter().filter(|s| s.flat).count();
    let mut reached = vec![false; representation.len()];
    for product in seen.iter().flat_map(|s| &s.first) {
        reached[product.index()] = true;
    }
    let acquired = representation.popularity().iter().filter(|b| **b > 0.0);
    // a list reaches 100 products: a small sample of customers cannot reach a large catalogue
    let possible = acquired.count().min(n * REACH).max(1);
    let reachable = reached.iter().filter(|r| **r).count().min(possible);
    let share = reachable as f64 / possible as f64;
    let (found, all) = seen
        .iter()
        .fold((0, 0), |(f, a), s| (f + s.found.0, a + s.found.1));
    let recall = found as f64 / all.max(1) as f64;
    let mut checks = vec![
        Check::new(
            "scores are finite",
            broken == 0,
            format!("{broken} of {n} customers with a score that is not"),
        ),
        Check::new(
            "scores tell products apart",
            flat as f64 <= options.most_flat * n as f64,
            format!("{flat} of {n} lists begin with ten equal scores"),
        ),
        Check::new(
            "products can be reached",
            n == 0 || share >= options.least_reachable,
            format!("{reachable} of {possible} products are within 100 of one of {n} customers"),
        ),
        Check::new(
            "the index finds what is best",
            n == 0 || recall >= options.least_recall,
            format!("recall@20 {recall:.4} against the exact scan"),
        ),
    ];
    checks.extend(golden.iter().map(|golden| ask(model, log, golden, now)));
    checks
}

fn ask(model: &Model, log: &Log, golden: &Golden, now: i64) -> Check {
    let about = golden
        .customer_id
        .as_deref()
        .or(golden.product_id.as_deref());
    let name = format!("golden: {} for {}", golden.kind, about.unwrap_or("anybody"));
    let Some(kind) = ListKind::parse(&golden.kind) else {
        return Check::new(name, false, "there is no such kind of list");
    };
    let find = |id: &str| model.catalogue.find(id);
    let customer = match &golden.customer_id {
        None => None,
        Some(id) => match log.customer(id) {
            Some(number) => Some(number),
            None => return Check::new(name, false, "nobody of that id is known"),
        },
    };
    let profile = customer.and_then(|c| log.profiles.get(c.index())?.as_ref());
    let state = CustomerState {
        history: customer.map_or(&[], |c| log.histories.of(c)),
        facts: profile.map_or(&[], |p| &p.facts),
        ..CustomerState::NOBODY
    };
    let mut request = Request::one(kind, golden.within.clamp(1, 1_000), now);
    request.context = Context {
        viewed: golden.product_id.as_deref().and_then(find),
        ..Context::default()
    };
    let live = Live::of_catalogue(model.catalogue.clone());
    let items = match recommend(model, &live, state, &request, &|| false) {
        Ok(answer) => answer.lists.into_iter().flat_map(|l| l.items).collect(),
        Err(error) => return Check::new(name, false, error.to_string()),
    };
    let items: Vec<serendib_engine::rank::Item> = items;
    let hit = items.iter().position(|item| {
        let id = &model.catalogue.product(item.product).product_id;
        golden.expect.contains(id)
    });
    match hit {
        Some(rank) => Check::new(name, true, format!("at rank {}", rank + 1)),
        None => {
            let wanted = golden.expect.join(", ");
            let detail = format!("none of {wanted} among the first {}", golden.within);
            Check::new(name, false, detail)
        }
    }
}
