//! Fits the complement graph: directed edges between products, and between categories where products are too rare.

use std::collections::HashMap;

use rayon::prelude::*;
use serendib_engine::complement::{
    keep_largest, BasketLog, Complements, Completion, Edge, Lag, Parts, SparseRows, Variants,
    NOBODY,
};
use serendib_shop::{Catalogue, CustomerIx, ProductIx, DAY_MS};

use super::claims::claimed;
use super::companions::{companions, CompanionOptions};
use super::direction::FirstPurchases;
use super::follow::{self, Counted, FollowSettings, Graph};
use super::significance::{
    shrunk_conditional, shrunk_lift, significant_pairs, Pair, SignificanceOptions,
};
use super::substitutes::{
    candidates, context_cosine, contexts, substitution, switched, Context, Evidence,
};
use super::variants;

/// How the graph is made.
#[derive(Debug, Clone, Copy)]
pub struct ComplementOptions {
    /// Which pairs count.
    pub significance: SignificanceOptions,
    /// Purchases of one customer within so many days count as made together in the second look; 45.
    pub window_days: i64,
    /// Baskets by which lift, share and conditional are shrunk; 10.
    pub kappa: f64,
    /// False-discovery rate of claimed directions; .01.
    pub direction_q: f64,
    /// Edges kept per product; 100.
    pub width: usize,
    /// From this substitution on, two products are never complements; .35.
    pub substitute_from: f32,
    /// How complements are ordered.
    pub companions: CompanionOptions,
    /// How what follows a product is counted where its page shows that; absent = it shows what shares baskets.
    pub follow: Option<FollowSettings>,
}

impl Default for ComplementOptions {
    fn default() -> Self {
        ComplementOptions {
            significance: SignificanceOptions::default(),
            window_days: 45,
            kappa: 10.0,
            direction_q: 0.01,
            width: 100,
            substitute_from: 0.35,
            companions: CompanionOptions::default(),
            follow: None,
        }
    }
}

/// What is known of products beside their baskets.
#[derive(Debug, Clone, Copy)]
pub struct Hints<'a> {
    /// What was viewed in one visit, where views are recorded.
    pub views: Option<&'a BasketLog>,
    /// The category or cluster of each product.
    pub topics: &'a [u32],
    /// How alike the titles of products are, 0…1.
    pub like: &'a SparseRows,
}

/// Companions of each product that are looked at, and those that are kept beside its edges.
const COMPANIONS: usize = 300;

const UNPROVEN: usize = 50;

/// From this share of buyers who buy it again a product is used up, where the shop does not say.
const USED_UP: f64 = 0.3;

/// A pair of either look, with the counts it was found by.
struct Found {
    pair: Pair,
    baskets_a: f64,
    baskets_b: f64,
    total: f64,
    /// How the look's shares compare with those of baskets.
    weight: f64,
}

/// A share of baskets within a window of days counts so much of one within a basket: it holds everything that the customer
/// bought about then.
const WINDOW_WEIGHT: f64 = 0.5;

/// The graph with what it was made of.
struct Built {
    complements: Complements,
    edges: Vec<Vec<Edge>>,
    beside: SparseRows,
    used_up: Vec<bool>,
}

impl Built {
    fn graph(&self) -> Graph<'_> {
        Graph {
            edges: &self.edges,
            beside: &self.beside,
            used_up: &self.used_up,
        }
    }
}

/// Learns the graph from `log` and what else is known of products.
///
/// `timed` = false (a shop without times) looks at baskets only, and claims no direction.
pub fn fit(
    catalogue: &Catalogue,
    log: &BasketLog,
    hints: &Hints,
    completion: Completion,
    timed: bool,
    options: &ComplementOptions,
) -> Complements {
    let built = build(catalogue, log, hints, completion, timed, options);
    let Some(settings) = options.follow.filter(|_| timed) else {
        return built.complements;
    };
    let Some(counted) = Counted::new(catalogue, log, hints.topics) else {
        return built.complements;
    };
    let learned = counted.learned(&settings);
    follow::with_follows(
        &built.complements,
        &counted,
        &learned,
        &settings,
        &built.graph(),
    )
}

/// The graph of a shop with times as it is, then with what follows a product by each of `forms`.
pub(super) fn forms(
    catalogue: &Catalogue,
    log: &BasketLog,
    hints: &Hints,
    options: &ComplementOptions,
    forms: &[FollowSettings],
) -> Vec<Complements> {
    let built = build(catalogue, log, hints, Completion::default(), true, options);
    let mut out = vec![built.complements.clone()];
    let Some(counted) = Counted::new(catalogue, log, hints.topics) else {
        out.resize(1 + forms.len(), built.complements);
        return out;
    };
    let mut known = HashMap::new();
    for settings in forms {
        let learned = known
            .entry((settings.days, settings.doubt.to_bits()))
            .or_insert_with(|| counted.learned(settings));
        let (graph, plain) = (built.graph(), &built.complements);
        out.push(follow::with_follows(
            plain, &counted, learned, settings, &graph,
        ));
    }
    out
}

fn build(
    catalogue: &Catalogue,
    log: &BasketLog,
    hints: &Hints,
    completion: Completion,
    timed: bool,
    options: &ComplementOptions,
) -> Built {
    let Hints {
        views,
        topics,
        like,
    } = *hints;
    let products = catalogue.len();
    let beside = companions(log, like, &options.companions, COMPANIONS);
    let variants = variants::learn(catalogue);
    let found = find_pairs(log, timed, options);
    let pairs: Vec<Pair> = found.iter().map(|f| f.pair).collect();
    let contexts = contexts(products, &pairs);
    let first = FirstPurchases::new(log);
    let substitutes = find_substitutes(catalogue, log, views, &contexts, &pairs, &variants);
    let directions = if timed {
        claimed(catalogue, log, &first, &pairs, options.direction_q)
    } else {
        vec![None; pairs.len()]
    };
    let repeats = repeat_rates(log);
    let mut rows: Vec<Vec<Edge>> = vec![Vec::new(); products];
    for (ix, found) in found.iter().enumerate() {
        let pair = found.pair;
        let sub = substitutes
            .get(pair.a, pair.b)
            .max(substitutes.get(pair.b, pair.a));
        if variants.same(pair.a, pair.b) || sub >= options.substitute_from {
            continue;
        }
        let days: Vec<i32> = if timed {
            first.both(pair.a, pair.b).map(|(_, a, b)| b - a).collect()
        } else {
            vec![0]
        };
        for forward in [true, false] {
            let (from, to) = if forward {
                (pair.a, pair.b)
            } else {
                (pair.b, pair.a)
            };
            // one durable thing of a kind is enough
            if same_leaf(catalogue, from, to) && catalogue.product(from).durable == Some(true) {
                continue;
            }
            let (f_from, f_to) = if forward {
                (found.baskets_a, found.baskets_b)
            } else {
                (found.baskets_b, found.baskets_a)
            };
            let direction =
                directions[ix].map_or(0.5, |excess| if forward { excess } else { 1.0 - excess });
            let shared = f64::from(pair.shared);
            let lift = shrunk_lift(shared, pair.expected, options.kappa);
            let conditional = shrunk_conditional(shared, f_from, f_to / found.total, options.kappa);
            let anchor = anchor_factor(catalogue, &repeats, from, to);
            let keep = 1.0 - f64::from(sub);
            // What meets within days only is no companion in baskets, but scored in the same units.
            let within_days = conditional * lift.powf(options.companions.lift) * found.weight;
            let strength = match beside.get(from, to) {
                in_baskets if in_baskets > 0.0 && found.weight == 1.0 => f64::from(in_baskets),
                in_baskets => within_days.max(f64::from(in_baskets)),
            };
            let score = strength * (2.0 * direction).powi(2) * anchor * keep * keep;
            if score > 0.0 && score.is_finite() {
                let sign = if forward { 1 } else { -1 };
                rows[from.index()].push(Edge {
                    product: to,
                    score: score as f32,
                    lift: lift as f32,
                    conditional: conditional as f32,
                    direction: direction as f32,
                    lag: Lag::of(days.iter().map(|d| sign * d)),
                });
            }
        }
    }
    for row in &mut rows {
        row.sort_by(|x, y| y.score.total_cmp(&x.score).then(x.product.cmp(&y.product)));
        row.truncate(options.width);
    }
    let unproven = unproven(catalogue, &beside, &rows);
    let (topic_edges, topic_best) = topic_graph(log, topics, options);
    let complements = Complements::new(Parts {
        variants,
        edges: rows.clone(),
        substitutes,
        companions: unproven,
        completion,
        topics: topics.to_vec(),
        topic_edges,
        topic_best,
        substitute_from: options.substitute_from,
    });
    Built {
        complements,
        edges: rows,
        beside,
        used_up: used_up(catalogue, &repeats),
    }
}

/// Whether each product is used up: as the shop says, else where many buy it again.
fn used_up(catalogue: &Catalogue, repeats: &[f64]) -> Vec<bool> {
    let durable = |ix: usize| catalogue.product(ProductIx::of_index(ix)).durable;
    let again = repeats.iter().enumerate();
    again
        .map(|(ix, again)| durable(ix).map_or(*again >= USED_UP, |durable| !durable))
        .collect()
}

/// Whether the shop puts both products into one leaf category.
fn same_leaf(catalogue: &Catalogue, a: ProductIx, b: ProductIx) -> bool {
    catalogue.leaf(a).is_some() && catalogue.leaf(a) == catalogue.leaf(b)
}

/// What of `beside` is no edge of its product and not of its leaf category, the [`UNPROVEN`] largest of each: what is of one
/// category mostly takes each other's place, unless baskets prove that it does not.
fn unproven(catalogue: &Catalogue, beside: &SparseRows, edges: &[Vec<Edge>]) -> SparseRows {
    SparseRows::from_rows(edges.iter().enumerate().map(|(product, edges)| {
        let is_edge = |other: ProductIx| edges.iter().any(|edge| edge.product == other);
        let row = beside.iter(ProductIx::of_index(product));
        let own = |other: ProductIx| same_leaf(catalogue, ProductIx::of_index(product), other);
        let mut row: Vec<(ProductIx, f32)> = row
            .filter(|(other, _)| !is_edge(*other) && !own(*other))
            .collect();
        keep_largest(&mut row, UNPROVEN);
        row
    }))
}

/// Pairs attracted in baskets, and those attracted within windows of days only; of a pair in both windows, the look with the
/// stronger edge.
fn find_pairs(log: &BasketLog, timed: bool, options: &ComplementOptions) -> Vec<Found> {
    let mut best: HashMap<(ProductIx, ProductIx), (f64, Found)> = HashMap::new();
    let mut look = |log: &BasketLog, weight: f64| {
        let frequencies = log.frequencies();
        let total = log.len() as f64;
        for pair in significant_pairs(log, &options.significance) {
            let found = Found {
                pair,
                baskets_a: f64::from(frequencies[pair.a.index()]),
                baskets_b: f64::from(frequencies[pair.b.index()]),
                total,
                weight,
            };
            let strength = shrunk_lift(f64::from(pair.shared), pair.expected, options.kappa).ln()
                * f64::from(pair.shared)
                / found.baskets_a.min(found.baskets_b);
            match best.entry((pair.a, pair.b)) {
                std::collections::hash_map::Entry::Occupied(mut slot) => {
                    let before = slot.get();
                    if before.1.weight == weight && strength > before.0 {
                        slot.insert((strength, found));
                    }
                }
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert((strength, found));
                }
            }
        }
    };
    look(log, 1.0);
    if timed {
        look(&log.windows(options.window_days, 0), WINDOW_WEIGHT);
        look(&log.windows(options.window_days, 1), WINDOW_WEIGHT);
    }
    let mut found: Vec<Found> = best.into_values().map(|(_, found)| found).collect();
    found.sort_by_key(|f| (f.pair.a, f.pair.b));
    found
}

/// Share of each product's known buyers who bought it again, shrunk to .25 by four buyers.
fn repeat_rates(log: &BasketLog) -> Vec<f64> {
    let mut buys: Vec<HashMap<CustomerIx, u32>> = vec![HashMap::new(); log.products()];
    for ix in 0..log.len() {
        if log.customer(ix) != NOBODY {
            for product in log.items(ix) {
                *buys[product.index()].entry(log.customer(ix)).or_default() += 1;
            }
        }
    }
    buys.iter()
        .map(|row| {
            let again = row.values().filter(|times| **times >= 2).count() as f64;
            (again + 1.0) / (row.len() as f64 + 4.0)
        })
        .collect()
}

/// 1, or little where `to` is the durable thing that `from` is bought for: who buys ink has the printer.
fn anchor_factor(catalogue: &Catalogue, repeats: &[f64], from: ProductIx, to: ProductIx) -> f64 {
    let durable = |p: ProductIx| catalogue.product(p).durable;
    let declared = durable(to) == Some(true) && durable(from) == Some(false);
    let observed = durable(to).is_none()
        && durable(from).is_none()
        && repeats[to.index()] < 0.1
        && repeats[from.index()] > 0.4;
    if declared || observed {
        0.1
    } else {
        1.0
    }
}

fn find_substitutes(
    catalogue: &Catalogue,
    log: &BasketLog,
    views: Option<&BasketLog>,
    contexts: &[Context],
    pairs: &[Pair],
    variants: &Variants,
) -> SparseRows {
    let products = catalogue.len();
    let viewed = views.map(|log| {
        let pairs = significant_pairs(log, &SignificanceOptions::default());
        let frequencies = log.frequencies();
        let rows: HashMap<(ProductIx, ProductIx), f32> = pairs
            .iter()
            .map(|p| {
                let norm =
                    f64::from(frequencies[p.a.index()]) * f64::from(frequencies[p.b.index()]);
                ((p.a, p.b), (f64::from(p.shared) / norm.sqrt()) as f32)
            })
            .collect();
        rows
    });
    let lifts: HashMap<(ProductIx, ProductIx), f64> = pairs
        .iter()
        .map(|p| {
            (
                (p.a, p.b),
                shrunk_lift(f64::from(p.shared), p.expected, 3.0),
            )
        })
        .collect();
    let mut by_category: HashMap<u32, Vec<ProductIx>> = HashMap::new();
    for ix in ProductIx::all(products) {
        if let Some(leaf) = catalogue.leaf(ix) {
            by_category.entry(leaf.0).or_default().push(ix);
        }
    }
    let spans = spans(log);
    let rows: Vec<Vec<(ProductIx, f32)>> = (0..products)
        .into_par_iter()
        .map(ProductIx::of_index)
        .map(|a| {
            let mut row: Vec<(ProductIx, f32)> = candidates(catalogue, &by_category, contexts, a)
                .into_iter()
                .filter(|b| !variants.same(a, *b))
                .filter_map(|b| {
                    let key = (a.min(b), a.max(b));
                    let context = context_cosine(contexts, a, b);
                    let viewed_together = viewed
                        .as_ref()
                        .and_then(|rows| rows.get(&key).copied())
                        .unwrap_or(0.0);
                    if context.max(viewed_together) < 0.2 {
                        return None;
                    }
                    let same_category = match (catalogue.leaf(a), catalogue.leaf(b)) {
                        (Some(x), Some(y)) => Some(x == y),
                        _ => None,
                    };
                    let value = substitution(&Evidence {
                        context,
                        same_category,
                        lift: lifts.get(&key).copied().unwrap_or(1.0),
                        switched: switched(&spans[a.index()], &spans[b.index()]),
                        viewed_together,
                    });
                    (value >= 0.1).then_some((b, value))
                })
                .collect();
            keep_largest(&mut row, 30);
            row
        })
        .collect();
    SparseRows::from_rows(rows)
}

/// First and last day on which each known customer bought each product, ascending by customer.
fn spans(log: &BasketLog) -> Vec<Vec<(CustomerIx, i32, i32)>> {
    let mut rows: Vec<Vec<(CustomerIx, i32, i32)>> = vec![Vec::new(); log.products()];
    for ix in 0..log.len() {
        if log.customer(ix) != NOBODY {
            let day = log.at(ix).div_euclid(DAY_MS) as i32;
            for product in log.items(ix) {
                rows[product.index()].push((log.customer(ix), day, day));
            }
        }
    }
    for row in &mut rows {
        row.sort_unstable();
        row.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.2 = next.2;
            }
            same
        });
    }
    rows
}

/// Attraction between topics, and the most bought products of each.
fn topic_graph(
    log: &BasketLog,
    topics: &[u32],
    options: &ComplementOptions,
) -> (SparseRows<u32>, SparseRows) {
    let count = topics.iter().max().map_or(0, |top| *top as usize + 1);
    let mut by_topic = BasketLog::new(count);
    for ix in 0..log.len() {
        by_topic.push(
            log.customer(ix),
            log.at(ix),
            log.items(ix).iter().filter_map(|p| {
                // topics in the place of products
                topics.get(p.index()).copied().map(ProductIx)
            }),
        );
    }
    let frequencies = by_topic.frequencies();
    let total = by_topic.len() as f64;
    let mut rows: Vec<Vec<(u32, f32)>> = vec![Vec::new(); count];
    for pair in significant_pairs(&by_topic, &options.significance) {
        let shared = f64::from(pair.shared);
        let lift = shrunk_lift(shared, pair.expected, options.kappa).ln();
        for (from, to) in [(pair.a, pair.b), (pair.b, pair.a)] {
            let conditional = shrunk_conditional(
                shared,
                f64::from(frequencies[from.index()]),
                f64::from(frequencies[to.index()]) / total,
                options.kappa,
            );
            rows[from.index()].push((to.0, (conditional * lift) as f32));
        }
    }
    for row in &mut rows {
        keep_largest(row, 8);
    }
    let sold = log.frequencies();
    let mut best: Vec<Vec<(ProductIx, f32)>> = vec![Vec::new(); count];
    for (product, topic) in ProductIx::all(topics.len()).zip(topics) {
        let sold = sold.get(product.index()).copied().unwrap_or(0);
        if sold > 0 {
            best[*topic as usize].push((product, sold as f32));
        }
    }
    for row in &mut best {
        let all: f32 = row.iter().map(|(_, sold)| sold).sum();
        keep_largest(row, 15);
        for (_, share) in row.iter_mut() {
            *share /= all.max(1.0);
        }
    }
    (SparseRows::from_rows(rows), SparseRows::from_rows(best))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use serendib_shop::Product;

    /// Printers (0, 1) lead to ink (2) weeks later; two colas (4, 5) both go with crisps (6) but never together; 7.. is noise,
    /// 7 and 8 are one shirt in two colours bought together.
    fn shop() -> (Catalogue, BasketLog) {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let names = [
            ("Laser printer fast", "office/printers", Some(true)),
            ("Jet printer silent", "office/printers", Some(true)),
            ("Ink cartridge", "office/ink", Some(false)),
            ("Paper ream", "office/paper", Some(false)),
            ("Alpha cola", "drinks/cola", Some(false)),
            ("Beta cola", "drinks/cola", Some(false)),
            ("Crisps salted", "snacks/crisps", Some(false)),
            ("Linen shirt red", "clothes/shirts", None),
            ("Linen shirt blue", "clothes/shirts", None),
        ];
        let mut products: Vec<Product> = names
            .iter()
            .enumerate()
            .map(|(ix, (title, category, durable))| Product {
                title: Some((*title).into()),
                category: Some((*category).into()),
                durable: *durable,
                ..Product::bare(format!("p{ix}"))
            })
            .collect();
        for ix in 9..60 {
            products.push(Product {
                category: Some(format!("other/{}", ix % 7)),
                ..Product::bare(format!("p{ix}"))
            });
        }
        let catalogue = Catalogue::new(products).unwrap();
        let mut log = BasketLog::new(catalogue.len());
        for customer in CustomerIx::all(1_500) {
            let cola = 4 + (customer.0 % 2);
            let mut day = rng.gen_range(0..200i64);
            let mut printer = false;
            for _ in 0..rng.gen_range(2..6) {
                let mut items: Vec<u32> = (0..rng.gen_range(1..5))
                    .map(|_| rng.gen_range(9..60))
                    .collect();
                if rng.gen_bool(0.3) {
                    items.extend([cola, 6]);
                }
                if rng.gen_bool(0.1) {
                    items.extend([7, 8]);
                }
                if printer && rng.gen_bool(0.7) {
                    items.push(2);
                }
                if !printer && rng.gen_bool(0.25) {
                    items.push(customer.0 % 2);
                    printer = true;
                }
                log.push(customer, day * DAY_MS, items.into_iter().map(ProductIx));
                day += rng.gen_range(10..35);
            }
        }
        (catalogue, log)
    }

    fn fitted() -> (Catalogue, Complements) {
        let (catalogue, log) = shop();
        let topics: Vec<u32> = ProductIx::all(catalogue.len())
            .map(|p| catalogue.leaf(p).map_or(0, |c| c.0))
            .collect();
        let complements = fit(
            &catalogue,
            &log,
            &Hints {
                views: None,
                topics: &topics,
                like: &SparseRows::default(),
            },
            Completion::default(),
            true,
            &ComplementOptions::default(),
        );
        (catalogue, complements)
    }

    #[test]
    fn the_three_relations_are_kept_apart() {
        let (_, complements) = fitted();
        let to = |from: u32, to: u32| {
            let mut edges = complements.edges(ProductIx(from)).iter();
            edges.find(|e| e.product == ProductIx(to))
        };
        assert!(to(4, 6).is_some() && to(5, 6).is_some());
        assert!(to(0, 2).is_some(), "printer leads to ink");
        assert!(to(7, 8).is_none(), "variants are no complements");
        assert!(complements.variants().same(ProductIx(7), ProductIx(8)));
        assert!(
            complements.replaces(ProductIx(4), ProductIx(5)),
            "colas replace each other"
        );
        assert_eq!(complements.substitutes(ProductIx(4))[0].0, ProductIx(5));
        let offered = complements.goes_with(&[(ProductIx(4), 1.0)], 20, &|_| true);
        assert!(offered
            .iter()
            .all(|(p, _, _)| *p != ProductIx(5) && *p != ProductIx(4)));
        assert_eq!((offered[0].0, offered[0].2), (ProductIx(6), ProductIx(4)));
    }

    #[test]
    fn the_anchor_leads_and_the_order_is_claimed() {
        let (_, complements) = fitted();
        let forward = complements
            .edges(ProductIx(0))
            .iter()
            .find(|e| e.product == ProductIx(2));
        let forward = forward.expect("edge");
        assert!(forward.direction > 0.5);
        assert!(forward.lag.median_days > 5.0);
        if let Some(back) = complements
            .edges(ProductIx(2))
            .iter()
            .find(|e| e.product == ProductIx(0))
        {
            assert!(back.score < 0.05 * forward.score);
        }
        assert!(complements
            .directed()
            .all(|(from, edge)| from < ProductIx(2) && edge.product == ProductIx(2)));
    }

    #[test]
    fn what_is_proven_comes_before_what_is_only_seen_and_contributions_add_up() {
        let (_, complements) = fitted();
        let printer = complements.goes_with(&[(ProductIx(0), 20.0)], 5, &|_| true);
        assert_eq!(printer[0].0, ProductIx(2), "ink is proven");
        // whatever else was bought: many purchases beside which much is seen do not add up to proof
        let noise = (9..18).map(|product| (ProductIx(product), 0.0));
        let among: Vec<(ProductIx, f64)> =
            [(ProductIx(0), 20.0)].into_iter().chain(noise).collect();
        let all = complements.goes_with(&among, 5, &|_| true);
        assert_eq!((all[0].0, all[0].2), (ProductIx(2), ProductIx(0)));
        let parts = complements.contributions(&among, ProductIx(2));
        let sum: f32 = parts.iter().map(|(_, value)| value).sum();
        assert!((sum - all[0].1).abs() < 1e-6);
        assert!(printer.len() == 5, "the rest was only seen beside it");
        let noise = complements.goes_with(&[(ProductIx(9), 0.0)], 5, &|_| true);
        assert_eq!(noise.len(), 5);
        for (anchor, days, list) in [(0, 20.0, printer), (9, 0.0, noise)] {
            for (product, score, _) in list {
                let parts = complements.contributions(&[(ProductIx(anchor), days)], product);
                let sum: f32 = parts.iter().map(|(_, value)| value).sum();
                assert!((sum - score).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn noise_has_no_edges_and_an_unknown_product_is_fine() {
        let (_, complements) = fitted();
        let noise: usize = (9..60).map(|p| complements.edges(ProductIx(p)).len()).sum();
        assert!(noise <= 2, "{noise}");
        assert!(complements.edges(ProductIx(10_000)).is_empty());
        assert!(complements
            .goes_with(&[(ProductIx(10_000), 0.0)], 5, &|_| true)
            .is_empty());
        assert!(!complements.replaces(ProductIx(10_000), ProductIx(3)));
    }
}
