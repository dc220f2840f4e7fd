//! From a shop's orders, lots and rules to one problem, and from its packing back to boxes with the lot of each line.
//!
//! All boxes are packed together, whenever they leave: units that are usable for the same ship dates (in by then, not
//! expired) are one item of the problem, so that a price forms for early and for late units of a product and the bound
//! holds for the whole job. Which lot each line is taken from is settled afterwards, earliest expiry first, which serves
//! every line because units of one item are usable for the same boxes.

use std::collections::BTreeMap;

use super::explain::dearest;
use super::lots::{assign_lots, Lot, LotError};
use super::pack::{pack, pack_one, Options, Progress};
use super::packing::{PackedBox, Packing, ShadowPrice};
use super::problem::{BoxRequest, Candidate, Item, Problem, ProblemError, Rules};
use super::verify::{verify, Violation};

/// One box to be packed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Order {
    /// The box, in item numbers of the shelf.
    pub request: BoxRequest,
    /// What it may get, in item numbers of the shelf.
    pub candidates: Vec<Candidate>,
    /// When it leaves, milliseconds.
    pub ship_at: i64,
}

/// Why there is no job, or no packing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JobError {
    /// A number of an item, rule or box is wrong.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// Lots do not cover the lines that were packed.
    #[error(transparent)]
    Lots(#[from] LotError),
}

/// Units of one item that are usable for the same ship dates.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// Item number of the shelf.
    item: u32,
    /// First and last ship date (positions in the sorted dates) it is usable for; `None` for no date at all.
    dates: Option<(usize, usize)>,
    units: u64,
    /// Lines of locked, kept and pinned boxes that were promised from it.
    promised: u64,
}

/// A job ready to run.
#[derive(Debug, Clone)]
pub struct Job {
    problem: Problem,
    items: usize,
    groups: Vec<Group>,
    lots: Vec<Lot>,
    /// Order of each box of the problem.
    order_of: Vec<usize>,
    /// Ship date by order.
    ship_at: Vec<i64>,
}

/// One packed order, in item numbers of the shelf.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedOrder {
    pub packed: PackedBox,
    /// Lot of each line, by position in the job's lots.
    pub lots: Vec<usize>,
}

/// What a job answers; items are those of the shelf.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPacking {
    /// Boxes in order of the orders.
    pub orders: Vec<PackedOrder>,
    /// Value, bound, gap, stock left, prices and everything else about the whole; its `boxes` are in `orders`.
    pub whole: Packing,
    /// Units left of each lot.
    pub lots_left: Vec<i64>,
}

impl Job {
    /// A job of `orders` from `lots` of `items`; the stock of `items` is not looked at.
    ///
    /// # Errors
    /// An item, rule or box that is wrong, by name; locked or kept contents that the lots do not cover.
    pub fn new(
        items: &[Item],
        rules: &Rules,
        orders: &[Order],
        lots: Vec<Lot>,
    ) -> Result<Job, JobError> {
        let mut dates: Vec<i64> = orders.iter().map(|order| order.ship_at).collect();
        dates.sort_unstable();
        dates.dedup();
        let mut groups = Groups::new(items.len(), &lots, &dates);
        let grouped: Vec<Item> = groups
            .all
            .iter()
            .map(|group| Item {
                stock: u32::try_from(group.units).unwrap_or(u32::MAX),
                lot_of: Some(group.item),
                ..items[group.item as usize].clone()
            })
            .collect();
        let mut inner = rules.clone();
        // which lot a pin is taken from depends on the box
        inner.pinned = Vec::new();
        for (item, _) in &mut inner.minimum_use {
            *item = groups.first(*item);
        }
        let mut problem = Problem::new(grouped, inner)?;
        let ship_at: Vec<i64> = orders.iter().map(|order| order.ship_at).collect();
        let date_of = |at: usize| dates.partition_point(|date| *date < ship_at[at]);
        let mut requests: Vec<BoxRequest> =
            orders.iter().map(|order| order.request.clone()).collect();
        // what is promised is promised in order of ship dates, settled lines before pins
        let mut by_date: Vec<usize> = (0..orders.len()).collect();
        by_date.sort_by_key(|at| (ship_at[*at], *at));
        for at in &by_date {
            groups.settle(&mut requests[*at], date_of(*at));
        }
        for at in &by_date {
            groups.pin(&mut requests[*at], &rules.pinned, date_of(*at));
        }
        let settled =
            |order: &Order| order.request.locked.is_some() || !order.request.kept.is_empty();
        let mut sorted: Vec<usize> = (0..orders.len()).collect();
        sorted.sort_by_key(|at| (!settled(&orders[*at]), *at));
        let mut order_of = Vec::with_capacity(sorted.len());
        let mut candidates: Vec<Candidate> = Vec::new();
        for at in sorted {
            let (order, date) = (&orders[at], date_of(at));
            let request = std::mem::take(&mut requests[at]);
            candidates.clear();
            for candidate in &order.candidates {
                for group in groups.usable(candidate.item, date) {
                    candidates.push(Candidate {
                        item: group,
                        ..*candidate
                    });
                }
            }
            problem.add(request, &candidates)?;
            order_of.push(at);
        }
        Ok(Job {
            problem,
            items: items.len(),
            groups: groups.all,
            lots,
            order_of,
            ship_at,
        })
    }

    /// The problem that is solved; its items are units usable for the same dates.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Packs all orders, see [`pack`]. `warm` of the options are prices per item of the shelf.
    ///
    /// # Errors
    /// Lots that do not cover the lines: never, unless the job's own numbers are inconsistent.
    pub fn run(
        &self,
        options: &Options,
        stop: &dyn Fn() -> bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<JobPacking, JobError> {
        let warm: Option<Vec<f64>> = options.warm.map(|prices| {
            let price = |group: &Group| prices.get(group.item as usize).copied().unwrap_or(0.0);
            self.groups.iter().map(price).collect()
        });
        let inner = Options {
            warm: warm.as_deref(),
            ..*options
        };
        let packing = pack(&self.problem, &inner, stop, progress);
        self.outside(packing)
    }

    /// Packs the order at position `order` alone at `prices` per item of the shelf, see [`pack_one`]; `None` where it is
    /// locked or not there.
    pub fn one(&self, order: usize, prices: &[f64], stand_in_count: usize) -> Option<PackedBox> {
        let number = self.order_of.iter().position(|of| *of == order)?;
        let price = |group: &Group| prices.get(group.item as usize).copied().unwrap_or(0.0);
        let prices: Vec<f64> = self.groups.iter().map(price).collect();
        let packed = pack_one(&self.problem, number, &prices, stand_in_count)?;
        Some(self.outer_box(packed))
    }

    /// Every hard constraint that `packing` breaks.
    pub fn check(&self, packing: &Packing) -> Vec<Violation> {
        verify(&self.problem, packing)
    }

    /// `packed` in items of the shelf.
    fn outer_box(&self, mut packed: PackedBox) -> PackedBox {
        let item = |group: u32| self.groups[group as usize].item;
        for line in &mut packed.lines {
            line.item = item(line.item);
            for stand_in in &mut line.stand_ins {
                stand_in.item = item(stand_in.item);
            }
            for candidate in line.draw.iter_mut().flat_map(|d| &mut d.candidates) {
                candidate.0 = item(candidate.0);
            }
        }
        for pin in packed.shortfall.iter_mut().flat_map(|s| &mut s.pins) {
            pin.0 = item(pin.0);
        }
        packed
    }

    /// `packing` in items of the shelf, with lots.
    fn outside(&self, mut packing: Packing) -> Result<JobPacking, JobError> {
        let item = |group: u32| self.groups[group as usize].item;
        let boxes = std::mem::take(&mut packing.boxes);
        let mut by_order: Vec<Option<PackedBox>> = vec![None; boxes.len()];
        for (packed, order) in boxes.into_iter().zip(&self.order_of) {
            by_order[*order] = Some(self.outer_box(packed));
        }
        let boxes: Vec<PackedBox> = by_order.into_iter().flatten().collect();
        let lines: Vec<(u32, i64)> = boxes
            .iter()
            .zip(&self.ship_at)
            .flat_map(|(packed, ship_at)| packed.lines.iter().map(|l| (l.item, *ship_at)))
            .collect();
        let assigned = assign_lots(&self.lots, &lines)?;
        let mut lots_left: Vec<i64> = self.lots.iter().map(|lot| lot.quantity.max(0)).collect();
        for lot in &assigned {
            lots_left[*lot] -= 1;
        }
        let mut assigned = assigned.into_iter();
        let orders = boxes
            .into_iter()
            .map(|packed| PackedOrder {
                lots: assigned.by_ref().take(packed.lines.len()).collect(),
                packed,
            })
            .collect();
        let mut stock_left = vec![0u32; self.items];
        let mut prices = vec![0.0f64; self.items];
        for (group, (left, price)) in self
            .groups
            .iter()
            .zip(packing.stock_left.iter().zip(&packing.prices))
        {
            let at = group.item as usize;
            stock_left[at] = stock_left[at].saturating_add(*left);
            if group.units > 0 {
                prices[at] = prices[at].max(*price);
            }
        }
        let mut shadow: BTreeMap<u32, ShadowPrice> = BTreeMap::new();
        for price in &packing.shadow_prices {
            let outer = ShadowPrice {
                item: item(price.item),
                ..*price
            };
            let known = shadow.entry(outer.item).or_insert(outer);
            if dearest(&outer, known).is_lt() {
                *known = outer;
            }
        }
        packing.shadow_prices = shadow.into_values().collect();
        packing.shadow_prices.sort_by(dearest);
        for (group, _, _) in &mut packing.soft.minimum_use {
            *group = item(*group);
        }
        packing.stock_left = stock_left;
        packing.prices = prices;
        Ok(JobPacking {
            orders,
            whole: packing,
            lots_left,
        })
    }
}

struct Groups {
    all: Vec<Group>,
    of_item: Vec<Vec<u32>>,
}

impl Groups {
    fn new(items: usize, lots: &[Lot], dates: &[i64]) -> Groups {
        let mut by_item: Vec<BTreeMap<(usize, usize), u64>> = vec![BTreeMap::new(); items];
        for lot in lots.iter().filter(|lot| lot.quantity > 0) {
            let Some(windows) = by_item.get_mut(lot.item as usize) else {
                continue;
            };
            let from = lot
                .inbound_at
                .map_or(0, |inbound| dates.partition_point(|date| *date < inbound));
            let until = lot.ships_before.map_or(dates.len(), |before| {
                dates.partition_point(|date| *date < before)
            });
            if from < until {
                *windows.entry((until - 1, from)).or_insert(0) += lot.quantity as u64;
            }
        }
        let mut groups = Groups {
            all: Vec::with_capacity(items),
            of_item: vec![Vec::new(); items],
        };
        for (item, windows) in by_item.into_iter().enumerate() {
            let mut covered = vec![false; if windows.len() > 1 { dates.len() } else { 0 }];
            let mut whole = false;
            // in order of the last usable date: what expires first is offered first
            for ((last, first), units) in windows {
                whole |= first == 0 && last + 1 == dates.len();
                covered
                    .iter_mut()
                    .take(last + 1)
                    .skip(first)
                    .for_each(|c| *c = true);
                groups.push(item, Some((first, last)), units);
            }
            let everywhere = whole || (!covered.is_empty() && covered.iter().all(|c| *c));
            if !everywhere {
                // an item without units, so that a box can say that stock is what it lacks
                groups.push(item, None, 0);
            }
        }
        groups
    }

    fn push(&mut self, item: usize, dates: Option<(usize, usize)>, units: u64) {
        self.of_item[item].push(self.all.len() as u32);
        self.all.push(Group {
            item: item as u32,
            dates,
            units,
            promised: 0,
        });
    }

    /// Any group of `item`.
    fn first(&self, item: u32) -> u32 {
        self.of_item
            .get(item as usize)
            .and_then(|groups| groups.first())
            .copied()
            .unwrap_or(u32::MAX)
    }

    /// The groups of `item` that a box leaving at `date` may take from; where there is none, the one without units.
    fn usable(&self, item: u32, date: usize) -> Vec<u32> {
        let Some(groups) = self.of_item.get(item as usize) else {
            return vec![u32::MAX];
        };
        let holds = |group: &u32| {
            let dates = self.all[*group as usize].dates;
            dates.is_some_and(|(first, last)| first <= date && date <= last)
        };
        let found: Vec<u32> = groups.iter().copied().filter(holds).collect();
        if found.is_empty() {
            return vec![groups.last().copied().unwrap_or(u32::MAX)];
        }
        found
    }

    /// A unit of `item` for a line that is settled beforehand, from what expires first.
    fn promise(&mut self, item: u32, date: usize) -> u32 {
        let usable = self.usable(item, date);
        let free = |group: &&u32| {
            let group = self.all.get(**group as usize);
            group.is_some_and(|g| g.promised < g.units)
        };
        let chosen = usable.iter().find(free).or(usable.last()).copied();
        let chosen = chosen.unwrap_or(u32::MAX);
        if let Some(group) = self.all.get_mut(chosen as usize) {
            group.promised += 1;
        }
        chosen
    }

    /// Puts what protects the subscriber, and lines that are settled, into groups.
    fn settle(&mut self, request: &mut BoxRequest, date: usize) {
        for protected in [&mut request.excluded_items, &mut request.hidden] {
            *protected = protected
                .iter()
                .flat_map(|item| {
                    self.of_item
                        .get(*item as usize)
                        .cloned()
                        .unwrap_or_default()
                })
                .collect();
        }
        // these count by their family, which is that of every group
        for item in request.owned.iter_mut() {
            *item = self.first(*item);
        }
        for item in request.history.iter_mut().flatten() {
            *item = self.first(*item);
        }
        for (item, _) in request.locked.iter_mut().flatten() {
            *item = self.promise(*item, date);
        }
        for (item, _) in &mut request.kept {
            *item = self.promise(*item, date);
        }
    }

    /// Puts the pins of the rules and of the box into groups.
    fn pin(&mut self, request: &mut BoxRequest, pinned: &[u32], date: usize) {
        if request.locked.is_some() {
            return;
        }
        let mut pins: Vec<u32> = pinned.to_vec();
        pins.extend(request.pinned.iter().filter(|item| !pinned.contains(item)));
        request.pinned = pins
            .into_iter()
            .map(|item| self.promise(item, date))
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn items(count: usize) -> Vec<Item> {
        (0..count)
            .map(|n| Item {
                id: format!("p{n}"),
                family: n as u32,
                categories: vec![n as u32],
                ..Item::default()
            })
            .collect()
    }

    fn lot(item: u32, quantity: i64, expires_at: Option<i64>, inbound_at: Option<i64>) -> Lot {
        Lot {
            item,
            quantity,
            expires_at,
            ships_before: expires_at,
            inbound_at,
            label: String::new(),
        }
    }

    fn order(id: &str, ship_at: i64, values: &[(u32, f32)]) -> Order {
        Order {
            request: BoxRequest {
                id: id.into(),
                regular: 1,
                ..BoxRequest::default()
            },
            candidates: values
                .iter()
                .map(|(item, value)| Candidate {
                    item: *item,
                    value: *value,
                    surprise: *value,
                    relevance: *value,
                })
                .collect(),
            ship_at,
        }
    }

    fn run(job: &Job) -> JobPacking {
        let options = Options {
            random_one_in: None,
            ..Options::default()
        };
        job.run(&options, &|| false, &mut |_| {}).unwrap()
    }

    #[test]
    fn an_early_box_leaves_to_a_late_one_what_only_that_one_can_get() {
        // the first box could take the fresh unit too, then the late box would have nothing
        let lots = vec![lot(0, 1, Some(50), None), lot(0, 1, Some(500), None)];
        let orders = vec![
            order("early", 10, &[(0, 0.9)]),
            order("late", 100, &[(0, 0.8)]),
            order("later", 100, &[(0, 0.5)]),
        ];
        let job = Job::new(&items(1), &Rules::default(), &orders, lots).unwrap();
        let packed = run(&job);
        assert_eq!(packed.orders[0].lots, [0]);
        assert_eq!(packed.orders[1].lots, [1]);
        assert!(packed.orders[2].packed.lines.is_empty());
        let short = packed.orders[2].packed.shortfall.as_ref().unwrap();
        assert_eq!(short.fault, super::super::Fault::Stock);
        assert_eq!(packed.lots_left, [0, 0]);
        assert!((packed.whole.bound - packed.whole.value).abs() < 1e-6);
    }

    #[test]
    fn pins_and_kept_lines_take_what_expires_first_and_only_what_is_in() {
        let lots = vec![
            lot(0, 1, None, Some(50)),
            lot(0, 1, Some(90), None),
            lot(1, 5, None, None),
        ];
        let rules = Rules {
            pinned: vec![0],
            ..Rules::default()
        };
        let wants: &[(u32, f32)] = &[(0, 0.1), (1, 0.5)];
        let mut keeps = order("keeps", 60, wants);
        keeps.request.regular = 2;
        keeps.request.kept = vec![(1, false)];
        let mut early = order("early", 10, wants);
        early.request.regular = 2;
        let mut none = order("none", 20, wants);
        none.request.regular = 2;
        let job = Job::new(&items(2), &rules, &[none, early, keeps], lots).unwrap();
        let packed = run(&job);
        assert_eq!(
            job.check(&pack(
                job.problem(),
                &Options::default(),
                &|| false,
                &mut |_| {}
            )),
            []
        );
        let of = |n: usize| -> Vec<u32> {
            packed.orders[n]
                .packed
                .lines
                .iter()
                .map(|l| l.item)
                .collect()
        };
        assert_eq!(of(2), [1, 0], "kept first, then the pin");
        assert!(of(0).contains(&0) || of(1).contains(&0));
        let missing = packed.orders[..2]
            .iter()
            .filter(|o| !o.packed.lines.iter().any(|l| l.item == 0));
        for order in missing {
            let pins = &order.packed.shortfall.as_ref().unwrap().pins;
            assert_eq!(pins[0].0, 0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn every_line_has_a_lot_that_is_in_and_unexpired(seed in any::<u64>(), boxes in 1usize..40) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let count = rng.gen_range(1..8usize);
            let window = |rng: &mut ChaCha8Rng| rng.gen_bool(0.5).then(|| rng.gen_range(0..100i64));
            let lots: Vec<Lot> = (0..rng.gen_range(0..20usize))
                .map(|_| {
                    let item = rng.gen_range(0..count as u32);
                    let (expires, inbound) = (window(&mut rng), window(&mut rng));
                    lot(item, rng.gen_range(-1..6), expires, inbound)
                })
                .collect();
            let orders: Vec<Order> = (0..boxes)
                .map(|b| {
                    let values: Vec<(u32, f32)> =
                        (0..count as u32).map(|item| (item, rng.gen_range(0.0..1.0))).collect();
                    let mut order = order(&format!("b{b}"), rng.gen_range(0..100), &values);
                    order.request.regular = rng.gen_range(0..4);
                    order.request.surprise = rng.gen_range(0..2);
                    order
                })
                .collect();
            let dates: Vec<i64> = orders.iter().map(|o| o.ship_at).collect();
            let job = Job::new(&items(count), &Rules::default(), &orders, lots.clone()).unwrap();
            let options = Options { random_one_in: Some(2), ..Options::default() };
            let packed = job.run(&options, &|| false, &mut |_| {}).unwrap();
            let mut used = vec![0i64; lots.len()];
            for (order, ship_at) in packed.orders.iter().zip(&dates) {
                prop_assert_eq!(order.lots.len(), order.packed.lines.len());
                let mut products: Vec<u32> = order.packed.lines.iter().map(|l| l.item).collect();
                for (line, at) in order.packed.lines.iter().zip(&order.lots) {
                    prop_assert_eq!(lots[*at].item, line.item);
                    prop_assert!(lots[*at].usable(*ship_at));
                    used[*at] += 1;
                    for stand_in in &line.stand_ins {
                        prop_assert!(!order.packed.lines.iter().any(|l| l.item == stand_in.item));
                    }
                }
                products.sort_unstable();
                products.dedup();
                prop_assert_eq!(products.len(), order.packed.lines.len());
            }
            for ((used, left), lot) in used.iter().zip(&packed.lots_left).zip(&lots) {
                prop_assert!(*left >= 0);
                prop_assert_eq!(used + left, lot.quantity.max(0));
            }
        }
    }
}
