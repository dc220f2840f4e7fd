//! A shop's touchpoints as numbers in memory, for training.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::{
    Basket, Catalogue, CatalogueError, Consents, Customer, CustomerIx, Encoder, Interner, Persons,
    Product, ProductIx, Purpose, Touch, Touchpoint, NO_PRODUCT,
};

use crate::directory::{Rows, ShopData};
use crate::error::DataError;
use crate::history::Histories;
use crate::money::{currency_named, currency_of, most_used};
use crate::noise::{is_pooled, without_noise};
use crate::table::format::Table;

/// Everything that training reads of a shop, in 52 bytes per touchpoint while loading and 48 afterwards.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Products: the `products` table and behind it those that only touchpoints name, which are not for sale
    /// ([`Product::unlisted`]); without a table every product seen, in order of first appearance.
    pub catalogue: Catalogue,
    /// Names of kinds, channels and product lines.
    pub encoder: Encoder,
    /// Customers in order of first appearance in `touchpoints`, then in `customers`; one id for each person, see
    /// [`Log::customer`].
    pub customer_ids: Interner,
    /// The identities that were linked, as `customers` lists them.
    pub persons: Persons,
    /// Each customer's touches in order of time (in order of rows in a shop without times).
    pub histories: Histories,
    /// What anonymous baskets acquired.
    pub anonymous: Vec<Basket>,
    /// Hash of the basket id of each of [`Log::anonymous`], as in [`Touch::basket`].
    pub anonymous_ids: Vec<u64>,
    /// Profiles by customer number, each merged over the identities of the person.
    pub profiles: Vec<Option<Customer>>,
    /// What holds for customers who said nothing, as `shop.json` has it.
    pub default_consents: Consents,
    /// Whether the rows have times.
    pub timed: bool,
    /// First and last time in milliseconds; `None` without times or rows.
    pub span: Option<(i64, i64)>,
    /// The currency in which values count; `None` where rows name none.
    pub currency: Option<String>,
    /// Per product, whether it is postage, a fee or a correction: see [`crate::noise`].
    pub non_product: Vec<bool>,
    /// Hashes of the ids of pooled baskets, as in [`Touch::basket`]: see [`crate::noise`].
    pub pooled_baskets: HashSet<u64>,
}

/// Products that have numbers, or get them as they appear.
enum Numbering {
    Fixed(Box<Catalogue>),
    Open(Interner),
}

impl Numbering {
    fn encode(&mut self, encoder: &mut Encoder, row: &Touchpoint) -> Result<Touch, CatalogueError> {
        Ok(match self {
            Numbering::Fixed(catalogue) => {
                let mut touch = encoder.encode(row, catalogue);
                if let (Some(product), NO_PRODUCT) = (&row.product_id, touch.product) {
                    touch.product = catalogue.put(Product::unlisted(product))?;
                }
                touch
            }
            Numbering::Open(ids) => {
                let mut touch = encoder.encode(row, &Catalogue::default());
                if let Some(product) = &row.product_id {
                    touch.product = ProductIx(ids.intern(product));
                }
                touch
            }
        })
    }

    fn into_catalogue(self, data: &ShopData) -> Result<Catalogue, DataError> {
        match self {
            Numbering::Fixed(catalogue) => Ok(*catalogue),
            Numbering::Open(ids) => catalogue(
                data,
                ids.names().iter().map(|id| Product::bare(&**id)).collect(),
            ),
        }
    }
}

fn catalogue(data: &ShopData, products: Vec<Product>) -> Result<Catalogue, DataError> {
    Catalogue::new(products).map_err(|error| no_catalogue(data, &error))
}

fn no_catalogue(data: &ShopData, error: &CatalogueError) -> DataError {
    DataError::file(data.dir(), error.to_string())
}

/// The currencies of the rows so far, in one byte for each touch once there is one.
#[derive(Default)]
struct Money {
    /// Code and rows.
    currencies: Vec<(String, u64)>,
    /// 0 = the shop's own, else the place in `currencies` from 1.
    of_touch: Vec<u8>,
}

impl Money {
    /// The number of the currency of `row`, 0 = the shop's own.
    fn number(&mut self, row: &Touchpoint) -> u8 {
        let Some(currency) = currency_of(row) else {
            return 0;
        };
        let known = self
            .currencies
            .iter()
            .position(|(code, _)| *code == currency);
        let ix = known.unwrap_or_else(|| {
            self.currencies.push((currency.into_owned(), 0));
            self.currencies.len() - 1
        });
        self.currencies[ix].1 += 1;
        u8::try_from(ix + 1).unwrap_or(u8::MAX)
    }

    /// Adds the `count`th touch, of `row`.
    fn add(&mut self, row: &Touchpoint, count: usize) {
        let number = self.number(row);
        if number > 0 || !self.of_touch.is_empty() {
            self.of_touch.resize(count - 1, 0);
            self.of_touch.push(number);
        }
    }

    /// Takes the values out of `touches` that are not in the currency of most rows, or in `own` where the shop says so; returns
    /// the currency that stays.
    fn settle(&self, own: Option<&str>, touches: &mut [Touch]) -> Option<String> {
        let own = own.and_then(currency_named).map(Cow::into_owned);
        let rows = self
            .currencies
            .iter()
            .map(|(code, rows)| (code.as_str(), *rows));
        let kept = own.or_else(|| most_used(rows).map(str::to_owned))?;
        for (touch, number) in touches.iter_mut().zip(&self.of_touch) {
            let currency = usize::from(*number)
                .checked_sub(1)
                .map(|ix| self.currencies.get(ix));
            if currency.is_some_and(|c| c.is_none_or(|(code, _)| *code != kept)) {
                touch.value = 0.0;
            }
        }
        Some(kept)
    }
}

/// Holds a table to having times in all rows or in none.
#[derive(Default)]
struct Clockwork(Option<bool>);

impl Clockwork {
    /// Whether the row may stay.
    fn admit(&mut self, rows: &Rows<Touchpoint>, row: &Touchpoint) -> Result<bool, DataError> {
        let timed = *self.0.get_or_insert(row.at.is_some());
        if timed == row.at.is_some() {
            return Ok(true);
        }
        let message = if timed {
            "is empty, but rows before have a time: either all rows have one or none"
        } else {
            "has a time, but rows before have none: either all rows have one or none"
        };
        rows.reject("at", message)?;
        Ok(false)
    }
}

impl Log {
    /// Reads the touchpoints before `until` (all, if `None` or without times), the products and the customers.
    ///
    /// The same rows in the same order give the same numbers. Without a `products` table only products seen before
    /// `until` are in the catalogue.
    ///
    /// # Errors
    /// The first wrong row, unless the data were opened leniently.
    pub fn load(data: &ShopData, until: Option<i64>) -> Result<Log, DataError> {
        Log::load_watched(data, until, &|_| {})
    }

    /// The same, and `watch` is told now and then how many touchpoints were read.
    ///
    /// # Errors
    /// As [`Log::load`].
    pub fn load_watched(
        data: &ShopData,
        until: Option<i64>,
        watch: &dyn Fn(u64),
    ) -> Result<Log, DataError> {
        let mut numbering = match data.products()? {
            Some(products) => Numbering::Fixed(Box::new(catalogue(data, products)?)),
            None => Numbering::Open(Interner::default()),
        };
        let mut encoder = Encoder {
            zone: data.shop().time_zone.is_some().then(|| data.zone()),
            ..Encoder::default()
        };
        for kind in &data.shop().passive_kinds {
            encoder.kinds.declare_passive(kind);
        }
        let mut log = Log {
            default_consents: data.shop().consents,
            ..Log::default()
        };
        let profiles = log.read_customers(data)?;
        let mut anonymous: HashMap<u64, usize> = HashMap::new();
        let (mut owners, mut touches) = (Vec::new(), Vec::new());
        let mut clockwork = Clockwork::default();
        let mut money = Money::default();
        let mut rows = data.touchpoints()?;
        let mut read = 0u64;
        while let Some(row) = rows.next() {
            let row = row?;
            read += 1;
            if read.is_multiple_of(1 << 16) {
                watch(read);
            }
            if !clockwork.admit(&rows, &row)? {
                continue;
            }
            if let (Some(at), Some(until)) = (row.at, until) {
                if at >= until {
                    continue;
                }
            }
            let touch = numbering
                .encode(&mut encoder, &row)
                .map_err(|error| no_catalogue(data, &error))?;
            if touch.basket != 0 && is_pooled(&row) {
                log.pooled_baskets.insert(touch.basket);
            }
            if let Some(at) = row.at {
                let (first, last) = log.span.unwrap_or((at, at));
                log.span = Some((first.min(at), last.max(at)));
            }
            if row.customer_id.is_empty() {
                log.add_anonymous(&mut anonymous, &touch);
            } else {
                let person = log.persons.root(&row.customer_id);
                owners.push(CustomerIx(log.customer_ids.intern(person)));
                touches.push(touch);
                money.add(&row, touches.len());
            }
        }
        log.currency = money.settle(data.shop().currency.as_deref(), &mut touches);
        encoder.currency.clone_from(&log.currency);
        log.timed = clockwork.0.unwrap_or(false);
        log.encoder = encoder;
        log.catalogue = numbering.into_catalogue(data)?;
        log.non_product = ProductIx::all(log.catalogue.len())
            .map(|product| log.catalogue.is_non_product(product))
            .collect();
        log.add_profiles(profiles);
        let all = Histories::group(log.customer_ids.len(), owners, touches);
        let non_product = |product: ProductIx| log.non_product.get(product.index()) == Some(&true);
        log.histories = all.filter_map(|t| without_noise(t, non_product, &log.pooled_baskets));
        for basket in &mut log.anonymous {
            basket.lines.retain(|(product, _)| !non_product(*product));
        }
        Ok(log)
    }

    fn add_anonymous(&mut self, index: &mut HashMap<u64, usize>, touch: &Touch) {
        if !touch.kind.acquires() || touch.product == NO_PRODUCT {
            return;
        }
        let slot = *index.entry(touch.basket).or_insert_with(|| {
            self.anonymous.push(Basket {
                at: touch.at,
                lines: Vec::new(),
            });
            self.anonymous_ids.push(touch.basket);
            self.anonymous.len() - 1
        });
        let basket = &mut self.anonymous[slot];
        basket.at = basket.at.min(touch.at);
        match basket
            .lines
            .iter_mut()
            .find(|(product, _)| *product == touch.product)
        {
            Some((_, quantity)) => *quantity += touch.quantity,
            None => basket.lines.push((touch.product, touch.quantity)),
        }
    }

    /// Reads the `customers` table, and from it which ids are one person.
    fn read_customers(&mut self, data: &ShopData) -> Result<Vec<Customer>, DataError> {
        let customers: Vec<Customer> = data.customers()?.collect::<Result<_, _>>()?;
        for customer in &customers {
            for identity in &customer.identities {
                self.persons.link(&customer.customer_id, identity);
            }
        }
        Ok(customers)
    }

    /// Files the rows of `customers` under the numbers of the persons they belong to, merged over their identities.
    fn add_profiles(&mut self, customers: Vec<Customer>) {
        let mut members: Vec<Vec<Customer>> = Vec::new();
        members.resize_with(self.customer_ids.len(), Vec::new);
        for customer in customers {
            let person = self.persons.root(&customer.customer_id);
            let number = self.customer_ids.intern(person) as usize;
            if number >= members.len() {
                members.resize_with(number + 1, Vec::new);
            }
            members[number].push(customer);
        }
        self.profiles = CustomerIx::all(members.len())
            .zip(members)
            .map(|(customer, mut rows)| {
                let person = self.customer_id(customer);
                // the person's own row first, then by id, as the store orders what was linked at one time
                rows.sort_by(|a, b| {
                    let key = |row: &Customer| (row.customer_id != person, row.customer_id.clone());
                    key(a).cmp(&key(b))
                });
                let identities = rows.iter().flat_map(|row| row.identities.clone()).collect();
                (!rows.is_empty()).then(|| Customer::merged(person, identities, rows))
            })
            .collect();
    }

    /// The number of the person to whom `id` belongs; `None` where nothing is known of them.
    pub fn customer(&self, id: &str) -> Option<CustomerIx> {
        let number = self.customer_ids.get(self.persons.root(id));
        number.map(CustomerIx)
    }

    /// The id of customer number `customer`.
    ///
    /// # Panics
    /// When `customer` is not a number of this log.
    pub fn customer_id(&self, customer: CustomerIx) -> &str {
        self.customer_ids.name(customer.0)
    }

    /// What customer number `customer` said about the use of their data.
    pub fn consents(&self, customer: CustomerIx) -> Consents {
        let profile = self.profiles.get(customer.index());
        profile
            .and_then(Option::as_ref)
            .map_or_else(Consents::default, |profile| profile.consents)
    }

    /// Whether customer number `customer` allows `purpose`, given what holds for who said nothing.
    pub fn allows(&self, customer: CustomerIx, purpose: Purpose) -> bool {
        self.consents(customer)
            .allows(purpose, &self.default_consents)
    }

    /// How many customers there are.
    pub fn len(&self) -> usize {
        self.customer_ids.len()
    }

    /// Whether there are no customers.
    pub fn is_empty(&self) -> bool {
        self.customer_ids.is_empty()
    }

    /// The anonymous baskets that are not pooled.
    pub fn anonymous_single(&self) -> impl Iterator<Item = &Basket> {
        self.anonymous
            .iter()
            .zip(&self.anonymous_ids)
            .filter(|(_, id)| !self.pooled_baskets.contains(id))
            .map(|(basket, _)| basket)
    }

    /// Whether a customer or an anonymous basket acquired anything.
    pub fn acquires(&self) -> bool {
        let mut touches = self.histories.touches().iter();
        !self.anonymous.is_empty() || touches.any(|t| t.kind.acquires() && t.product != NO_PRODUCT)
    }

    /// The `held_out` rows of customers that the log knows, in order of rows.
    ///
    /// Products that the log does not know become [`NO_PRODUCT`], so that they can be counted as missed. What is no product
    /// is nothing to find: such rows are left out, as in the histories.
    ///
    /// # Errors
    /// The first wrong row, unless the data were opened leniently.
    pub fn held_out(&self, data: &ShopData) -> Result<Vec<(CustomerIx, Touch)>, DataError> {
        let mut encoder = self.encoder.clone();
        let mut held_out = Vec::new();
        if !data.has_table(Table::HeldOut) {
            return Ok(held_out);
        }
        let non_product = |product: ProductIx| self.non_product.get(product.index()) == Some(&true);
        for row in data.held_out()? {
            let row = row?;
            let touch = encoder.encode(&row, &self.catalogue);
            let touch = without_noise(touch, non_product, &self.pooled_baskets);
            if let Some((customer, touch)) = self.customer(&row.customer_id).zip(touch) {
                held_out.push((customer, touch));
            }
        }
        Ok(held_out)
    }

    /// The log as it stood at `cut`: the same customers, products and profiles, and only the touches and anonymous
    /// baskets before `cut`; everything in a shop without times.
    pub fn before(&self, cut: i64) -> Log {
        let mut log = Log {
            catalogue: self.catalogue.clone(),
            encoder: self.encoder.clone(),
            customer_ids: self.customer_ids.clone(),
            persons: self.persons.clone(),
            histories: self.histories.filter(|touch| !self.timed || touch.at < cut),
            anonymous: Vec::new(),
            anonymous_ids: Vec::new(),
            profiles: self.profiles.clone(),
            default_consents: self.default_consents,
            currency: self.currency.clone(),
            timed: self.timed,
            span: None,
            non_product: self.non_product.clone(),
            pooled_baskets: self.pooled_baskets.clone(),
        };
        for (basket, id) in self.anonymous.iter().zip(&self.anonymous_ids) {
            if !self.timed || basket.at < cut {
                log.anonymous.push(basket.clone());
                log.anonymous_ids.push(*id);
            }
        }
        if self.timed {
            let times = log.histories.touches().iter().map(|touch| touch.at);
            let times = times.chain(log.anonymous.iter().map(|basket| basket.at));
            log.span = times.fold(None, |span: Option<(i64, i64)>, at| {
                let (first, last) = span.unwrap_or((at, at));
                Some((first.min(at), last.max(at)))
            });
        }
        log
    }
}
