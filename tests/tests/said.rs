//! What was said stays said: random histories of statements and their undoing, against a model of what must hold, over
//! restarts, loads of files, backups and restores.
//!
//! `SERENDIB_HISTORIES` histories (30 unless said otherwise) from seed `SERENDIB_SEED` (1 unless said otherwise); a failure names
//! the seed that shows it again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serendib_service::commands::{load, Loading};
use serendib_service::store::sqlite::{backup, restore};
use serendib_service::store::*;
use serendib_shop::{Consents, Customer, Product, Purpose, ReadOptions, ShopData, Touchpoint};
use tempfile::TempDir;

const START: i64 = 1_750_000_000_000;
/// Between two things that happen, ms.
const TICK: i64 = 60_000;
const PEOPLE: [&str; 3] = ["ada", "bob", "cat"];
/// Identities, and whose they are in the files.
const CARDS: [(&str, &str); 2] = [("card-1", "ada"), ("card-2", "bob")];
const PRODUCTS: [&str; 2] = ["tea", "milk"];
const STEPS: usize = 60;

/// Pseudo-random numbers that are the same on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as usize
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn id(&mut self) -> &'static str {
        self.of(&["ada", "bob", "cat", "card-1", "card-2"])
    }
}

// ---- the model: what must hold, as simply as it can be said ------------------------------------------------------

/// A statement: what, when, and whether by a call.
type Stated<T> = (T, Option<i64>, bool);

/// Whether a statement of `at` by a call or a file takes the place of `old`.
fn newer<T>(old: Option<&Stated<T>>, at: Option<i64>) -> bool {
    match (old, at) {
        (None, _) => true,
        (Some((_, Some(old), _)), Some(new)) => new >= *old,
        (Some((_, None, _)), Some(_)) => true,
        (Some((_, _, call)), None) => !call,
    }
}

#[derive(Clone, Default)]
struct Model {
    consents: BTreeMap<&'static str, Stated<Option<bool>>>,
    locales: BTreeMap<&'static str, Stated<&'static str>>,
    parents: BTreeMap<&'static str, &'static str>,
    unlinked: BTreeMap<(&'static str, &'static str), i64>,
    touches: BTreeMap<String, (&'static str, i64)>,
    prices: BTreeMap<&'static str, Stated<(i64, bool)>>,
    stocks: BTreeMap<&'static str, (Stated<i64>, i64)>,
    left: Vec<(&'static str, i64, i64)>,
    /// Never undone, not by a restore either.
    erased: BTreeMap<&'static str, i64>,
}

impl Model {
    fn root(&self, id: &'static str) -> &'static str {
        self.parents.get(id).map_or(id, |above| self.root(above))
    }

    fn members(&self, id: &'static str) -> Vec<&'static str> {
        let root = self.root(id);
        let all = PEOPLE.into_iter().chain(CARDS.map(|(card, _)| card));
        all.filter(|id| self.root(id) == root).collect()
    }

    /// Whether a file of `as_of` is of before the erasure of `id`.
    fn gone(&self, id: &str, as_of: Option<i64>) -> bool {
        let erased = self.erased.get(id);
        erased.is_some_and(|erased| as_of.is_none_or(|at| at <= *erased))
    }

    fn consent(&mut self, id: &'static str, said: Option<bool>, at: Option<i64>, call: bool) {
        let old = self.consents.get(id);
        let told_no = old.is_some_and(|(said, ..)| *said == Some(false));
        let doubtful =
            !call && (at.is_none() || old.is_some_and(|(_, old, _)| old.is_none() || *old == at));
        if newer(old, at) && !(doubtful && told_no && said != Some(false)) {
            self.consents.insert(id, (said, at, call));
        }
    }

    fn locale(&mut self, id: &'static str, locale: &'static str, at: Option<i64>, call: bool) {
        if newer(self.locales.get(id), at) {
            self.locales.insert(id, (locale, at, call));
        }
    }

    /// Whether the link was made or is there already.
    fn link(&mut self, customer: &'static str, card: &'static str) -> bool {
        let above = self.parents.get(card).copied();
        if above.is_some() && self.members(customer).contains(&card) {
            return self.root(card) == self.root(customer) && self.under(card, customer);
        }
        if above.is_some() || self.root(customer) == card {
            return false;
        }
        self.parents.insert(card, customer);
        self.unlinked.remove(&(customer, card));
        true
    }

    fn under(&self, id: &'static str, above: &'static str) -> bool {
        self.parents
            .get(id)
            .is_some_and(|next| *next == above || self.under(next, above))
    }

    fn erase(&mut self, id: &'static str, now: i64) {
        for member in self.members(id) {
            self.forget(member);
            self.erased.insert(member, now);
        }
    }

    fn forget(&mut self, id: &'static str) {
        self.consents.remove(id);
        self.locales.remove(id);
        self.parents.remove(id);
        self.parents.retain(|_, above| *above != id);
        self.touches.retain(|_, (of, _)| *of != id);
    }

    fn stock(&mut self, id: &'static str, count: i64, at: Option<i64>, call: bool, now: i64) {
        let old = self.stocks.get(id);
        let left = |since: i64| -> i64 {
            let of = self
                .left
                .iter()
                .filter(|(of, when, _)| *of == id && *when > since);
            of.map(|(_, _, units)| units).sum()
        };
        let count = match (call, at) {
            (true, _) => count,
            _ if !newer(old.map(|(stated, _)| stated), at) => return,
            (false, Some(at)) => (count - left(at)).max(0),
            (false, None) if old.is_some_and(|(_, noted)| left(*noted) > 0) => return,
            (false, None) => count,
        };
        self.stocks.insert(id, ((count, at, call), now));
    }

    fn price(&mut self, id: &'static str, price: i64, at: Option<i64>, call: bool) {
        if newer(self.prices.get(id), at) {
            self.prices.insert(id, ((price, false), at, call));
        }
    }
}

// ---- the store and its files --------------------------------------------------------------------------------------

struct Bench {
    dir: TempDir,
    store: Option<SqliteStore>,
    model: Model,
    saved: Option<(PathBuf, Model)>,
    now: i64,
    made: usize,
}

/// What a file says of everybody: one yes or no, one locale, one price, one count.
#[derive(Clone, Copy)]
struct File {
    as_of: Option<i64>,
    train: bool,
    locale: &'static str,
    price: i64,
    stock: i64,
}

impl File {
    fn write(&self, dir: &Path) {
        std::fs::create_dir_all(dir).unwrap();
        let yes = self.train;
        let mut customers = String::from("customer_id,locale,consents,identities\n");
        for id in PEOPLE {
            let cards: Vec<_> = CARDS.iter().filter(|(_, of)| *of == id).collect();
            let cards = cards
                .first()
                .map_or(String::new(), |(card, _)| format!(r#""[""{card}""]""#));
            let locale = self.locale;
            customers += &format!("{id},{locale},\"{{\"\"train\"\": {yes}}}\",{cards}\n");
        }
        let mut products = String::from("product_id,price,stock\n");
        for id in PRODUCTS {
            products += &format!("{id},{},{}\n", self.price, self.stock);
        }
        // what everybody did long before anything else
        let mut touches = String::from("touchpoint_id,customer_id,kind,product_id,at\n");
        for id in PEOPLE.into_iter().chain(CARDS.map(|(card, _)| card)) {
            touches += &format!("old-{id},{id},view,tea,{}\n", START - TICK);
        }
        let as_of = self.as_of.map_or(String::new(), |at| {
            format!("\"as_of\": \"{}\", ", serendib_shop::time::format_time(at))
        });
        std::fs::write(dir.join("customers.csv"), customers).unwrap();
        std::fs::write(dir.join("products.csv"), products).unwrap();
        std::fs::write(dir.join("touchpoints.csv"), touches).unwrap();
        std::fs::write(
            dir.join("shop.json"),
            format!("{{{as_of}\"shop_id\": \"corner\"}}"),
        )
        .unwrap();
    }
}

impl Bench {
    fn new() -> Bench {
        let dir = TempDir::new().unwrap();
        let store = SqliteStore::open(SqliteConfig::new(dir.path().join("store"))).unwrap();
        Bench {
            dir,
            store: Some(store),
            model: Model::default(),
            saved: None,
            now: START,
            made: 0,
        }
    }

    fn store(&self) -> &SqliteStore {
        self.store.as_ref().unwrap()
    }

    async fn restart(&mut self) {
        if let Some(store) = self.store.take() {
            store.close().await.unwrap();
        }
        let config = SqliteConfig::new(self.dir.path().join("store"));
        self.store = Some(SqliteStore::open(config).unwrap());
    }

    async fn load(&mut self, file: File) {
        let data = self.dir.path().join("shop");
        file.write(&data);
        let data = ShopData::open(&data, ReadOptions::default()).unwrap();
        let loading = Loading {
            now: self.now,
            snapshot: false,
            same_shop: true,
        };
        load(&data, self.store(), loading).await.unwrap();
        let as_of = file.as_of;
        for id in PRODUCTS {
            let removed = self
                .model
                .prices
                .get(id)
                .is_some_and(|((_, removed), ..)| *removed);
            let stands = newer(self.model.prices.get(id), as_of);
            self.model.price(id, file.price, as_of, false);
            if stands || !removed {
                self.model.stock(id, file.stock, as_of, false, self.now);
            }
        }
        for id in PEOPLE {
            if self.model.gone(id, as_of) {
                continue;
            }
            self.model.consent(id, Some(file.train), as_of, false);
            self.model.locale(id, file.locale, as_of, false);
            for (card, of) in CARDS {
                let taken = self.model.unlinked.get(&(of, card));
                let taken = taken.is_some_and(|taken| as_of.is_none_or(|at| at <= *taken));
                if of == id && !taken && !self.model.gone(card, as_of) {
                    self.model.link(of, card);
                }
            }
        }
        for id in PEOPLE.into_iter().chain(CARDS.map(|(card, _)| card)) {
            if !self.model.erased.contains_key(id) {
                self.model
                    .touches
                    .insert(format!("old-{id}"), (id, START - TICK));
            }
        }
    }

    /// Does one thing; returns what it was.
    async fn step(&mut self, draw: &mut Draw) -> String {
        self.now += TICK;
        let (now, id) = (self.now, draw.id());
        let earlier = |draw: &mut Draw| now - TICK * draw.below(40) as i64;
        match draw.below(14) {
            0 | 1 => {
                let said = [Some(true), Some(false), None][draw.below(3)];
                let at = if draw.below(3) == 0 {
                    earlier(draw)
                } else {
                    now
                };
                let told = self.store().set_consent(
                    id.into(),
                    Purpose::Train,
                    said,
                    id.into(),
                    Some(at),
                    now,
                );
                told.await.unwrap();
                if self.model.erased.get(id).is_none_or(|erased| at >= *erased) {
                    self.model.consent(id, said, Some(at), true);
                }
                format!("{id} says {said:?} as of {at}")
            }
            2 => {
                let locale = draw.of(&["he", "en", "fr"]);
                let row = Customer {
                    customer_id: id.into(),
                    locale: Some(locale.into()),
                    ..Customer::default()
                };
                let told = self.store().upsert_customers(
                    vec![row],
                    UpsertMode::Merge,
                    "clerk".into(),
                    now.into(),
                );
                told.await.unwrap();
                self.model.locale(id, locale, Some(now), true);
                format!("{id} speaks {locale}")
            }
            3 | 4 => {
                let file = File {
                    as_of: (draw.below(2) == 0).then(|| earlier(draw)),
                    train: draw.below(2) == 0,
                    locale: draw.of(&["de", "it"]),
                    price: 1 + draw.below(9) as i64,
                    stock: draw.below(9) as i64,
                };
                self.load(file).await;
                format!("a file as of {:?}: train {}", file.as_of, file.train)
            }
            5 => {
                let (card, of) = CARDS[draw.below(2)];
                let of = if draw.below(3) == 0 { "cat" } else { of };
                let linked = self
                    .store()
                    .link_identity(of.into(), card.into(), of.into(), now);
                let linked = linked.await.is_ok();
                assert_eq!(linked, self.model.link(of, card), "linking {card} to {of}");
                format!("{card} linked to {of}: {linked}")
            }
            6 => {
                let (card, _) = CARDS[draw.below(2)];
                let Some(of) = self.model.parents.get(card).copied() else {
                    return "nothing to unlink".into();
                };
                let members = self.model.members(card);
                let unlinked = self
                    .store()
                    .unlink_identity(of.into(), card.into(), of.into(), now);
                unlinked.await.unwrap();
                self.model.parents.remove(card);
                members.iter().for_each(|of| {
                    self.model.unlinked.insert((of, card), now);
                });
                format!("{card} taken from {of}")
            }
            7 => {
                let erased = self.store().erase_customer(id.into(), id.into(), now).await;
                if erased.is_ok_and(|receipt| receipt.erased_at == now) {
                    self.model.erase(id, now);
                }
                if draw.below(2) == 0 {
                    self.store().scrub(now).await.unwrap();
                }
                format!("{id} erased")
            }
            8 => {
                let at = earlier(draw);
                self.made += 1;
                let tid = format!("t{}", self.made);
                let mut row = Touchpoint::new(id, "view");
                row.touchpoint_id = Some(tid.clone());
                row.at = Some(at);
                let recorded = self.store().record(vec![row], RecordOptions::live(now));
                let status = recorded.await.unwrap().outcomes[0].status;
                let gone = self
                    .model
                    .erased
                    .get(id)
                    .is_some_and(|erased| at <= *erased);
                assert_eq!(
                    status == Status::IgnoredErased,
                    gone,
                    "{tid} of {id} at {at}"
                );
                if !gone {
                    self.model.touches.insert(tid, (id, at));
                }
                format!("{id} looks at {at}")
            }
            9 => {
                let product = draw.of(&PRODUCTS);
                let price = 10 + draw.below(9) as i64;
                let row = Product {
                    price: Some(price as f64),
                    ..Product::bare(product)
                };
                let told = self.store().upsert_products(vec![row], now.into());
                told.await.unwrap();
                self.model.price(product, price, Some(now), true);
                format!("{product} costs {price}")
            }
            10 => {
                let product = draw.of(&PRODUCTS);
                let removed = self
                    .store()
                    .remove_products(vec![product.into()], now.into());
                removed.await.unwrap();
                if let Some(((_, removed), at, call)) = self.model.prices.get_mut(product) {
                    (*removed, *at, *call) = (true, Some(now), true);
                }
                format!("{product} removed")
            }
            11 => {
                let (product, count) = (draw.of(&PRODUCTS), draw.below(9) as i64);
                let level = StockLevel {
                    product_id: product.into(),
                    stock: Some(count),
                };
                if self
                    .store()
                    .set_stock(vec![level], now.into())
                    .await
                    .is_ok()
                {
                    self.model.stock(product, count, Some(now), true, now);
                }
                format!("{product}: {count} counted")
            }
            12 => {
                let product = draw.of(&PRODUCTS);
                let id = format!("r{now}");
                let wanted = Reservation {
                    reservation_id: id.clone(),
                    lines: vec![ReservationLine {
                        product_id: product.into(),
                        quantity: 1,
                    }],
                    expires_at: now + TICK / 2,
                    state: ReservationState::Held,
                };
                if self.store().reserve(wanted, now).await.is_err() {
                    return format!("no {product} to sell");
                }
                self.store().take(id, now).await.unwrap();
                if let Some(((count, ..), _)) = self.model.stocks.get_mut(product) {
                    *count = (*count - 1).max(0);
                }
                self.model.left.push((product, now, 1));
                format!("one {product} sold")
            }
            _ => self.survive(draw).await,
        }
    }

    async fn survive(&mut self, draw: &mut Draw) -> String {
        match draw.below(4) {
            0 | 1 => {
                self.restart().await;
                "restart".into()
            }
            2 => {
                let out = self.dir.path().join(format!("backup-{}", self.now));
                let dir = self.dir.path().join("store");
                backup(&dir, &out, self.now, &mut |_, _| {}).unwrap();
                self.saved = Some((out, self.model.clone()));
                "backup".into()
            }
            _ => {
                let Some((from, saved)) = self.saved.clone() else {
                    return "no backup yet".into();
                };
                self.store.take().unwrap().close().await.unwrap();
                let dir = self.dir.path().join("store");
                restore(&from, &dir, true, self.now).await.unwrap();
                let erased = std::mem::take(&mut self.model.erased);
                self.model = saved.clone();
                for (id, at) in erased {
                    if saved.erased.get(id) != Some(&at) {
                        self.model.forget(id);
                    }
                    self.model.erased.insert(id, at);
                }
                self.restart().await;
                "restore".into()
            }
        }
    }

    /// Compares everything that can be read with what must hold.
    async fn compare(&self) {
        let model = &self.model;
        for id in PEOPLE.into_iter().chain(CARDS.map(|(card, _)| card)) {
            let state = self.store().customer(CustomerQuery::all(id)).await.unwrap();
            let members = model.members(id);
            if let Some(state) = &state {
                assert_eq!(state.customer_id, model.root(id), "who {id} is");
            }
            let said = members.iter().filter_map(|id| model.consents.get(id)?.0);
            let said = said.fold(None, |a: Option<bool>, b| Some(a.unwrap_or(true) && b));
            let profile = state.as_ref().map(|state| &state.profile);
            let found = profile.map_or(Consents::default(), |profile| profile.consents);
            assert_eq!(found.train, said, "what {id} said");
            let root = model.root(id);
            let others = members.iter().filter(|id| **id != root);
            let locale = std::iter::once(&root)
                .chain(others)
                .find_map(|id| Some(model.locales.get(id)?.0));
            let found = profile.and_then(|profile| profile.locale.as_deref());
            let any = members
                .iter()
                .any(|id| Some(model.locales.get(id).map(|l| l.0)) == Some(found));
            assert!(
                found == locale || (found.is_some() && any),
                "locale of {id}: {found:?}, not {locale:?}"
            );
            let touches = state.iter().flat_map(|state| &state.touchpoints);
            let found: BTreeSet<&str> =
                touches.filter_map(|t| t.touchpoint_id.as_deref()).collect();
            let must: BTreeSet<&str> = model
                .touches
                .iter()
                .filter(|(_, (of, _))| members.contains(of))
                .map(|(tid, _)| tid.as_str())
                .collect();
            assert_eq!(found, must, "what {id} did");
        }
        for id in PRODUCTS {
            let found = self
                .store()
                .products(vec![id.into()], self.now)
                .await
                .unwrap();
            let found = found[0].as_ref().filter(|entry| !entry.seen_only);
            let must = model.prices.get(id);
            assert_eq!(found.is_some(), must.is_some(), "{id} is known");
            let (Some(found), Some(((price, removed), ..))) = (found, must) else {
                continue;
            };
            assert_eq!(found.removed, *removed, "{id} is removed");
            assert_eq!(found.product.price, Some(*price as f64), "price of {id}");
            let stock = model.stocks.get(id).map(|((count, ..), _)| *count);
            assert_eq!(found.product.stock, stock, "stock of {id}");
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |text| text.parse().expect("a whole number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_stays_said_over_any_history() {
    let first = number("SERENDIB_SEED", 1);
    for seed in first..first + number("SERENDIB_HISTORIES", 30) {
        let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut bench = Bench::new();
        let mut told = Vec::new();
        for _ in 0..STEPS {
            told.push(bench.step(&mut draw).await);
            let log = format!(
                "SERENDIB_SEED={seed} SERENDIB_HISTORIES=1:\n{}",
                told.join("\n")
            );
            let guard = Tell(log);
            bench.compare().await;
            drop(guard);
        }
        bench.store().close().await.unwrap();
    }
}

/// Prints the history when a comparison fails.
struct Tell(String);

impl Drop for Tell {
    fn drop(&mut self) {
        // only where it is dropped by a failing comparison
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}
