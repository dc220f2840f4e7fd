//! One customer's whole story as rows: touchpoints, ratings, tips, and the truth beside them.

use serde_json::json;
use serendib_shop::{Customer, Delight, Served, Touchpoint};

use super::anchor::{one_child, OneChild};
use super::calendar;
use super::household::{circle, Ledger, Life, Mark, World, BOX, NOTHING};
use super::oracle::{category_cuts, order_cuts, CategoryTruth, OrderTruth, Snapshots};
use super::people::Person;
use super::visit::Pace;

/// Everything that is written of one customer.
#[derive(Debug)]
pub struct Story {
    pub person: Person,
    /// Row of the customers table; `None` for a shopper without a card.
    pub customer: Option<Customer>,
    /// In order of time.
    pub touchpoints: Vec<Touchpoint>,
    /// In order of time.
    pub delights: Vec<Delight>,
    /// In order of time.
    pub served: Vec<Served>,
    /// What happened, for the truth.
    pub ledger: Ledger,
    /// Probabilities of orders.
    pub orders: Vec<OrderTruth>,
    /// Probabilities by category.
    pub categories: Vec<CategoryTruth>,
    /// True probability of delight of some products on the last day.
    pub wishes: Vec<(u32, f64)>,
    /// For the best possible posterior of a birth date.
    pub one_child: Option<OneChild>,
    /// Subscribes to the box at the end.
    pub boxed: bool,
    /// Stays away at the end.
    pub away: bool,
}

/// Id of a basket.
pub fn basket_id(person: &Person, basket: u32) -> String {
    let who = if person.id.is_empty() {
        format!("till-{}", person.index + 1)
    } else {
        person.id.clone()
    };
    if basket > BOX {
        format!("box-{who}-{}", basket - BOX)
    } else {
        format!("{who}-{basket}")
    }
}

/// Id of a request.
pub fn request_id(person: &Person, request: u32) -> String {
    format!("r-{}-{request}", person.id)
}

impl Story {
    /// Lets household `index` live from the first to the last day; `truth` adds what an oracle would say.
    pub fn tell(world: &World, index: u64, anonymous: bool, truth: bool) -> Story {
        let person = Person::new(world.seed, index, anonymous, world.start);
        let circle = circle(world, &person);
        let end = calendar::END;
        let mut life = Life::new(world, &person, &circle);
        let mut snapshots = Snapshots::default();
        let (orders, categories) = if truth && !anonymous {
            (
                order_cuts(world.start, end),
                category_cuts(world.start, end),
            )
        } else {
            (Vec::new(), Vec::new())
        };
        if person.registered >= world.start && !anonymous {
            let second = life.state.rng.int(9 * 3600, 21 * 3600) as i32;
            let mark = life.note("registration", "web", second);
            life.mark(mark);
            // one registers to buy something
            life.state.nudged = true;
            life.weekly();
        }
        while life.state.day < end {
            snapshots.take(&life, &orders, &categories);
            life.day(Pace::Free);
        }
        snapshots.take(&life, &orders, &categories);
        let (orders, categories) = snapshots.tell(&life, world.seed, end);
        let wishes = if truth && !anonymous && index.is_multiple_of(5) {
            wishes(&life)
        } else {
            Vec::new()
        };
        let one_child = (!anonymous).then(|| one_child(&life)).flatten();
        let (boxed, away) = (life.state.boxed, life.state.away);
        let ledger = life.ledger;
        let touchpoints = touchpoints(world, &person, &ledger, anonymous);
        let delights = delights(world, &person, &ledger);
        let served = served(world, &person, &ledger);
        Story {
            customer: (!anonymous).then(|| person.row(world.seed)),
            touchpoints,
            delights,
            served,
            orders,
            categories,
            wishes,
            one_child,
            boxed,
            away,
            ledger,
            person,
        }
    }
}

/// True probabilities of delight of twenty products, if they were shown at the end of the story.
fn wishes(life: &Life<'_>) -> Vec<(u32, f64)> {
    let mut copy = life.fork(super::number::Rng::new(&[
        life.world.seed,
        23,
        life.person.index,
    ]));
    let mut found: Vec<u32> = Vec::new();
    for i in 0..60 {
        let category = if i % 2 == 0 {
            copy.state.rng.among(copy.circle).copied()
        } else {
            Some(copy.state.rng.index(copy.world.room.specs.len()) as u16)
        };
        if let Some(product) = category.and_then(|c| copy.glance(c)) {
            if !found.contains(&product) && found.len() < 20 {
                found.push(product);
            }
        }
    }
    found.into_iter().map(|p| (p, copy.delight(p))).collect()
}

fn touchpoints(
    world: &World,
    person: &Person,
    ledger: &Ledger,
    anonymous: bool,
) -> Vec<Touchpoint> {
    let mut marks: Vec<&Mark> = ledger
        .marks
        .iter()
        .filter(|m| !anonymous || m.kind == "purchase")
        .collect();
    marks.sort_by_key(|m| m.at);
    marks
        .into_iter()
        .map(|m| {
            let text = |s: &'static str| (!s.is_empty()).then(|| s.to_string());
            Touchpoint {
                customer_id: person.id.clone(),
                kind: m.kind.to_string(),
                product_id: (m.product != NOTHING)
                    .then(|| world.room.products[m.product as usize].product_id.clone()),
                channel: text(m.channel),
                at: Some(m.at),
                quantity: f64::from(m.quantity),
                value: (m.value >= 0.0).then_some(m.value),
                basket_id: (m.basket > 0).then(|| basket_id(person, m.basket)),
                duration_s: (m.seconds >= 0.0).then_some(m.seconds),
                pages: (m.pages > 0).then_some(u32::from(m.pages)),
                campaign_id: (m.campaign > 0)
                    .then(|| world.campaigns[usize::from(m.campaign) - 1].id.clone()),
                rating: (m.stars > 0).then_some(f64::from(m.stars)),
                product_line: (m.line != u16::MAX).then(|| {
                    let path = &world.room.specs[usize::from(m.line)].path;
                    path.split('/').next().unwrap_or(path).to_string()
                }),
                request_id: (m.request > 0).then(|| request_id(person, m.request)),
                placement: text(m.placement),
                touchpoint_id: None,
                attributes: Default::default(),
            }
        })
        .collect()
}

fn delights(world: &World, person: &Person, ledger: &Ledger) -> Vec<Delight> {
    let mut said: Vec<_> = ledger.said.iter().collect();
    said.sort_by_key(|s| s.at);
    said.into_iter()
        .map(|s| {
            let answer = |i: usize| (s.answers[i] > 0).then(|| f64::from(s.answers[i]));
            Delight {
                customer_id: person.id.clone(),
                product_id: world.room.products[s.product as usize].product_id.clone(),
                at: s.at,
                request_id: (s.request > 0).then(|| request_id(person, s.request)),
                surprised: answer(0),
                inspired: answer(1),
                again: answer(2),
                expected: answer(3),
                actual: answer(4),
                relevant: answer(5),
                unexpected: answer(6),
                novel: answer(7),
                timely: answer(8),
            }
        })
        .collect()
}

fn served(world: &World, person: &Person, ledger: &Ledger) -> Vec<Served> {
    let id = |p: u32| &world.room.products[p as usize].product_id;
    ledger
        .tips
        .iter()
        .filter(|_| !person.id.is_empty())
        .map(|tip| {
            let (product, propensity, _) = tip.candidates[tip.drawn];
            let candidates: Vec<_> = tip
                .candidates
                .iter()
                .map(|(p, q, _)| json!({"product_id": id(*p), "propensity": q}))
                .collect();
            Served {
                request_id: request_id(person, tip.request),
                customer_id: Some(person.id.clone()),
                at: Some(tip.at),
                model: Some("house-rules-1".into()),
                list: Some("surprise".into()),
                rank: Some(1),
                product_id: Some(id(product).clone()),
                propensity: Some(propensity),
                candidates: Some(serde_json::Value::from(candidates).to_string()),
                arm: None,
            }
        })
        .collect()
}
