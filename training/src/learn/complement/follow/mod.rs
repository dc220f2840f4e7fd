//! What is bought after what: the scorer of a product's page where the shop's own later purchases show that it finds more
//! than what shares baskets.
//!
//! score(a → b) = r(A → B) · P(b | a, B) for a of kind A and b of another kind B, with
//!
//! * r(A → B), how many more of B are first bought with or soon after one of A than chance and the opposite direction
//!   explain ([`kinds`]): who buys ink has the printer, so ink does not lead to printers; two products of one kind mostly
//!   replace each other, so a kind never leads to itself;
//! * P(b | a, B) = (n_ab + κ·q_ab) / (n_aB + κ): what follows a itself, shrunk to q, which spreads B over its products by the
//!   square root of what is bought of each lately (between what sells most and all alike), times how much more of what shares
//!   a's brand or the name of its model is bought between these kinds ([`traits`]).
//!
//! Of its own kind a product that is used up may lead to what baskets prove to go with it.

pub(super) mod choose;
mod firsts;
mod kinds;
mod traits;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serendib_engine::complement::{keep_largest, BasketLog, Complements, Edge, SparseRows};
use serendib_shop::{Catalogue, ProductIx, DAY_MS};

use self::firsts::{Beside, Counter, Firsts};
use self::kinds::{departments, KindCounts, MOST_KINDS};
use self::traits::{Lifts, Shared, Traits};

/// How what follows is counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FollowSettings {
    /// Days after a first purchase in which another counts as following it, > 0.
    pub days: i64,
    /// Followers of its own kinds by which a product's are shrunk to what the kinds say, > 0.
    pub kappa: f32,
    /// Standard errors by which a rate between kinds must lie above what chance and the opposite direction explain, ≥ 0.
    pub doubt: f32,
    /// Weight of what shares baskets beside what follows, each as a share of its best, ≥ 0.
    pub beside: f32,
}

impl Default for FollowSettings {
    fn default() -> Self {
        FollowSettings {
            days: 120,
            kappa: 100.0,
            doubt: 2.0,
            beside: 0.0,
        }
    }
}

/// What follows each product, and each kind.
#[derive(Default)]
pub(super) struct Follows {
    /// The followers of each product, at most [`WIDTH`], all scores > 0.
    pub rows: SparseRows,
    /// Kind to kind, where that holds beyond chance.
    pub kinds: SparseRows<u32>,
    /// The products by which each kind is stood for, with their share of it.
    pub best: SparseRows,
}

/// Followers kept per product.
const WIDTH: usize = 100;
/// Shorter rows are filled with what shares baskets.
const FILLED: usize = 20;
/// Products of one kind that are looked at for each product, beside those that were seen to follow it or share a trait.
const OF_KIND: usize = 100;
/// Products that stand for a kind.
const STAND_FOR: usize = 15;
/// Half-life of what is bought lately, days.
const LATELY_DAYS: f64 = 60.0;
/// Purchases that every product is given, so that a new one has its share.
const GIVEN: f64 = 0.5;

/// What a graph says of products beside what follows them.
pub(super) struct Graph<'a> {
    /// Edges of each product.
    pub edges: &'a [Vec<Edge>],
    /// What is bought beside each product.
    pub beside: &'a SparseRows,
    /// Whether each product is used up, so that more of its kind may go with it.
    pub used_up: &'a [bool],
}

/// What kinds lead to, and what their products share, within some days.
pub(super) struct Learned {
    rates: Vec<Vec<(u32, f32)>>,
    /// Those that hold beyond chance.
    told: SparseRows<u32>,
    lifts: Lifts,
}

/// Everything that is counted once whatever the settings.
pub(super) struct Counted<'a> {
    firsts: Firsts,
    traits: Traits,
    topics: &'a [u32],
    kinds: usize,
    departments: Vec<u32>,
    /// Share of each product of its kind.
    share: Vec<f32>,
    /// The products of each kind, the largest share first.
    by_kind: Vec<Vec<ProductIx>>,
}

impl<'a> Counted<'a> {
    /// Counts `log`; `None` where there are no kinds to lead from one to another, or too many.
    pub fn new(catalogue: &Catalogue, log: &BasketLog, topics: &'a [u32]) -> Option<Counted<'a>> {
        let kinds = topics.iter().max().map_or(0, |top| *top as usize + 1);
        let whole = topics.len() == catalogue.len() && log.products() == topics.len();
        if !whole || !(2..=MOST_KINDS).contains(&kinds) {
            return None;
        }
        let share = shares(log, topics, kinds);
        let mut by_kind: Vec<Vec<ProductIx>> = vec![Vec::new(); kinds];
        for (product, kind) in topics.iter().enumerate() {
            by_kind[*kind as usize].push(ProductIx::of_index(product));
        }
        for products in &mut by_kind {
            let of = |p: &ProductIx| share[p.index()];
            products.sort_by(|a, b| of(b).total_cmp(&of(a)).then(a.cmp(b)));
        }
        Some(Counted {
            firsts: Firsts::new(log),
            traits: Traits::new(catalogue),
            topics,
            kinds,
            departments: departments(catalogue, topics, kinds),
            share,
            by_kind,
        })
    }

    fn kind(&self, product: ProductIx) -> u32 {
        self.topics[product.index()]
    }

    /// How many followers of `row` are of each kind, ascending by kind.
    fn by_kind(&self, row: &[Beside]) -> Vec<(u32, f32, f32)> {
        let mut out: Vec<(u32, f32, f32)> = row
            .iter()
            .map(|b| (self.kind(b.product), b.after, b.together))
            .collect();
        out.sort_by_key(|(kind, ..)| *kind);
        out.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
                kept.2 += next.2;
            }
            same
        });
        out
    }

    /// What leads to what within the days of `settings`, beyond their doubt.
    pub fn learned(&self, settings: &FollowSettings) -> Learned {
        let ms = settings.days * DAY_MS;
        struct Of {
            kinds: Vec<(u32, f32, f32)>,
            cases: f32,
            /// Kind, way, seen, expected.
            shared: Vec<(u32, u8, f32, f32)>,
        }
        let of: Vec<Of> = (0..self.topics.len())
            .into_par_iter()
            .map(ProductIx::of_index)
            .map_init(
                || Counter::new(self.topics.len()),
                |counter, product| {
                    let (row, cases) = counter.row(&self.firsts, product, ms);
                    let kinds = self.by_kind(&row);
                    let shared = if row.is_empty() {
                        Vec::new()
                    } else {
                        self.traits.shared(product)
                    };
                    let shared = shared
                        .into_iter()
                        .filter_map(|(other, way)| {
                            let kind = self.kind(other);
                            let all = of_kind(&kinds, kind);
                            (all > 0.0 && kind != self.kind(product)).then(|| {
                                let expected = all * self.share[other.index()];
                                (kind, way, seen(&row, other), expected)
                            })
                        })
                        .collect();
                    Of {
                        kinds,
                        cases,
                        shared,
                    }
                },
            )
            .collect();
        // one after the other, so that sums are rounded alike however many threads there are
        let (mut counts, mut traits) = (KindCounts::new(self.kinds), Shared::default());
        for (of, from) in of.iter().zip(self.topics) {
            counts.add_cases(*from, of.cases);
            for (to, after, together) in &of.kinds {
                counts.add(*from, *to, *after, *together);
            }
            for (to, way, seen, expected) in &of.shared {
                traits.add(*from, *to, *way, *seen, *expected);
            }
        }
        let rates = counts.rates(&self.departments, settings.doubt);
        Learned {
            told: SparseRows::from_rows(counts.told(&rates)),
            rates,
            lifts: traits.lifts(),
        }
    }

    /// What follows each product, with what `graph` proves of its own kind.
    fn follows(&self, learned: &Learned, settings: &FollowSettings, graph: &Graph) -> Follows {
        let Learned { rates, told, lifts } = learned;
        let rows: Vec<Vec<(ProductIx, f32)>> = (0..self.topics.len())
            .into_par_iter()
            .map(ProductIx::of_index)
            .map_init(
                || Counter::new(self.topics.len()),
                |counter, product| {
                    let (row, _) = counter.row(&self.firsts, product, settings.days * DAY_MS);
                    let kinds = &rates[self.kind(product) as usize];
                    let mut out = self.followers(product, &row, kinds, lifts, settings.kappa);
                    self.add_own_kind(product, graph, &mut out);
                    keep_largest(&mut out, WIDTH);
                    self.fill(product, graph, &mut out);
                    out
                },
            )
            .collect();
        let best = self.by_kind.iter().map(|products| {
            let first = products.iter().take(STAND_FOR);
            first.map(|p| (*p, self.share[p.index()])).collect()
        });
        Follows {
            rows: SparseRows::from_rows(rows),
            best: SparseRows::from_rows(best),
            kinds: told.clone(),
        }
    }

    /// Scores of the products of `kinds` (with their rates) after `product`, of which `row` was seen to follow it.
    fn followers(
        &self,
        product: ProductIx,
        row: &[Beside],
        kinds: &[(u32, f32)],
        lifts: &Lifts,
        kappa: f32,
    ) -> Vec<(ProductIx, f32)> {
        if kinds.is_empty() {
            return Vec::new();
        }
        let from = self.kind(product);
        let seen_of = self.by_kind(row);
        let mut shared: Vec<(u32, ProductIx, f32)> = self
            .traits
            .shared(product)
            .into_iter()
            .map(|(other, way)| {
                let kind = self.kind(other);
                (kind, other, lifts.of(from, kind, way))
            })
            .collect();
        shared.sort_unstable_by_key(|(kind, other, _)| (*kind, *other));
        let mut followed: Vec<(u32, ProductIx)> = row
            .iter()
            .map(|b| (self.kind(b.product), b.product))
            .collect();
        followed.sort_unstable();
        let mut out = Vec::new();
        let mut candidates: Vec<ProductIx> = Vec::new();
        for (kind, rate) in kinds {
            let begin = shared.partition_point(|(k, ..)| k < kind);
            let end = shared.partition_point(|(k, ..)| k <= kind);
            let shared = &shared[begin..end];
            let lift = |p: ProductIx| {
                let at = shared.binary_search_by_key(&p, |(_, other, _)| *other);
                at.map_or(1.0, |at| shared[at].2)
            };
            let raised = shared
                .iter()
                .map(|(_, other, lift)| (lift - 1.0) * self.share[other.index()]);
            let all = (1.0 + raised.sum::<f32>()).max(1e-6);
            candidates.clear();
            let best = self.by_kind[*kind as usize].iter().take(OF_KIND);
            candidates.extend(best);
            candidates.extend(shared.iter().map(|(_, other, _)| *other));
            let begin = followed.partition_point(|(k, _)| k < kind);
            let end = followed.partition_point(|(k, _)| k <= kind);
            candidates.extend(followed[begin..end].iter().map(|(_, other)| *other));
            candidates.sort_unstable();
            candidates.dedup();
            let of_kind = of_kind(&seen_of, *kind);
            for other in &candidates {
                let expected = lift(*other) * self.share[other.index()] / all;
                let part = (seen(row, *other) + kappa * expected) / (of_kind + kappa);
                out.push((*other, rate * part));
            }
        }
        out
    }

    /// Adds what is proven to go with a product that is used up though it is of its kind.
    fn add_own_kind(&self, product: ProductIx, graph: &Graph, out: &mut Vec<(ProductIx, f32)>) {
        let ix = product.index();
        let (Some(true), Some(edges)) = (graph.used_up.get(ix), graph.edges.get(ix)) else {
            return;
        };
        let own = edges
            .iter()
            .filter(|edge| self.kind(edge.product) == self.kind(product) && edge.lift > 1.0);
        out.extend(own.map(|edge| (edge.product, edge.conditional * (1.0 - 1.0 / edge.lift))));
    }

    /// Fills a short row with what shares baskets, of other kinds and behind what follows.
    fn fill(&self, product: ProductIx, graph: &Graph, out: &mut Vec<(ProductIx, f32)>) {
        if out.len() >= FILLED {
            return;
        }
        let kind = self.kind(product);
        let used_up = graph.used_up.get(product.index()) == Some(&true);
        let mut more: Vec<(ProductIx, f32)> = graph
            .beside
            .iter(product)
            .filter(|(other, score)| {
                *score > 0.0
                    && (used_up || self.kind(*other) != kind)
                    && out.iter().all(|(known, _)| known != other)
            })
            .collect();
        keep_largest(&mut more, FILLED - out.len());
        let Some((_, most)) = more.first().copied() else {
            return;
        };
        let last = out.iter().map(|(_, score)| *score).fold(most, f32::min);
        out.extend(
            more.into_iter()
                .map(|(p, score)| (p, 0.5 * last * score / most)),
        );
    }
}

/// How often `product` was seen in a row that ascends by product.
fn seen(row: &[Beside], product: ProductIx) -> f32 {
    row.binary_search_by_key(&product, |b| b.product)
        .map_or(0.0, |at| row[at].after)
}

/// The number at `kind` in a row that ascends by kind.
fn of_kind(row: &[(u32, f32, f32)], kind: u32) -> f32 {
    row.binary_search_by_key(&kind, |(k, ..)| *k)
        .map_or(0.0, |at| row[at].1)
}

/// The share of each product of its kind, by the square root of what is bought of it lately.
fn shares(log: &BasketLog, topics: &[u32], kinds: usize) -> Vec<f32> {
    let end = (0..log.len()).map(|ix| log.at(ix)).max().unwrap_or(0);
    let mut lately = vec![0.0f64; topics.len()];
    for ix in 0..log.len() {
        let days = (end - log.at(ix)) as f64 / DAY_MS as f64;
        let fresh = 0.5f64.powf(days / LATELY_DAYS);
        for product in log.items(ix) {
            lately[product.index()] += fresh;
        }
    }
    let mut all = vec![0.0f64; kinds];
    for (weight, kind) in lately.iter_mut().zip(topics) {
        *weight = (*weight + GIVEN).sqrt();
        all[*kind as usize] += *weight;
    }
    let parts = lately.iter().zip(topics);
    parts
        .map(|(weight, kind)| (weight / all[*kind as usize]) as f32)
        .collect()
}

/// `follows` with the weight `beside` of the lists of `graph`, each as a share of its best.
fn mixed(follows: &SparseRows, graph: &Complements, beside: f32) -> SparseRows {
    let rows: Vec<Vec<(ProductIx, f32)>> = (0..follows.rows())
        .into_par_iter()
        .map(ProductIx::of_index)
        .map(|product| {
            let listed = graph.goes_with(&[(product, 0.0)], WIDTH, &|_| true);
            let mut row: Vec<(ProductIx, f32)> = listed.iter().map(|(p, s, _)| (*p, *s)).collect();
            let best = row.first().map_or(1.0, |(_, score)| *score).max(1e-9);
            row.iter_mut()
                .for_each(|(_, score)| *score *= beside / best);
            let most = follows.iter(product).map(|(_, s)| s).fold(1e-9, f32::max);
            row.extend(follows.iter(product).map(|(p, s)| (p, s / most)));
            row.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            row.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 += next.1;
                }
                same
            });
            keep_largest(&mut row, WIDTH);
            row
        })
        .collect();
    SparseRows::from_rows(rows)
}

/// `complements` with what follows each product by `settings`.
pub(super) fn with_follows(
    complements: &Complements,
    counted: &Counted,
    learned: &Learned,
    settings: &FollowSettings,
    graph: &Graph,
) -> Complements {
    let Follows { rows, kinds, best } = counted.follows(learned, settings, graph);
    let rows = if settings.beside > 0.0 {
        mixed(&rows, complements, settings.beside)
    } else {
        rows
    };
    complements.clone().with_follows(rows, kinds, best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use serendib_shop::{CustomerIx, Product};

    /// Cameras (0..8) draw the battery of their model (8..16) within weeks; rolls (16..24) are bought by everybody all the time.
    fn shop() -> (Catalogue, BasketLog, Vec<u32>) {
        let product = |ix: u32| {
            let (title, kind) = match ix / 8 {
                0 => (format!("Camera KX{}", 100 + ix), "photo/cameras"),
                1 => (format!("Battery for KX{}", 92 + ix), "photo/batteries"),
                _ => (format!("Roll {ix}"), "food/rolls"),
            };
            Product {
                title: Some(title),
                category: Some(kind.into()),
                ..Product::bare(format!("p{ix}"))
            }
        };
        let catalogue = Catalogue::new((0..24).map(product).collect()).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut log = BasketLog::new(24);
        for customer in CustomerIx::all(400) {
            let day = rng.gen_range(0..300i64);
            // the last camera has no buyers
            let camera = rng.gen_range(0..7);
            if customer.0 % 4 == 0 {
                log.push(customer, day * DAY_MS, [ProductIx(camera)]);
                let later = day + rng.gen_range(5..40);
                log.push(customer, later * DAY_MS, [ProductIx(camera + 8)]);
            }
            for _ in 0..4 {
                let day = rng.gen_range(0..340i64);
                log.push(customer, day * DAY_MS, [ProductIx(rng.gen_range(16..24))]);
            }
        }
        let topics = (0..24).map(|ix| ix / 8).collect();
        (catalogue, log, topics)
    }

    fn follows(settings: &FollowSettings) -> Follows {
        let (catalogue, log, topics) = shop();
        let counted = Counted::new(&catalogue, &log, &topics).expect("three kinds");
        let graph = Graph {
            edges: &[],
            beside: &SparseRows::default(),
            used_up: &[],
        };
        counted.follows(&counted.learned(settings), settings, &graph)
    }

    fn first(rows: &SparseRows, product: ProductIx) -> Option<ProductIx> {
        let mut row: Vec<_> = rows.iter(product).collect();
        keep_largest(&mut row, 1);
        row.first().map(|(p, _)| *p)
    }

    #[test]
    fn what_fits_the_model_follows_also_where_nobody_bought_it_yet() {
        let follows = follows(&FollowSettings::default());
        for camera in 0..8 {
            assert_eq!(
                first(&follows.rows, ProductIx(camera)),
                Some(ProductIx(camera + 8))
            );
        }
        assert!(follows.rows.parts().2.iter().all(|score| *score > 0.0));
    }

    #[test]
    fn nothing_leads_back_or_to_its_own_kind() {
        let follows = follows(&FollowSettings::default());
        for battery in 8..16 {
            assert!(follows
                .rows
                .iter(ProductIx(battery))
                .all(|(p, _)| p >= ProductIx(16)));
        }
        for camera in 0..8 {
            assert!(follows
                .rows
                .iter(ProductIx(camera))
                .all(|(p, _)| p >= ProductIx(8)));
        }
    }

    #[test]
    fn one_kind_and_too_many_are_refused() {
        let (catalogue, log, _) = shop();
        assert!(Counted::new(&catalogue, &log, &[0; 24]).is_none());
        assert!(Counted::new(&catalogue, &log, &[]).is_none());
        assert!(Counted::new(&catalogue, &log, &[5_000; 24]).is_none());
    }
}
