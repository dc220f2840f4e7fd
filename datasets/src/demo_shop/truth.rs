//! The hidden truth, written to `truth/` for evaluation only; training never reads it.
//!
//! | table | columns | what it is |
//! |---|---|---|
//! | `households` | customer_id, curiosity, caution, patience, loyalty, pace, purse, presents, style_a, style_b, away | hidden traits; styles are tastes that no feature shows; `away` = stays away at the end |
//! | `clocks` | customer_id, clock, species, anchor, declared | every life situation of every household, with its anchor date (contract: the day it ends), and whether the customers table tells it |
//! | `categories` | category, clock, species, from_day, to_day, needs_per_year, share, pack_days, durable, season | who needs a category at what age (days from the anchor; empty = always), how often, and how long a pack lasts |
//! | `products` | product_id, family, substitutes, style, quality | equal `family` = variants; equal `substitutes`, different family = substitutes |
//! | `complements` | anchor, complement, direction, together, later, lag_from, lag_to, same_brand | pairs of categories; `forward` = the complement is wanted because the anchor was bought, `both` = either order; with `same_brand` only products of the anchor's brand fit |
//! | `orders` | customer_id, cut_off, p30, p90, bought30, bought90 | probability of at least one purchase in 30 and 90 days from the cut-off on (that day included), known the hidden state before it; and what happened |
//! | `next_categories` | customer_id, cut_off, category, p30, p60, bought30, bought60, new | the same by category (absent = never in any simulated future and not bought); `new` = never bought there before. Rank by `p60` among `new` for the best possible next new category, by `p30` for the best possible relevance |
//! | `delight` | customer_id, product_id, at, request_id, source, p, rated | probability that `surprised` ≥ 4; `source` is `tip`, `purchase` or `box` for what is in `delights`, `candidate` for twenty unrated products of every fifth customer on the last day |
//! | `served` | request_id, product_id, rank, propensity, p_click, drawn, clicked | every candidate of every tip with the true probability that it is clicked if shown: Σ policy · p_click is the true value of any policy |
//! | `births` | customer_id, n, anchor, declared, p05, p10, p50, p90, p95, log_true | best possible posterior of the birth date of an only child after the first n purchases for children (true emission rates, counted without the household itself); `log_true` = ln of the probability of the true 30-day step |
//! | `presents` | basket_id, product_id | lines bought for others |
//!
//! Probabilities of orders and categories are averages over futures that were lived from the hidden state (see
//! [`oracle`](super)); they are calibrated, and an upper bound for every model that sees the tables only.

use std::path::{Path, PathBuf};

use super::anchor::{Emissions, OneChild, MOST};
use super::calendar;
use super::household::World;
use super::story::{basket_id, request_id, Story};
use super::taxonomy::{relations, Clock};
use serendib_shop::{Cell, ColumnType, DataError, Format, OutputTable};

use ColumnType::{Bool, Float, Int, Text, Time};

/// The truth tables in the making.
pub struct TruthWriter {
    dir: PathBuf,
    format: Format,
    households: OutputTable,
    clocks: OutputTable,
    orders: OutputTable,
    next_categories: OutputTable,
    delight: OutputTable,
    served: OutputTable,
    presents: OutputTable,
    emissions: Emissions,
    children: Vec<OneChild>,
}

fn text(text: &str) -> Cell<'_> {
    Cell::from(text)
}

fn owned(text: String) -> Cell<'static> {
    Cell::Text(text.into())
}

fn yes(happened: Option<bool>) -> Cell<'static> {
    happened.map_or(Cell::Null, Cell::Bool)
}

fn species(clock: Option<Clock>) -> Cell<'static> {
    match clock {
        Some(Clock::Dog) => Cell::from("dog"),
        Some(Clock::Cat) => Cell::from("cat"),
        _ => Cell::Null,
    }
}

fn round(p: f64) -> Cell<'static> {
    Cell::Float((p * 1e6).round() / 1e6)
}

impl TruthWriter {
    /// Starts `truth/` in `dir` and writes what does not depend on customers.
    pub fn create(dir: &Path, format: Format, world: &World) -> Result<TruthWriter, DataError> {
        let dir = dir.join("truth");
        std::fs::create_dir_all(&dir).map_err(DataError::io("create directory", &dir))?;
        let table = |name: &str, columns: &[(&str, ColumnType)]| {
            OutputTable::create(&dir.join(format!("{name}.{format}")), columns)
        };
        let writer = TruthWriter {
            households: table(
                "households",
                &[
                    ("customer_id", Text),
                    ("curiosity", Float),
                    ("caution", Float),
                    ("patience", Int),
                    ("loyalty", Float),
                    ("pace", Float),
                    ("purse", Float),
                    ("presents", Float),
                    ("style_a", Int),
                    ("style_b", Int),
                    ("away", Bool),
                ],
            )?,
            clocks: table(
                "clocks",
                &[
                    ("customer_id", Text),
                    ("clock", Text),
                    ("species", Text),
                    ("anchor", Text),
                    ("declared", Bool),
                ],
            )?,
            orders: table(
                "orders",
                &[
                    ("customer_id", Text),
                    ("cut_off", Text),
                    ("p30", Float),
                    ("p90", Float),
                    ("bought30", Bool),
                    ("bought90", Bool),
                ],
            )?,
            next_categories: table(
                "next_categories",
                &[
                    ("customer_id", Text),
                    ("cut_off", Text),
                    ("category", Text),
                    ("p30", Float),
                    ("p60", Float),
                    ("bought30", Bool),
                    ("bought60", Bool),
                    ("new", Bool),
                ],
            )?,
            delight: table(
                "delight",
                &[
                    ("customer_id", Text),
                    ("product_id", Text),
                    ("at", Time),
                    ("request_id", Text),
                    ("source", Text),
                    ("p", Float),
                    ("rated", Bool),
                ],
            )?,
            served: table(
                "served",
                &[
                    ("request_id", Text),
                    ("product_id", Text),
                    ("rank", Int),
                    ("propensity", Float),
                    ("p_click", Float),
                    ("drawn", Bool),
                    ("clicked", Bool),
                ],
            )?,
            presents: table("presents", &[("basket_id", Text), ("product_id", Text)])?,
            emissions: Emissions::new(world),
            children: Vec::new(),
            dir,
            format,
        };
        writer.catalogue(world)?;
        Ok(writer)
    }

    fn table(&self, name: &str, columns: &[(&str, ColumnType)]) -> Result<OutputTable, DataError> {
        OutputTable::create(&self.dir.join(format!("{name}.{}", self.format)), columns)
    }

    fn catalogue(&self, world: &World) -> Result<(), DataError> {
        let mut categories = self.table(
            "categories",
            &[
                ("category", Text),
                ("clock", Text),
                ("species", Text),
                ("from_day", Int),
                ("to_day", Int),
                ("needs_per_year", Float),
                ("share", Float),
                ("pack_days", Float),
                ("durable", Bool),
                ("season", Text),
            ],
        )?;
        for spec in world.room.specs {
            let bound = |day: i32| spec.clock.map_or(Cell::Null, |_| Cell::Int(i64::from(day)));
            categories.row(&[
                text(&spec.path),
                spec.clock.map_or(Cell::Null, |c| text(c.word())),
                species(spec.clock),
                bound(spec.window.0),
                bound(spec.window.1),
                Cell::Float(spec.rate),
                Cell::Float(spec.adopt),
                if spec.supply > 0.0 {
                    Cell::Float(spec.supply)
                } else {
                    Cell::Null
                },
                Cell::Bool(spec.durable),
                owned(format!("{:?}", spec.season).to_lowercase()),
            ])?;
        }
        categories.finish()?;
        let mut products = self.table(
            "products",
            &[
                ("product_id", Text),
                ("family", Int),
                ("substitutes", Text),
                ("style", Int),
                ("quality", Float),
            ],
        )?;
        for (ix, product) in world.room.products.iter().enumerate() {
            let family = world.room.family(ix as u32);
            let spec = &world.room.specs[usize::from(family.category)];
            products.row(&[
                text(&product.product_id),
                Cell::Int(i64::from(world.room.family_of[ix])),
                owned(format!(
                    "{}: {}",
                    spec.path,
                    spec.nouns[usize::from(family.noun)]
                )),
                Cell::Int(i64::from(family.style)),
                round(family.quality),
            ])?;
        }
        products.finish()?;
        let mut complements = self.table(
            "complements",
            &[
                ("anchor", Text),
                ("complement", Text),
                ("direction", Text),
                ("together", Float),
                ("later", Float),
                ("lag_from", Int),
                ("lag_to", Int),
                ("same_brand", Bool),
            ],
        )?;
        for relation in relations() {
            complements.row(&[
                text(&relation.anchor),
                text(&relation.complement),
                text(if relation.both { "both" } else { "forward" }),
                Cell::Float(relation.together),
                Cell::Float(relation.later),
                Cell::Int(i64::from(relation.lag.0)),
                Cell::Int(i64::from(relation.lag.1)),
                Cell::Bool(relation.same_brand),
            ])?;
        }
        complements.finish()?;
        Ok(())
    }

    /// Adds one customer.
    pub fn story(&mut self, world: &World, story: &Story) -> Result<(), DataError> {
        let person = &story.person;
        let id = || text(&person.id);
        let product = |p: u32| text(&world.room.products[p as usize].product_id);
        self.households.row(&[
            id(),
            round(person.curiosity),
            round(person.caution),
            Cell::Int(i64::from(person.patience)),
            round(person.loyalty),
            round(person.pace),
            round(person.purse),
            round(person.presents),
            Cell::Int(i64::from(person.styles[0])),
            Cell::Int(i64::from(person.styles[1])),
            Cell::Bool(story.away),
        ])?;
        for run in &person.runs {
            self.clocks.row(&[
                id(),
                text(run.clock.word()),
                species(Some(run.clock)),
                owned(calendar::text(run.anchor)),
                Cell::Bool(run.declared && run.anchor <= calendar::END + 90),
            ])?;
        }
        for order in &story.orders {
            self.orders.row(&[
                id(),
                owned(calendar::text(order.cut)),
                round(order.p[0]),
                round(order.p[1]),
                yes(order.happened[0]),
                yes(order.happened[1]),
            ])?;
        }
        for next in &story.categories {
            self.next_categories.row(&[
                id(),
                owned(calendar::text(next.cut)),
                text(&world.room.specs[usize::from(next.category)].path),
                round(next.p[0]),
                round(next.p[1]),
                Cell::Bool(next.happened[0]),
                Cell::Bool(next.happened[1]),
                Cell::Bool(next.new),
            ])?;
        }
        for said in &story.ledger.said {
            self.delight.row(&[
                id(),
                product(said.product),
                Cell::Time(said.at),
                if said.request > 0 {
                    owned(request_id(person, said.request))
                } else {
                    Cell::Null
                },
                text(said.source),
                round(said.p),
                Cell::Bool(true),
            ])?;
        }
        for (wish, p) in &story.wishes {
            self.delight.row(&[
                id(),
                product(*wish),
                Cell::Time(calendar::at(calendar::END, 0)),
                Cell::Null,
                text("candidate"),
                round(*p),
                Cell::Bool(false),
            ])?;
        }
        for tip in &story.ledger.tips {
            let request = request_id(person, tip.request);
            for (rank, (candidate, propensity, click)) in tip.candidates.iter().enumerate() {
                self.served.row(&[
                    text(&request),
                    product(*candidate),
                    Cell::Int(rank as i64 + 1),
                    Cell::Float(*propensity),
                    round(*click),
                    Cell::Bool(rank == tip.drawn),
                    Cell::Bool(rank == tip.drawn && tip.clicked),
                ])?;
            }
        }
        for bought in story.ledger.bought.iter().filter(|b| b.line.gift) {
            let basket = basket_id(person, bought.line.basket);
            self.presents
                .row(&[text(&basket), product(bought.line.product)])?;
        }
        if let Some(child) = &story.one_child {
            self.emissions.add(child, calendar::END);
            if self.children.len() < MOST && !child.purchases.is_empty() {
                self.children.push(child.clone());
            }
        }
        Ok(())
    }

    /// Closes all tables; the posteriors of births come last because they need everybody's rates.
    pub fn finish(self) -> Result<(), DataError> {
        let mut births = self.table(
            "births",
            &[
                ("customer_id", Text),
                ("n", Int),
                ("anchor", Text),
                ("declared", Bool),
                ("p05", Text),
                ("p10", Text),
                ("p50", Text),
                ("p90", Text),
                ("p95", Text),
                ("log_true", Float),
            ],
        )?;
        let totals = self.emissions.totals();
        let spread = self
            .emissions
            .spread(&self.children, &totals, calendar::END);
        for child in &self.children {
            let customer = super::people::customer_id(child.index);
            for posterior in self.emissions.posteriors(child, &totals, spread) {
                let [p05, p10, p50, p90, p95] =
                    posterior.quantiles.map(|day| owned(calendar::text(day)));
                births.row(&[
                    text(&customer),
                    Cell::Int(posterior.n as i64),
                    owned(calendar::text(child.anchor)),
                    Cell::Bool(child.declared),
                    p05,
                    p10,
                    p50,
                    p90,
                    p95,
                    round(posterior.log_true),
                ])?;
            }
        }
        births.finish()?;
        for table in [
            self.households,
            self.clocks,
            self.orders,
            self.next_categories,
            self.delight,
            self.served,
            self.presents,
        ] {
            table.finish()?;
        }
        Ok(())
    }
}
