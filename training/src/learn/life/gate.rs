//! How far life situations enter lists, chosen on later purchases of the shop: not at all among the candidates.

use std::collections::HashSet;

use rayon::prelude::*;
use serendib_engine::life::{InLists, Life};
use serendib_engine::rank::{recommend, ListKind, Request};
use serendib_shop::{acquisitions, had, CustomerIx, Log, ProductIx, DAY_MS};

use crate::learn::purchase::Early;
use crate::learn::strength::{decide, Candidate, Verdict};
use crate::learn::{Corpus, FitContext};
use crate::stats::ndcg::ndcg;

/// Days of later purchases that are looked at: life moves slowly, and what is new for it is seldom bought.
pub const DAYS: i64 = 90;
const FOR_YOU_NAME: &str = "life in for-you";
const NEXT_NAME: &str = "next in life";
/// Strengths in what is for a customer.
const FOR_YOU: [f32; 4] = [0.0, 0.25, 0.5, 1.0];
/// The one that holds where too little was bought later to tell.
const FOR_YOU_BEFORE: usize = 1;
/// How far what comes next goes by dates.
const NEXT: [f32; 3] = [0.0, 0.5, 1.0];
const NEXT_BEFORE: usize = 1;
/// Places down to which lists for a customer are judged, and what comes next in life.
const PLACES: (usize, usize) = (20, 5);
/// Share of the products found without life that must be found with it.
const KEPT: f64 = 0.995;
/// Lines asked for, of which owned ones are left out.
const ASKED: usize = 60;
/// A need that holders have so many times more than others is one of their life.
const OF_LIFE: f32 = 1.0;

/// What customers did.
struct Shop<'a> {
    log: &'a Log,
    corpus: &'a Corpus<'a>,
}

/// What holds of how far life enters lists before anything was bought later.
pub const BEFORE: InLists = InLists {
    for_you: FOR_YOU[FOR_YOU_BEFORE],
    next: NEXT[NEXT_BEFORE],
};

/// What is said where too little was bought later to ask it of: that [`BEFORE`] holds, if there is a `life`.
pub fn undecided(life: Option<&Life>, seed: u64) -> Vec<Verdict> {
    if life.is_none() {
        return Vec::new();
    }
    vec![
        decide(
            FOR_YOU_NAME,
            &for_you_candidates(),
            &[],
            &[],
            FOR_YOU_BEFORE,
            seed,
        ),
        decide(NEXT_NAME, &next_candidates(), &[], &[], NEXT_BEFORE, seed),
    ]
}

fn for_you_candidates() -> Vec<Candidate> {
    FOR_YOU
        .into_iter()
        .map(|strength| {
            let name = if strength > 0.0 {
                format!("{strength}")
            } else {
                "off".to_owned()
            };
            Candidate::new(name, f64::from(strength))
        })
        .collect()
}

fn next_candidates() -> Vec<Candidate> {
    let names = ["bought most for such a life", "half by dates", "by dates"];
    let pairs = names.into_iter().zip(NEXT);
    pairs
        .map(|(name, strength)| Candidate::new(name, f64::from(strength)))
        .collect()
}

/// Chooses on what was bought after `early`, and sets the life of `early` to what was chosen; without life nothing is.
pub fn choose(context: &FitContext, early: &mut Early) -> Vec<Verdict> {
    if early.model.life.is_none() {
        return Vec::new();
    }
    let FitContext {
        log, corpus, seed, ..
    } = *context;
    let shop = Shop { log, corpus };
    let for_you = for_you(&shop, early, seed);
    set(early, |lists| lists.for_you = for_you.strength as f32);
    let next = next(&shop, early, seed);
    set(early, |lists| {
        lists.next = NEXT[next.chosen.min(NEXT.len() - 1)]
    });
    vec![for_you, next]
}

fn set(early: &mut Early, change: impl Fn(&mut InLists)) {
    if let Some(life) = &mut early.model.life {
        change(&mut life.model.in_lists);
    }
}

/// The best of `kind` for customer number `customer`, as they were at the cut.
fn listed(shop: &Shop, early: &Early, kind: ListKind, customer: CustomerIx) -> Vec<ProductIx> {
    let whole = &shop.corpus.histories[customer.index()];
    let (past, _) = early.split(whole);
    let state = crate::learn::state(shop.log, customer, past);
    let request = Request::one(kind, ASKED, early.cut);
    let answer = recommend(&early.model, &early.live, state, &request, &|| false);
    let lists = answer.map_or_else(|_| Vec::new(), |answer| answer.lists);
    let items = lists.into_iter().flat_map(|list| list.items);
    items.map(|item| item.product).collect()
}

/// What customer number `customer` acquired after the cut that they had not before: in the earlier half, and in the later.
fn later(shop: &Shop, early: &Early, customer: CustomerIx) -> [Vec<ProductIx>; 2] {
    let whole = &shop.corpus.histories[customer.index()];
    let (past, later) = early.split(whole);
    let owned: HashSet<ProductIx> = had(past).collect();
    let middle = early.cut + early.horizon_days * DAY_MS / 2;
    let mut out = [Vec::new(), Vec::new()];
    let mut seen = HashSet::new();
    for touch in acquisitions(later).filter(|t| !owned.contains(&t.product)) {
        if seen.insert(touch.product) {
            out[usize::from(touch.at >= middle)].push(touch.product);
        }
    }
    out
}

fn for_you(shop: &Shop, early: &mut Early, seed: u64) -> Verdict {
    let wanted: Vec<[Vec<ProductIx>; 2]> = early
        .customers
        .par_iter()
        .map(|customer| later(shop, early, *customer))
        .collect();
    let mut slices = [
        vec![Vec::new(); FOR_YOU.len()],
        vec![Vec::new(); FOR_YOU.len()],
    ];
    for (number, strength) in FOR_YOU.into_iter().enumerate() {
        set(early, |lists| lists.for_you = strength);
        let early = &*early;
        let values: Vec<[Option<Found>; 2]> = early
            .customers
            .par_iter()
            .zip(&wanted)
            .map(|(customer, wanted)| {
                if wanted.iter().all(Vec::is_empty) {
                    return [None, None];
                }
                let whole = &shop.corpus.histories[customer.index()];
                let owned: HashSet<ProductIx> = had(early.split(whole).0).collect();
                let list = listed(shop, early, ListKind::ForYou, *customer);
                let new: Vec<ProductIx> = list.into_iter().filter(|p| !owned.contains(p)).collect();
                [0, 1].map(|half| Found::of(early, &owned, &new, &wanted[half]))
            })
            .collect();
        for half in [0, 1] {
            slices[half][number] = values.iter().filter_map(|value| value[half]).collect();
        }
    }
    let candidates = for_you_candidates();
    let [first, second] = slices.map(judged);
    decide(
        FOR_YOU_NAME,
        &candidates,
        &first,
        &second,
        FOR_YOU_BEFORE,
        seed,
    )
}

/// What one list found of what was bought later.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// NDCG of the new products.
    products: f64,
    /// NDCG of the new kinds, in the order in which products bring them in.
    kinds: f64,
}

impl Found {
    /// Of the `new` products of a list for who `owned` others; `None` where nothing was `wanted`.
    fn of(
        early: &Early,
        owned: &HashSet<ProductIx>,
        new: &[ProductIx],
        wanted: &[ProductIx],
    ) -> Option<Found> {
        if wanted.is_empty() {
            return None;
        }
        let catalogue = &early.model.catalogue;
        let kind_of = |product: &ProductIx| {
            let known = product.index() < catalogue.len();
            let row = known.then(|| catalogue.product(*product));
            row.and_then(|row| row.category.as_deref())
        };
        let kinds: HashSet<&str> = owned.iter().filter_map(kind_of).collect();
        let is_new = |kind: &&str| !kinds.contains(kind);
        let wanted_kinds: HashSet<&str> =
            wanted.iter().filter_map(kind_of).filter(is_new).collect();
        let mut listed: Vec<&str> = Vec::new();
        for kind in new.iter().filter_map(kind_of).filter(is_new) {
            if !listed.contains(&kind) {
                listed.push(kind);
            }
        }
        let hits = |is_hit: Vec<bool>| is_hit.into_iter().enumerate().filter(|(_, hit)| *hit);
        let products = hits(new.iter().map(|p| wanted.contains(p)).collect());
        let kinds = hits(listed.iter().map(|k| wanted_kinds.contains(k)).collect());
        Some(Found {
            products: ndcg(products.map(|(place, _)| place), wanted.len(), PLACES.0),
            kinds: ndcg(kinds.map(|(place, _)| place), wanted_kinds.len(), PLACES.0),
        })
    }
}

/// The value of each list: products and kinds alike; nothing for a strength that finds kinds at the expense of products.
fn judged(found: Vec<Vec<Found>>) -> Vec<Vec<f64>> {
    let products = |row: &[Found]| row.iter().map(|found| found.products).sum::<f64>();
    let without = found.first().map_or(0.0, |row| products(row));
    let value = |row: &Vec<Found>| -> Vec<f64> {
        let is_dear = products(row) < KEPT * without;
        row.iter()
            .map(|found| match is_dear {
                true => -1.0,
                false => 0.5 * (found.products + found.kinds),
            })
            .collect()
    };
    found.iter().map(value).collect()
}

fn next(shop: &Shop, early: &mut Early, seed: u64) -> Verdict {
    let catalogue = std::sync::Arc::clone(&early.model.catalogue);
    let kind_of = |product: ProductIx| {
        let known = product.index() < catalogue.len();
        let row = known.then(|| catalogue.product(product));
        row.and_then(|row| row.category.as_deref())
    };
    // The first new kind of thing for a life that was bought in each half.
    let wanted: Vec<[Option<&str>; 2]> = early
        .customers
        .par_iter()
        .map(|customer| {
            let Some(life) = &early.model.life else {
                return [None, None];
            };
            let whole = &shop.corpus.histories[customer.index()];
            let kinds: HashSet<&str> = had(early.split(whole).0).filter_map(kind_of).collect();
            let of_life = |product: &ProductIx| {
                let profile = life.products.of(*product);
                let clocks = life.model.clocks.iter();
                let mut tables = clocks.filter_map(|clock| clock.table(profile));
                tables.any(|table| table.peak >= OF_LIFE)
            };
            later(shop, early, *customer).map(|half| {
                let mut found = half.into_iter().filter(of_life).filter_map(kind_of);
                found.find(|kind| !kinds.contains(kind))
            })
        })
        .collect();
    let mut slices = [vec![Vec::new(); NEXT.len()], vec![Vec::new(); NEXT.len()]];
    for (number, strength) in NEXT.into_iter().enumerate() {
        set(early, |lists| lists.next = strength);
        let early = &*early;
        let values: Vec<[Option<f64>; 2]> = early
            .customers
            .par_iter()
            .zip(&wanted)
            .map(|(customer, wanted)| {
                if wanted.iter().all(Option::is_none) {
                    return [None, None];
                }
                let list = listed(shop, early, ListKind::NextInLife, *customer);
                let best: Vec<&str> = list
                    .into_iter()
                    .take(PLACES.1)
                    .filter_map(kind_of)
                    .collect();
                wanted.map(|kind| kind.map(|kind| f64::from(u8::from(best.contains(&kind)))))
            })
            .collect();
        for half in [0, 1] {
            slices[half][number] = values.iter().filter_map(|value| value[half]).collect();
        }
    }
    let [first, second] = slices;
    let candidates = next_candidates();
    decide(NEXT_NAME, &candidates, &first, &second, NEXT_BEFORE, seed)
}
