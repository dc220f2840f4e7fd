//! What is to be packed: items with stock, rules, boxes and their candidates.

use std::collections::{HashMap, HashSet};

/// Most slots of one box, regular and surprise together.
pub use serendib_shop::MAX_SLOTS;

/// A product as the packer sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    /// The shop's id, for messages.
    pub id: String,
    /// Units that boxes may take. Unknown or negative stock is no stock: pass 0.
    pub stock: u32,
    /// Number shared by the variants of one parent; a box gets at most one of them.
    pub family: u32,
    /// Number shared by the items that are lots of one product; `None` = the product has this one only.
    pub lot_of: Option<u32>,
    /// Category numbers from the leaf up to its root.
    pub categories: Vec<u32>,
    /// Price, ≥ 0; `None` = unknown, then it goes into no box with a budget.
    pub price: Option<f32>,
    /// Cost to the shop, ≥ 0.
    pub cost: Option<f32>,
    /// Grams, ≥ 0; `None` = unknown, then it goes into no box with a weight limit.
    pub weight_g: Option<f32>,
    /// Millilitres, ≥ 0; likewise.
    pub volume_ml: Option<f32>,
    /// Numbers of the allergens in it.
    pub allergens: Vec<u32>,
    /// Whether nobody says what allergens are in it, where it is said of its like.
    pub unlabelled: bool,
    /// Number of its size, where its variants differ by size; `None` = it fits everybody.
    pub size: Option<u32>,
    /// Whether owning one removes the need for another.
    pub durable: bool,
}

/// Rules for all boxes. The first group is hard, the second is met as far as possible and reported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// Most lines of a box from a category or anything below it: (category number, cap).
    pub category_caps: Vec<(u32, u32)>,
    /// Most lines of a box from any one leaf category.
    pub leaf_cap: Option<u32>,
    /// Items that go into every box, in a regular slot.
    pub pinned: Vec<u32>,
    /// How many earlier boxes of a subscriber are not repeated.
    pub no_repeat_boxes: usize,
    /// Least relevance of a surprise, where the box has none of its own.
    pub relevance_floor: f32,

    /// Categories of which every box should have a line.
    pub required_categories: Vec<u32>,
    /// Units of an item that should be used over all boxes: (item, units).
    pub minimum_use: Vec<(u32, u32)>,
    /// Least margin over all boxes, Σ(price − cost) / Σ price, of items whose price and cost are known.
    pub minimum_margin: Option<f64>,
    /// Least value of a box as a share of the median box.
    pub fairness: Option<f64>,
}

/// One box to be packed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BoxRequest {
    /// Id, unique within the problem.
    pub id: String,
    /// Number of regular slots.
    pub regular: usize,
    /// Number of surprise slots.
    pub surprise: usize,
    /// Most money, Σ price.
    pub budget: Option<f64>,
    /// Highest weight of all lines together, g.
    pub max_weight_g: Option<f64>,
    /// Highest volume of all lines together, ml.
    pub max_volume_ml: Option<f64>,
    /// Items that this subscriber does not get.
    pub excluded_items: Vec<u32>,
    /// Items that this subscriber asked never to see again.
    pub hidden: Vec<u32>,
    /// Categories, with everything below, that this subscriber does not get.
    pub excluded_categories: Vec<u32>,
    /// Allergens that this subscriber does not get.
    pub allergens: Vec<u32>,
    /// Whether what is unlabelled stays out.
    pub wary: bool,
    /// Sizes that the subscriber is known to have: (family, size). What comes in sizes stays out in any other.
    pub family_sizes: Vec<(u32, u32)>,
    /// The same for families of which they have none: (leaf category, size).
    pub leaf_sizes: Vec<(u32, u32)>,
    /// Items of earlier boxes, latest box first.
    pub history: Vec<Vec<u32>>,
    /// Items the subscriber owns or has bought: durable ones are not sent, and none of them is a surprise.
    pub owned: Vec<u32>,
    /// Items that go into this box, in a regular slot.
    pub pinned: Vec<u32>,
    /// Least relevance of a surprise; `None` = that of the rules.
    pub relevance_floor: Option<f32>,
    /// Contents that are not changed: (item, whether it is a surprise). Takes its stock before all others.
    pub locked: Option<Vec<(u32, bool)>>,
    /// Lines that stay while the other slots are packed: (item, whether it is a surprise). They take slots, stock and
    /// what they use of the limits; nothing takes them out.
    pub kept: Vec<(u32, bool)>,
}

/// An item that a box may get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Number of the item in the problem.
    pub item: u32,
    /// Value in a regular slot, finite.
    pub value: f32,
    /// Value in a surprise slot, finite.
    pub surprise: f32,
    /// Relevance, compared with the floor before the item may be a surprise.
    pub relevance: f32,
}

/// Why a candidate was taken out of a box before packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Removal {
    /// The item, or its category, is excluded.
    Excluded,
    /// It holds an allergen of the subscriber.
    Allergen,
    /// Nobody says what allergens are in it, and the subscriber is to get none of some.
    Unlabelled,
    /// It is of another size than the subscriber is known to have.
    Size,
    /// It, or a variant of it, was in one of the last boxes.
    Repeated,
    /// It is durable and the subscriber owns it or a variant of it.
    Owned,
    /// The box has a limit on a measure that is unknown for the item.
    Unmeasured,
    /// It alone exceeds the budget, the weight or the volume of the box.
    TooBig,
    /// A variant of it is pinned.
    PinnedVariant,
    /// Nothing is left of it.
    OutOfStock,
    /// The subscriber asked never to see it again.
    Hidden,
}

impl std::fmt::Display for Removal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Removal::Excluded => "excluded",
            Removal::Allergen => "allergen",
            Removal::Unlabelled => "allergens not known",
            Removal::Size => "not of a size that they are known to have",
            Removal::Repeated => "in one of the last boxes",
            Removal::Owned => "owned",
            Removal::Unmeasured => "price, weight or volume unknown",
            Removal::TooBig => "too dear, heavy or large for the box",
            Removal::PinnedVariant => "a variant of a line that is fixed",
            Removal::OutOfStock => "out of stock",
            Removal::Hidden => "hidden by the subscriber",
        })
    }
}

impl std::fmt::Display for PinFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PinFault::Removed(removal) => removal.fmt(f),
            PinFault::Slots => f.write_str("no regular slot left"),
            PinFault::CategoryCap => f.write_str("category cap reached"),
            PinFault::Limits => f.write_str("budget, weight or volume used up"),
        }
    }
}

impl Removal {
    pub(crate) const COUNT: usize = 11;
}

/// Why a pinned item is not in a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinFault {
    /// A rule that protects the subscriber is stronger than the pin.
    Removed(Removal),
    /// No regular slot is left.
    Slots,
    /// A category cap is reached.
    CategoryCap,
    /// Budget, weight or volume is used up.
    Limits,
}

/// What is wrong with a problem.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProblemError {
    /// An item has a number out of range.
    #[error("item {id:?}: {field} is {found}, expected a finite number ≥ 0")]
    ItemNumber {
        /// Id of the item.
        id: String,
        field: &'static str,
        found: f64,
    },
    /// A rule or box names an item that does not exist.
    #[error("{place}: item number {item} does not exist, there are {items}")]
    NoSuchItem {
        /// Rule or box.
        place: String,
        item: u32,
        /// How many there are.
        items: usize,
    },
    /// A rule has a number out of range.
    #[error("rules: {field} is {found}, expected {expected}")]
    RuleNumber {
        field: &'static str,
        found: f64,
        expected: &'static str,
    },
    /// Two boxes have one id.
    #[error("box {id:?} appears twice")]
    DuplicateBox {
        /// Id of the box.
        id: String,
    },
    /// A box has a number out of range.
    #[error("box {id:?}: {field} is {found}, expected {expected}")]
    BoxNumber {
        /// Id of the box.
        id: String,
        field: &'static str,
        found: f64,
        expected: &'static str,
    },
    /// A candidate is listed twice in a box.
    #[error("box {id:?}: item {item} is a candidate twice")]
    DuplicateCandidate {
        /// Id of the box.
        id: String,
        /// Number of the item in the problem.
        item: u32,
    },
    /// Locked contents need more units than there are.
    #[error("box {id:?}: its locked contents need item {item:?}, of which nothing is left")]
    LockedOversold {
        /// Id of the box.
        id: String,
        /// Id of the item.
        item: String,
    },
}

/// One of price, weight and volume per item.
pub(crate) const MEASURES: usize = 3;

/// A box as the solver sees it.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    pub id: String,
    /// Free slots, after fixed lines.
    pub regular: usize,
    pub surprise: usize,
    /// What is left of budget, weight and volume after fixed lines; infinite without a limit.
    pub left: [f64; MEASURES],
    /// Candidates, as a range of the problem's arrays, in order of item number.
    pub start: usize,
    pub end: usize,
    /// Fixed lines: (item, surprise, value); pinned or locked.
    pub fixed: Vec<(u32, bool, f32)>,
    /// Pins that are not met.
    pub pin_faults: Vec<(u32, PinFault)>,
    pub locked: bool,
    /// Candidates removed before packing, by reason.
    pub removed: [u32; Removal::COUNT],
    /// Candidates too irrelevant to be a surprise.
    pub below_floor: u32,
    /// The request without its candidates, for verification and repacking.
    pub request: BoxRequest,
}

impl Slots {
    pub fn limited(&self) -> bool {
        self.left.iter().any(|left| left.is_finite())
    }
}

/// Items, rules and boxes, validated; boxes are added one by one.
#[derive(Debug, Clone)]
pub struct Problem {
    pub(crate) items: Vec<Item>,
    pub(crate) rules: Rules,
    /// Price, weight, volume; 0 where unknown.
    pub(crate) measures: Vec<[f64; MEASURES]>,
    /// Cap groups of each item.
    pub(crate) groups: Vec<Vec<u32>>,
    /// Most lines of a box per cap group, and the category it stands for.
    pub(crate) caps: Vec<(u32, u32)>,
    /// Whether families and cap groups are nested, so that greedy is exact.
    pub(crate) laminar: bool,
    pub(crate) boxes: Vec<Slots>,
    pub(crate) item_of: Vec<u32>,
    pub(crate) regular_value: Vec<f32>,
    /// −∞ where the item may not be a surprise.
    pub(crate) surprise_value: Vec<f32>,
    /// Units left after fixed lines.
    pub(crate) stock: Vec<u32>,
    pub(crate) ids: HashSet<String>,
}

fn check_number(id: &str, field: &'static str, value: Option<f32>) -> Result<(), ProblemError> {
    match value {
        Some(v) if !(v.is_finite() && v >= 0.0) => Err(ProblemError::ItemNumber {
            id: id.into(),
            field,
            found: f64::from(v),
        }),
        _ => Ok(()),
    }
}

impl Problem {
    /// A problem without boxes.
    ///
    /// # Errors
    /// A number out of range, or a rule about an item that does not exist.
    pub fn new(items: Vec<Item>, rules: Rules) -> Result<Problem, ProblemError> {
        for item in &items {
            check_number(&item.id, "price", item.price)?;
            check_number(&item.id, "cost", item.cost)?;
            check_number(&item.id, "weight_g", item.weight_g)?;
            check_number(&item.id, "volume_ml", item.volume_ml)?;
        }
        let named = rules.pinned.iter().map(|item| ("rules: pinned", *item));
        let used = rules
            .minimum_use
            .iter()
            .map(|(item, _)| ("rules: minimum_use", *item));
        for (place, item) in named.chain(used) {
            if item as usize >= items.len() {
                return Err(ProblemError::NoSuchItem {
                    place: place.into(),
                    item,
                    items: items.len(),
                });
            }
        }
        for (field, found) in [
            ("minimum_margin", rules.minimum_margin),
            ("fairness", rules.fairness),
            ("relevance_floor", Some(f64::from(rules.relevance_floor))),
        ] {
            let ok =
                |v: f64| v.is_finite() && (field == "relevance_floor" || (0.0..=1.0).contains(&v));
            if let Some(found) = found.filter(|v| !ok(*v)) {
                return Err(ProblemError::RuleNumber {
                    field,
                    found,
                    expected: "a finite number, 0 to 1 for shares",
                });
            }
        }
        let measures = items
            .iter()
            .map(|item| {
                [item.price, item.weight_g, item.volume_ml].map(|m| f64::from(m.unwrap_or(0.0)))
            })
            .collect();
        let (groups, caps) = cap_groups(&items, &rules);
        let laminar = is_laminar(&items, &groups, caps.len());
        Ok(Problem {
            stock: items.iter().map(|item| item.stock).collect(),
            items,
            rules,
            measures,
            groups,
            caps,
            laminar,
            boxes: Vec::new(),
            item_of: Vec::new(),
            regular_value: Vec::new(),
            surprise_value: Vec::new(),
            ids: HashSet::new(),
        })
    }

    /// Adds a box with the items it may get; answers its number. Ineligible candidates are removed and counted.
    ///
    /// Fixed lines (locked contents, then pins) take their stock at once, in the order boxes are added: add locked
    /// boxes first.
    ///
    /// # Errors
    /// A repeated box id, a number out of range, an item that does not exist or is listed twice, locked contents that
    /// exceed the stock. The problem is unchanged then.
    pub fn add(
        &mut self,
        request: BoxRequest,
        candidates: &[Candidate],
    ) -> Result<usize, ProblemError> {
        self.check_request(&request, candidates)?;
        let guard = Guard::new(&self.items, self.rules.no_repeat_boxes, &request);
        let mut slots = Slots {
            id: request.id.clone(),
            regular: request.regular,
            surprise: request.surprise,
            left: [request.budget, request.max_weight_g, request.max_volume_ml]
                .map(|limit| limit.unwrap_or(f64::INFINITY)),
            start: self.item_of.len(),
            end: self.item_of.len(),
            fixed: Vec::new(),
            pin_faults: Vec::new(),
            locked: request.locked.is_some(),
            removed: [0; Removal::COUNT],
            below_floor: 0,
            request: BoxRequest::default(),
        };
        let values: HashMap<u32, &Candidate> = if request.locked.is_some()
            || !request.kept.is_empty()
            || !request.pinned.is_empty()
            || !self.rules.pinned.is_empty()
        {
            candidates.iter().map(|c| (c.item, c)).collect()
        } else {
            HashMap::new()
        };
        if let Some(lines) = &request.locked {
            for (item, surprise) in lines {
                let value =
                    values
                        .get(item)
                        .map_or(0.0, |c| if *surprise { c.surprise } else { c.value });
                self.stock[*item as usize] -= 1;
                slots.fixed.push((*item, *surprise, value));
            }
            slots.regular = 0;
            slots.surprise = 0;
        } else {
            for (item, surprise) in &request.kept {
                let value =
                    values
                        .get(item)
                        .map_or(0.0, |c| if *surprise { c.surprise } else { c.value });
                self.fix(&mut slots, *item, *surprise, value);
            }
            let pins: Vec<u32> = self
                .rules
                .pinned
                .iter()
                .chain(&request.pinned)
                .copied()
                .collect();
            for item in pins {
                let inside = |(fixed, _, _): &(u32, bool, f32)| self.same_product(*fixed, item);
                if slots.fixed.iter().any(inside) {
                    continue;
                }
                match self.pin_fault(&guard, &slots, item) {
                    Some(fault) => slots.pin_faults.push((item, fault)),
                    None => {
                        let value = values.get(&item).map_or(0.0, |c| c.value);
                        self.fix(&mut slots, item, false, value);
                    }
                }
            }
            let floor = request
                .relevance_floor
                .unwrap_or(self.rules.relevance_floor);
            let mut kept: Vec<&Candidate> = Vec::with_capacity(candidates.len());
            for candidate in candidates {
                match guard
                    .removes(&self.items, candidate.item)
                    .or_else(|| self.too_much(&slots, candidate.item))
                {
                    Some(reason) => slots.removed[reason as usize] += 1,
                    None => kept.push(candidate),
                }
            }
            kept.sort_by_key(|c| c.item);
            for candidate in kept {
                let surprise = if guard.knows(&self.items, candidate.item) {
                    f32::NEG_INFINITY
                } else if candidate.relevance >= floor {
                    candidate.surprise
                } else {
                    slots.below_floor += 1;
                    f32::NEG_INFINITY
                };
                self.item_of.push(candidate.item);
                self.regular_value.push(candidate.value);
                self.surprise_value.push(surprise);
            }
            slots.end = self.item_of.len();
        }
        self.ids.insert(request.id.clone());
        slots.request = request;
        self.boxes.push(slots);
        Ok(self.boxes.len() - 1)
    }

    /// Puts a fixed line into the box.
    fn fix(&mut self, slots: &mut Slots, item: u32, surprise: bool, value: f32) {
        self.stock[item as usize] -= 1;
        let open = if surprise {
            &mut slots.surprise
        } else {
            &mut slots.regular
        };
        *open -= 1;
        for (left, used) in slots.left.iter_mut().zip(self.measures[item as usize]) {
            *left -= used;
        }
        slots.fixed.push((item, surprise, value));
    }

    /// Whether both are the same product, perhaps of different lots.
    pub(crate) fn same_product(&self, a: u32, b: u32) -> bool {
        let lot_of = |item: u32| self.items[item as usize].lot_of;
        a == b || (lot_of(a).is_some() && lot_of(a) == lot_of(b))
    }

    fn check_request(
        &self,
        request: &BoxRequest,
        candidates: &[Candidate],
    ) -> Result<(), ProblemError> {
        let id = || request.id.clone();
        if self.ids.contains(&request.id) {
            return Err(ProblemError::DuplicateBox { id: id() });
        }
        let number = |field, found, expected| ProblemError::BoxNumber {
            id: id(),
            field,
            found,
            expected,
        };
        let slots = request.regular.saturating_add(request.surprise);
        if slots > MAX_SLOTS {
            return Err(number("slots", slots as f64, "at most 64 in all"));
        }
        for (field, limit) in [
            ("budget", request.budget),
            ("max_weight_g", request.max_weight_g),
            ("max_volume_ml", request.max_volume_ml),
        ] {
            if let Some(found) = limit.filter(|l| !(l.is_finite() && *l >= 0.0)) {
                return Err(number(field, found, "a finite number ≥ 0"));
            }
        }
        if let Some(floor) = request.relevance_floor.filter(|f| !f.is_finite()) {
            return Err(number(
                "relevance_floor",
                f64::from(floor),
                "a finite number",
            ));
        }
        let exists = |item: u32| {
            ((item as usize) < self.items.len())
                .then_some(())
                .ok_or_else(|| ProblemError::NoSuchItem {
                    place: format!("box {:?}", request.id),
                    item,
                    items: self.items.len(),
                })
        };
        for item in request
            .pinned
            .iter()
            .chain(&request.excluded_items)
            .chain(&request.hidden)
            .chain(&request.owned)
        {
            exists(*item)?;
        }
        for item in request.history.iter().flatten() {
            exists(*item)?;
        }
        let mut seen = HashSet::with_capacity(candidates.len());
        for candidate in candidates {
            exists(candidate.item)?;
            for (field, value) in [
                ("value", candidate.value),
                ("surprise", candidate.surprise),
                ("relevance", candidate.relevance),
            ] {
                if !value.is_finite() {
                    return Err(number(field, f64::from(value), "a finite number"));
                }
            }
            if !seen.insert(candidate.item) {
                return Err(ProblemError::DuplicateCandidate {
                    id: id(),
                    item: candidate.item,
                });
            }
        }
        let kept = |surprise: bool| request.kept.iter().filter(|(_, s)| *s == surprise).count();
        for (field, open, surprise) in [
            ("kept regular lines", request.regular, false),
            ("kept surprises", request.surprise, true),
        ] {
            if kept(surprise) > open {
                let found = kept(surprise) as f64;
                return Err(number(field, found, "at most as many as there are slots"));
            }
        }
        let mut need: HashMap<u32, u32> = HashMap::new();
        for (item, _) in request.locked.iter().flatten().chain(&request.kept) {
            exists(*item)?;
            let units = need.entry(*item).or_insert(0);
            *units += 1;
            if *units > self.stock[*item as usize] {
                return Err(ProblemError::LockedOversold {
                    id: id(),
                    item: self.items[*item as usize].id.clone(),
                });
            }
        }
        Ok(())
    }

    /// Why the box, with its fixed lines, cannot take `item` at all.
    fn too_much(&self, slots: &Slots, item: u32) -> Option<Removal> {
        let family = self.items[item as usize].family;
        let variant =
            |(fixed, _, _): &(u32, bool, f32)| self.items[*fixed as usize].family == family;
        if slots.fixed.iter().any(variant) {
            return Some(Removal::PinnedVariant);
        }
        let used = self.measures[item as usize];
        let fits = slots
            .left
            .iter()
            .zip(used)
            .all(|(left, used)| fits(used, *left));
        (!fits).then_some(Removal::TooBig)
    }

    fn pin_fault(&self, guard: &Guard, slots: &Slots, item: u32) -> Option<PinFault> {
        if slots.regular == 0 {
            return Some(PinFault::Slots);
        }
        if let Some(removal) = guard.removes(&self.items, item) {
            return Some(PinFault::Removed(removal));
        }
        match self.too_much(slots, item) {
            Some(Removal::TooBig) => return Some(PinFault::Limits),
            Some(removal) => return Some(PinFault::Removed(removal)),
            None => {}
        }
        for group in &self.groups[item as usize] {
            let lines = slots
                .fixed
                .iter()
                .filter(|(fixed, _, _)| self.groups[*fixed as usize].contains(group))
                .count();
            if lines as u32 >= self.caps[*group as usize].1 {
                return Some(PinFault::CategoryCap);
            }
        }
        (self.stock[item as usize] == 0).then_some(PinFault::Removed(Removal::OutOfStock))
    }

    /// Returns all items by their numbers.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// How many boxes there are.
    pub fn len(&self) -> usize {
        self.boxes.len()
    }

    /// Whether there are no boxes.
    pub fn is_empty(&self) -> bool {
        self.boxes.is_empty()
    }

    /// Id of box `number`; empty for a number that [`Problem::add`] never gave.
    pub fn box_id(&self, number: usize) -> &str {
        self.boxes.get(number).map_or("", |slots| &slots.id)
    }

    /// Slots over all boxes that are not fixed by locks and pins.
    pub fn open_slots(&self) -> u64 {
        self.boxes
            .iter()
            .map(|b| (b.regular + b.surprise) as u64)
            .sum()
    }
}

/// Whether `used` fits into `left`, with room for rounding.
pub(crate) fn fits(used: f64, left: f64) -> bool {
    used <= left + 1e-9 * (1.0 + left.abs().min(1e12))
}

/// What protects one subscriber from an item.
pub(crate) struct Guard {
    items: HashSet<u32>,
    hidden: HashSet<u32>,
    categories: HashSet<u32>,
    allergens: HashSet<u32>,
    repeated: HashSet<u32>,
    owned: HashSet<u32>,
    measured: [bool; MEASURES],
    wary: bool,
    family_sizes: HashSet<(u32, u32)>,
    leaf_sizes: HashSet<(u32, u32)>,
    sized_families: HashSet<u32>,
}

impl Guard {
    pub fn new(items: &[Item], no_repeat_boxes: usize, request: &BoxRequest) -> Guard {
        let family = |item: &u32| items[*item as usize].family;
        Guard {
            items: request.excluded_items.iter().copied().collect(),
            hidden: request.hidden.iter().copied().collect(),
            categories: request.excluded_categories.iter().copied().collect(),
            allergens: request.allergens.iter().copied().collect(),
            repeated: request
                .history
                .iter()
                .take(no_repeat_boxes)
                .flatten()
                .map(family)
                .collect(),
            owned: request.owned.iter().map(family).collect(),
            measured: [
                request.budget.is_some(),
                request.max_weight_g.is_some(),
                request.max_volume_ml.is_some(),
            ],
            wary: request.wary,
            family_sizes: request.family_sizes.iter().copied().collect(),
            leaf_sizes: request.leaf_sizes.iter().copied().collect(),
            sized_families: request.family_sizes.iter().map(|(f, _)| *f).collect(),
        }
    }

    /// Whether the item is of a size that the subscriber is known to have, or comes in none.
    fn fits(&self, item: &Item) -> bool {
        let Some(size) = item.size else {
            return true;
        };
        if self.sized_families.contains(&item.family) {
            return self.family_sizes.contains(&(item.family, size));
        }
        let leaf = item.categories.first();
        leaf.is_some_and(|leaf| self.leaf_sizes.contains(&(*leaf, size)))
    }

    /// Whether the subscriber has had the item, or a variant of it: it may suit, but it is no surprise.
    pub fn knows(&self, items: &[Item], number: u32) -> bool {
        self.owned.contains(&items[number as usize].family)
    }

    /// Why the subscriber does not get the item.
    pub fn removes(&self, items: &[Item], number: u32) -> Option<Removal> {
        let item = &items[number as usize];
        let unknown = [item.price, item.weight_g, item.volume_ml].map(|m| m.is_none());
        if self.items.contains(&number)
            || item.categories.iter().any(|c| self.categories.contains(c))
        {
            Some(Removal::Excluded)
        } else if self.hidden.contains(&number) {
            Some(Removal::Hidden)
        } else if item.allergens.iter().any(|a| self.allergens.contains(a)) {
            Some(Removal::Allergen)
        } else if self.wary && item.unlabelled {
            Some(Removal::Unlabelled)
        } else if !self.fits(item) {
            Some(Removal::Size)
        } else if self.repeated.contains(&item.family) {
            Some(Removal::Repeated)
        } else if item.durable && self.owned.contains(&item.family) {
            Some(Removal::Owned)
        } else if self
            .measured
            .iter()
            .zip(unknown)
            .any(|(limit, unknown)| *limit && unknown)
        {
            Some(Removal::Unmeasured)
        } else {
            None
        }
    }
}

/// Cap groups per item, and (category, cap) per group.
fn cap_groups(items: &[Item], rules: &Rules) -> (Vec<Vec<u32>>, Vec<(u32, u32)>) {
    let mut caps: Vec<(u32, u32)> = Vec::new();
    let mut of_category: HashMap<u32, u32> = HashMap::new();
    for (category, cap) in &rules.category_caps {
        match of_category.get(category) {
            // of two caps on one category the tighter holds
            Some(group) => {
                let known = &mut caps[*group as usize].1;
                *known = (*known).min(*cap);
            }
            None => {
                of_category.insert(*category, caps.len() as u32);
                caps.push((*category, *cap));
            }
        }
    }
    if let Some(cap) = rules.leaf_cap {
        for leaf in items.iter().filter_map(|item| item.categories.first()) {
            match of_category.get(leaf) {
                Some(group) => {
                    let known = &mut caps[*group as usize].1;
                    *known = (*known).min(cap);
                }
                None => {
                    of_category.insert(*leaf, caps.len() as u32);
                    caps.push((*leaf, cap));
                }
            }
        }
    }
    let groups = items
        .iter()
        .map(|item| {
            let mut groups: Vec<u32> = item
                .categories
                .iter()
                .filter_map(|c| of_category.get(c).copied())
                .collect();
            groups.sort_unstable();
            groups.dedup();
            groups
        })
        .collect();
    (groups, caps)
}

/// Whether any two of the families and cap groups are nested or disjoint: then the boxes' independent sets are those
/// of a laminar matroid.
pub(crate) fn is_laminar(items: &[Item], groups: &[Vec<u32>], group_count: usize) -> bool {
    let mut of_family: HashMap<u32, &Vec<u32>> = HashMap::new();
    for (item, groups) in items.iter().zip(groups) {
        if *of_family.entry(item.family).or_insert(groups) != groups {
            return false;
        }
    }
    let mut size = vec![0u32; group_count];
    let mut shared: HashMap<(u32, u32), u32> = HashMap::new();
    for groups in groups {
        for (at, a) in groups.iter().enumerate() {
            size[*a as usize] += 1;
            for b in &groups[at + 1..] {
                *shared.entry((*a, *b)).or_insert(0) += 1;
            }
        }
    }
    shared
        .iter()
        .all(|((a, b), n)| *n == size[*a as usize].min(size[*b as usize]))
}
