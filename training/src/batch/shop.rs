//! A shop's data seen through a model.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serendib_engine::bundle::{BundleError, ModelsDir};
use serendib_engine::model::Model;
use serendib_engine::rank::{Allowed, CustomerState, Live};
use serendib_engine::repeat::NeighbourIndex;
use serendib_shop::{
    CatalogueError, CustomerIx, DataError, Delight, Encoder, Fact, Kind, KindClass, Log, ProductIx,
    Purpose, ReadOptions, ShelfChange, ShopData, Touch, NO_PRODUCT,
};

/// Why data and model cannot be brought together.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The shop's data does not read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model does not load.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The shop's products do not make a catalogue.
    #[error("products table: {0}")]
    Catalogue(#[from] CatalogueError),
}

/// A model, the shelves and everybody's touches in the model's numbers.
#[derive(Debug)]
pub struct Batch {
    pub model: Model,
    /// The shelves: the model's products, and those that only the data has.
    pub live: Live,
    /// The data; its histories are in the numbers of `live.catalogue` and `model.encoder`.
    log: Log,
    /// What customers said of surprises, by customer number.
    delights: HashMap<CustomerIx, Vec<Delight>>,
    /// What reading the data found, as [`ShopData::notes`].
    pub notes: Vec<String>,
}

impl Batch {
    /// Opens the model at `models` (a models directory or one bundle) and the shop data at `data`.
    ///
    /// # Errors
    /// Either does not read.
    pub fn open(models: &Path, data: &Path, options: ReadOptions) -> Result<Batch, BatchError> {
        let bundle = ModelsDir::open(models)?;
        let model = Model::read(&bundle)?;
        let data = ShopData::open(data, options)?;
        let described = data.products()?;
        let log = Log::load(&data, None)?;
        let mut batch = Batch::new(model, log, described.is_some())?;
        for said in data.delights()? {
            let said = said?;
            if let Some(customer) = batch.log.customer(&said.customer_id) {
                batch.delights.entry(customer).or_default().push(said);
            }
        }
        batch.notes = data.notes();
        Ok(batch)
    }

    /// Brings `model` and `log` together; `described` = the shop has a products table, so that a product missing from
    /// it is no longer sold.
    pub fn new(model: Model, mut log: Log, described: bool) -> Result<Batch, BatchError> {
        let live = shelves(&model, &log, described)?;
        translate(&model, &live, &mut log);
        Ok(Batch {
            model,
            live,
            log,
            delights: HashMap::new(),
            notes: Vec::new(),
        })
    }

    /// The data, in the model's numbers.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Puts the customers' baskets before `now` on the shelves, for lists of the next basket: of everybody who allows
    /// their data to be learned from.
    pub fn gather_neighbours(&mut self, now: i64) {
        let Some(next) = &self.model.next_basket else {
            return;
        };
        let customers = 0..self.log.len();
        let rates = customers
            .into_par_iter()
            .map(CustomerIx::of_index)
            .filter(|&customer| self.log.allows(customer, Purpose::Train))
            .map(|customer| {
                let history = self.history(customer);
                let end = history.partition_point(|touch| touch.at < now);
                NeighbourIndex::row(next, &history[..end], self.log.timed)
            })
            .collect();
        self.live.neighbours = NeighbourIndex::of_rows(next, rates).map(Arc::new);
    }

    /// The time of a request: `at`, else just after the last touchpoint; `i64::MAX` in a shop without times.
    pub fn now(&self, at: Option<i64>) -> i64 {
        if !self.log.timed {
            return i64::MAX;
        }
        at.or(self.log.span.map(|(_, last)| last + 1))
            .unwrap_or(i64::MAX)
    }

    /// The touches of customer number `customer`, in order of time.
    pub fn history(&self, customer: CustomerIx) -> &[Touch] {
        self.log.histories.of(customer)
    }

    /// What customer number `customer` said of surprises; nothing for nobody.
    pub fn delights(&self, customer: Option<CustomerIx>) -> &[Delight] {
        let said = customer.and_then(|customer| self.delights.get(&customer));
        said.map_or(&[], Vec::as_slice)
    }

    /// What customer number `customer` declared.
    pub fn facts(&self, customer: CustomerIx) -> &[Fact] {
        self.log.profiles[customer.index()]
            .as_ref()
            .map_or(&[], |profile| &profile.facts)
    }

    /// The language that customer number `customer` reads, a BCP 47 tag; `None` = they said none.
    pub fn locale(&self, customer: CustomerIx) -> Option<&str> {
        self.log.profiles[customer.index()]
            .as_ref()?
            .locale
            .as_deref()
    }

    /// What customer number `customer` allows.
    pub fn allowed(&self, customer: CustomerIx) -> Allowed {
        Allowed::of(&self.log.consents(customer), &self.log.default_consents)
    }

    /// Everything known of customer number `customer`; nobody for `None`.
    pub fn state(&self, customer: Option<CustomerIx>) -> CustomerState<'_> {
        match customer {
            None => CustomerState::NOBODY,
            Some(customer) => CustomerState {
                history: self.history(customer),
                facts: self.facts(customer),
                allowed: self.allowed(customer),
            },
        }
    }
}

/// The model's products with the data's newer rows, and the data's products that the model does not know; where the shop
/// describes its products (`described`), one that it does not list any more is taken out.
fn shelves(model: &Model, log: &Log, described: bool) -> Result<Live, CatalogueError> {
    let listed = log.catalogue.products().iter().map(|product| ShelfChange {
        seen_only: !described,
        ..ShelfChange::listed(product.clone())
    });
    let gone = model
        .catalogue
        .products()
        .iter()
        .filter(|product| described && log.catalogue.find(&product.product_id).is_none());
    let gone = gone.map(|product| ShelfChange {
        removed: true,
        ..ShelfChange::listed(product.clone())
    });
    Live::of_catalogue(Arc::clone(&model.catalogue)).changed(
        listed.chain(gone),
        &model.representation,
        model.life.as_ref(),
    )
}

/// Rewrites every touch of `log` from its own numbers to those of the shelves and of the model's vocabulary.
fn translate(model: &Model, live: &Live, log: &mut Log) {
    let products: Vec<ProductIx> = log
        .catalogue
        .products()
        .iter()
        .map(|p| live.catalogue.find(&p.product_id).unwrap_or(NO_PRODUCT))
        .collect();
    let mut encoder: Encoder = model.encoder.clone();
    let kinds: Vec<Kind> = (0..log.encoder.kinds.len())
        .map(|ix| {
            let kind = Kind(ix as u16);
            let name = log.encoder.kinds.name(kind);
            let number = encoder.kinds.intern(name).unwrap_or(Kind(u16::MAX));
            // what the shop says now counts, also where the model was fitted before it said so
            if log.encoder.kinds.class(kind) == KindClass::Passive {
                encoder.kinds.declare_passive(name);
            }
            number
        })
        .collect();
    let channels = renumber(&log.encoder.channels, &mut encoder.channels);
    let lines = renumber(&log.encoder.lines, &mut encoder.lines);
    log.histories.renumber(|touch| {
        touch.product = products
            .get(touch.product.index())
            .copied()
            .unwrap_or(NO_PRODUCT);
        touch.kind = kinds
            .get(usize::from(touch.kind.0))
            .copied()
            .unwrap_or(touch.kind);
        touch.channel = channels
            .get(usize::from(touch.channel))
            .copied()
            .unwrap_or(u16::MAX);
        touch.line = lines
            .get(usize::from(touch.line))
            .copied()
            .unwrap_or(u16::MAX);
    });
    log.encoder = encoder;
}

fn renumber(from: &serendib_shop::Channels, to: &mut serendib_shop::Channels) -> Vec<u16> {
    (0..from.len())
        .map(|ix| match from.name(ix as u16) {
            "" => 0,
            name => to.intern(Some(name)),
        })
        .collect()
}
