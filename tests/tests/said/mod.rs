//! What was said stays said: random histories of statements and their undoing, against a model of what must hold, over
//! restarts, loads of files, backups and restores; as the store answers it, and as batch commands read it after an export.
//!
//! `SERENDIB_HISTORIES` histories (30 unless said otherwise) from seed `SERENDIB_SEED` (1 unless said otherwise); a failure names
//! the seed that shows it again.

mod file;
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Parser as _;
use serendib_service::commands::{load, Export, Loading};
use serendib_service::store::sqlite::{backup, restore};
use serendib_service::store::*;
use serendib_shop::{
    net_acquisitions, Catalogue, Consents, Customer, Encoder, Log, Product, Purpose, ReadOptions,
    ShopData, Standing, Touch, Touchpoint,
};
use tempfile::TempDir;

use file::File;
use model::{everybody, newer, Did, Held, Model, CARDS, PEOPLE, PRODUCTS};

const START: i64 = 1_750_000_000_000;
/// Between two things that happen, ms.
const TICK: i64 = 60_000;
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

// ---- the store and its files --------------------------------------------------------------------------------------

struct Bench {
    dir: TempDir,
    store: Option<SqliteStore>,
    model: Model,
    saved: Option<(PathBuf, Model)>,
    now: i64,
    made: usize,
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
        let (as_of, said_at, model) = (file.as_of, file.said_at.or(file.as_of), &mut self.model);
        for id in PRODUCTS {
            let stands = newer(model.prices.get(id), as_of) || !model.removed(id);
            model.price(id, file.price, as_of, false);
            if stands {
                model.stock(id, file.stock, as_of, false, self.now);
            }
        }
        for id in PEOPLE {
            if model.gone(id, said_at) {
                continue;
            }
            model.consent(id, Some(file.train), said_at, false);
            model.locale(id, file.locale, said_at, false);
            for (card, of) in CARDS {
                let taken = model.unlinked.get(&(of, card));
                let taken = taken.is_some_and(|taken| said_at.is_none_or(|at| at <= *taken));
                if of == id && !taken && !model.gone(card, said_at) {
                    model.link(of, card);
                }
            }
        }
        let here = |(_, did): &(String, Did)| !model.erased.contains_key(did.of);
        let here: Vec<_> = File::did().into_iter().filter(here).collect();
        model.did.extend(here);
    }

    /// Does one thing; returns what it was.
    async fn step(&mut self, draw: &mut Draw) -> String {
        self.now += TICK;
        let (now, id) = (self.now, draw.id());
        let earlier = |draw: &mut Draw| now - TICK * draw.below(40) as i64;
        match draw.below(19) {
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
                let registered_at = (draw.below(2) == 0).then(|| earlier(draw));
                let row = Customer {
                    customer_id: id.into(),
                    locale: Some(locale.into()),
                    registered_at,
                    ..Customer::default()
                };
                let told = self.store().upsert_customers(
                    vec![row],
                    UpsertMode::Merge,
                    "clerk".into(),
                    now.into(),
                );
                let gone = registered_at.is_some_and(|at| self.model.gone(id, Some(at)));
                assert_eq!(
                    told.await.unwrap().erased,
                    u64::from(gone),
                    "{id} registers"
                );
                if !gone {
                    self.model.locale(id, locale, Some(now), true);
                }
                format!("{id} of {registered_at:?} speaks {locale}")
            }
            3 | 4 => {
                let file = File {
                    as_of: (draw.below(2) == 0).then(|| earlier(draw)),
                    said_at: (draw.below(4) == 0).then(|| earlier(draw)),
                    train: draw.below(2) == 0,
                    locale: draw.of(&["de", "it"]),
                    price: 1 + draw.below(9) as i64,
                    stock: draw.below(9) as i64,
                };
                self.load(file).await;
                format!("a file: {file:?}")
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
            8 | 14 | 15 => {
                let kind = draw.of(&[
                    "view",
                    "purchase",
                    "purchase",
                    "return",
                    "return",
                    "hide",
                    "dislike",
                    "not_interested",
                    "unhide",
                    "interested",
                ]);
                let at = earlier(draw);
                self.made += 1;
                let (tid, nth) = (format!("t{}", self.made), 9 + self.made);
                let (product, packs) = (draw.of(&PRODUCTS), 1 + draw.below(3) as i64);
                let mut row = Touchpoint::new(id, kind);
                row.touchpoint_id = Some(tid.clone());
                row.product_id = Some(product.into());
                row.quantity = packs as f64;
                row.at = Some(at);
                let recorded = self.store().record(vec![row], RecordOptions::live(now));
                let status = recorded.await.unwrap().outcomes[0].status;
                let gone = self.model.gone(id, Some(at));
                assert_eq!(
                    status == Status::IgnoredErased,
                    gone,
                    "{tid} of {id} at {at}"
                );
                if !gone {
                    let did = Did {
                        of: id,
                        at,
                        nth,
                        kind,
                        product,
                        packs,
                    };
                    self.model.did.insert(tid, did);
                }
                format!("{id}: {kind} {packs} {product} at {at}")
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
            12 | 16 => {
                let (product, units) = (draw.of(&PRODUCTS), 1 + draw.below(3) as i64);
                let until = now + TICK / 2 + TICK * draw.below(12) as i64;
                let of = (draw.below(2) == 0).then_some(id);
                let set_aside = match of {
                    Some(_) => self.pack(id, product, units, until).await,
                    None => self.reserve(product, units, until).await,
                };
                if self.model.prices.contains_key(product) {
                    let free = self.model.free(product, now);
                    let enough = free.is_none_or(|free| units <= free);
                    let enough = enough && !self.model.removed(product);
                    assert_eq!(set_aside, enough, "{units} of {product}, {free:?} free");
                }
                if set_aside {
                    let held = Held {
                        of,
                        product,
                        units,
                        until,
                    };
                    self.model.held.insert(format!("h{now}"), held);
                }
                format!("{units} {product} for {of:?} until {until}: {set_aside}")
            }
            13 | 17 => {
                let held = &self.model.held;
                let Some(nth) = held.len().checked_sub(1).map(|last| draw.below(last + 1)) else {
                    return "nothing is set aside".into();
                };
                let (name, held) = held.iter().nth(nth).unwrap();
                let (name, held) = (name.clone(), held.clone());
                let goes = draw.below(2) == 0;
                let ended = self.end(&name, held.of.is_some(), goes).await;
                // whoever ships a box ships it, however late; a basket's units are somebody else's by then
                let may = held.of.is_some() || held.until > now || !goes;
                assert_eq!(ended, may, "{name}");
                match goes && ended {
                    true => self.model.leaves(&name, now),
                    false => drop(self.model.held.remove(&name)),
                }
                format!("{name} leaves: {goes}, {ended}")
            }
            _ => self.survive(draw).await,
        }
    }

    async fn reserve(&self, product: &str, units: i64, until: i64) -> bool {
        let wanted = Reservation {
            reservation_id: format!("h{}", self.now),
            lines: vec![ReservationLine {
                product_id: product.into(),
                quantity: units,
            }],
            expires_at: until,
            state: ReservationState::Held,
        };
        self.store().reserve(wanted, self.now).await.is_ok()
    }

    async fn pack(&self, of: &str, product: &str, units: i64, until: i64) -> bool {
        let id = format!("h{}", self.now);
        let line = BoxLine {
            product_id: product.into(),
            ..BoxLine::default()
        };
        let packed = StoredBox {
            box_id: id.clone(),
            customer_id: of.into(),
            pack_id: id.clone(),
            state: BoxState::Packed,
            locked: false,
            ship_at: None,
            version: 1,
            at: self.now,
            lines: vec![line; units as usize],
            short: None,
            care: BoxCare::default(),
            ask: serde_json::Value::Null,
        };
        let pack = StoredPack {
            pack_id: id,
            at: self.now,
            hold_until: until,
            body: serde_json::Value::Null,
        };
        let kept = self
            .store()
            .keep_pack(pack, vec![packed], PackOptions::default(), self.now);
        kept.await.is_ok()
    }

    /// What was set aside leaves the shop, or is given back; whether it can.
    async fn end(&self, id: &str, of_box: bool, leaves: bool) -> bool {
        let (store, now) = (self.store(), self.now);
        match (of_box, leaves) {
            (true, leaves) => {
                let end = if leaves {
                    BoxEnd::Shipped
                } else {
                    BoxEnd::Cancelled
                };
                store.end_boxes(vec![id.into()], end, now).await.is_ok()
            }
            (false, true) => store.take(id.into(), now).await.is_ok(),
            (false, false) => store.release(id.into(), now).await.is_ok(),
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
                let replaced = std::mem::replace(&mut self.model, saved);
                self.model.hear(replaced);
                self.restart().await;
                "restore".into()
            }
        }
    }

    /// Compares everything that can be read with what must hold.
    async fn compare(&self) {
        let model = &self.model;
        for id in everybody() {
            let state = self.store().customer(CustomerQuery::all(id)).await.unwrap();
            let members = model.members(id);
            if let Some(state) = &state {
                assert_eq!(state.customer_id, model.root(id), "who {id} is");
            }
            let profile = state.as_ref().map(|state| &state.profile);
            let found = profile.map_or(Consents::default(), |profile| profile.consents);
            assert_eq!(found.train, model.said(id), "what {id} said");
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
            let rows = state.iter().flat_map(|state| &state.touchpoints);
            let found: BTreeSet<&str> = rows
                .clone()
                .filter_map(|row| row.touchpoint_id.as_deref())
                .collect();
            let did = model
                .did
                .iter()
                .filter(|(_, did)| members.contains(&did.of));
            let must: BTreeSet<&str> = did.map(|(tid, _)| tid.as_str()).collect();
            assert_eq!(found, must, "what {id} did");
            let catalogue = Catalogue::new(PRODUCTS.map(Product::bare).into()).unwrap();
            let history = Encoder::default().history(rows, &catalogue);
            self.compare_history(id, &history, &catalogue);
        }
        for id in PRODUCTS {
            let found = self.store().products(vec![id.into()], self.now).await;
            let found = found.unwrap().remove(0).filter(|entry| !entry.seen_only);
            let must = model.prices.get(id);
            assert_eq!(found.is_some(), must.is_some(), "{id} is known");
            let (Some(found), Some(((price, removed), ..))) = (found, must) else {
                continue;
            };
            assert_eq!(found.removed, *removed, "{id} is removed");
            assert_eq!(found.product.price, Some(*price as f64), "price of {id}");
            let stock = model.stocks.get(id).map(|((count, ..), _)| *count);
            assert_eq!(found.product.stock, stock, "stock of {id}");
            assert_eq!(found.available, model.free(id, self.now), "free of {id}");
        }
    }

    /// Compares what a history says with what must hold, by the functions that every answer calls.
    fn compare_history(&self, id: &'static str, history: &[Touch], catalogue: &Catalogue) {
        let standing = Standing::of(history, &[]);
        let hidden: BTreeSet<&str> = standing
            .hidden
            .iter()
            .map(|p| &*catalogue.product(*p).product_id)
            .collect();
        assert_eq!(hidden, self.model.hidden(id), "what {id} hides");
        let owned = net_acquisitions(history).into_iter();
        let owned: BTreeMap<&str, i64> = owned
            .map(|owned| {
                (
                    &*catalogue.product(owned.product).product_id,
                    owned.quantity as i64,
                )
            })
            .collect();
        assert_eq!(owned, self.model.owned(id), "what {id} has");
    }

    /// Compares what batch commands read, after an export, with what must hold.
    async fn compare_batch(&self) {
        let out = self.dir.path().join(format!("export-{}", self.now));
        let store = self.dir.path().join("store");
        let arguments: [&std::ffi::OsStr; 7] = [
            "export".as_ref(),
            "--store".as_ref(),
            store.as_ref(),
            "--out".as_ref(),
            out.as_ref(),
            "--format".as_ref(),
            "csv".as_ref(),
        ];
        let export = Command::parse_from(arguments).export;
        let exported = tokio::task::spawn_blocking(|| export.run());
        exported.await.unwrap().unwrap();
        let data = ShopData::open(&out, ReadOptions::default()).unwrap();
        let log = Log::load(&data, None).unwrap();
        for id in everybody() {
            if self.model.said(id) == Some(false) {
                assert_eq!(log.customer(id), None, "{id} is not to be learned from");
                continue;
            }
            let found = log.customer(id).map_or(&[][..], |ix| log.histories.of(ix));
            let did = self.model.history(id);
            assert_eq!(found.len(), did.len(), "what batch reads of {id}");
            self.compare_history(id, found, &log.catalogue);
        }
        std::fs::remove_dir_all(&out).unwrap();
    }
}

#[derive(clap::Parser)]
struct Command {
    #[command(flatten)]
    export: Export,
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
        for step in 0..STEPS {
            told.push(bench.step(&mut draw).await);
            let log = format!(
                "SERENDIB_SEED={seed} SERENDIB_HISTORIES=1:\n{}",
                told.join("\n")
            );
            let guard = Tell(log);
            bench.compare().await;
            if step % 12 == 11 {
                bench.compare_batch().await;
            }
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
