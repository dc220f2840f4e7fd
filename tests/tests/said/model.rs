//! What must hold, as simply as it can be said.

use std::collections::{BTreeMap, BTreeSet};

pub const PEOPLE: [&str; 3] = ["ada", "bob", "cat"];
/// Identities, and whose they are in the files.
pub const CARDS: [(&str, &str); 2] = [("card-1", "ada"), ("card-2", "bob")];
pub const PRODUCTS: [&str; 2] = ["tea", "milk"];
const HIDING: [&str; 3] = ["hide", "dislike", "not_interested"];
const SHOWING: [&str; 2] = ["unhide", "interested"];

pub fn everybody() -> impl Iterator<Item = &'static str> {
    PEOPLE.into_iter().chain(CARDS.map(|(card, _)| card))
}

/// A statement: what, when, and whether by a call.
type Stated<T> = (T, Option<i64>, bool);

/// Whether a statement of `at` by a call or a file takes the place of `old`.
pub fn newer<T>(old: Option<&Stated<T>>, at: Option<i64>) -> bool {
    match (old, at) {
        (None, _) => true,
        (Some((_, Some(old), _)), Some(new)) => new >= *old,
        (Some((_, None, _)), Some(_)) => true,
        (Some((_, _, call)), None) => !call,
    }
}

/// Something that somebody did with a product.
#[derive(Clone)]
pub struct Did {
    pub of: &'static str,
    pub at: i64,
    /// The how-manieth thing it was.
    pub nth: usize,
    pub kind: &'static str,
    pub product: &'static str,
    pub packs: i64,
}

/// Units set aside: for a box of somebody, or for a basket of nobody.
#[derive(Clone)]
pub struct Held {
    pub of: Option<&'static str>,
    pub product: &'static str,
    pub units: i64,
    pub until: i64,
}

#[derive(Clone, Default)]
pub struct Model {
    pub consents: BTreeMap<&'static str, Stated<Option<bool>>>,
    pub locales: BTreeMap<&'static str, Stated<&'static str>>,
    pub parents: BTreeMap<&'static str, &'static str>,
    pub unlinked: BTreeMap<(&'static str, &'static str), i64>,
    pub did: BTreeMap<String, Did>,
    pub prices: BTreeMap<&'static str, Stated<(i64, bool)>>,
    pub stocks: BTreeMap<&'static str, (Stated<i64>, i64)>,
    pub left: Vec<(&'static str, i64, i64)>,
    pub held: BTreeMap<String, Held>,
    /// Never undone, not by a restore either.
    pub erased: BTreeMap<&'static str, i64>,
}

impl Model {
    pub fn root(&self, id: &'static str) -> &'static str {
        self.parents.get(id).map_or(id, |above| self.root(above))
    }

    pub fn members(&self, id: &'static str) -> Vec<&'static str> {
        let root = self.root(id);
        everybody().filter(|id| self.root(id) == root).collect()
    }

    /// Whether what a file says as of a time is of before the erasure of `id`.
    pub fn gone(&self, id: &str, as_of: Option<i64>) -> bool {
        let erased = self.erased.get(id);
        erased.is_some_and(|erased| as_of.is_none_or(|at| at <= *erased))
    }

    pub fn consent(&mut self, id: &'static str, said: Option<bool>, at: Option<i64>, call: bool) {
        let old = self.consents.get(id);
        let told_no = old.is_some_and(|(said, ..)| *said == Some(false));
        let doubtful =
            !call && (at.is_none() || old.is_some_and(|(_, old, _)| old.is_none() || *old == at));
        if newer(old, at) && !(doubtful && told_no && said != Some(false)) {
            self.consents.insert(id, (said, at, call));
        }
    }

    /// What the person said of training, by all their ids: a no wins.
    pub fn said(&self, id: &'static str) -> Option<bool> {
        let members = self.members(id);
        let said = members.iter().filter_map(|id| self.consents.get(id)?.0);
        said.fold(None, |a: Option<bool>, b| Some(a.unwrap_or(true) && b))
    }

    pub fn locale(&mut self, id: &'static str, locale: &'static str, at: Option<i64>, call: bool) {
        if newer(self.locales.get(id), at) {
            self.locales.insert(id, (locale, at, call));
        }
    }

    /// Whether the link was made or is there already.
    pub fn link(&mut self, customer: &'static str, card: &'static str) -> bool {
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
        let next = self.parents.get(id);
        next.is_some_and(|next| *next == above || self.under(next, above))
    }

    pub fn erase(&mut self, id: &'static str, now: i64) {
        for member in self.members(id) {
            self.forget(member);
            self.erased.insert(member, now);
        }
    }

    pub fn forget(&mut self, id: &'static str) {
        self.consents.remove(id);
        self.locales.remove(id);
        self.parents.remove(id);
        self.parents.retain(|_, above| *above != id);
        self.did.retain(|_, did| did.of != id);
        self.held.retain(|_, held| held.of != Some(id));
    }

    /// Takes over what people said from the model of a store that an older one replaces: erasures, consents, and what they hide
    /// or do not hide any more.
    pub fn hear(&mut self, replaced: Model) {
        for (id, at) in replaced.erased {
            if self.erased.get(id) != Some(&at) {
                self.forget(id);
            }
            self.erased.insert(id, at);
        }
        for (id, (said, at, call)) in replaced.consents {
            self.consent(id, said, at, call);
        }
        let said = |did: &Did| HIDING.contains(&did.kind) || SHOWING.contains(&did.kind);
        let of = replaced.did.into_iter().filter(|(_, did)| said(did));
        self.did.extend(of);
    }

    /// What the person did, in order.
    pub fn history(&self, id: &'static str) -> Vec<&Did> {
        let members = self.members(id);
        let mut all: Vec<&Did> = self.did.values().collect();
        all.retain(|did| members.contains(&did.of));
        // what is given back was bought before, however late that was told
        all.sort_by_key(|did| (did.at, did.kind == "return", did.nth));
        all
    }

    /// Products that the person hid and did not take back: at one time a no beats a yes.
    pub fn hidden(&self, id: &'static str) -> BTreeSet<&'static str> {
        let history = self.history(id);
        let last = |product: &str, kinds: &[&str]| -> Option<i64> {
            let of = history.iter().filter(|did| did.product == product);
            of.filter(|did| kinds.contains(&did.kind))
                .map(|did| did.at)
                .max()
        };
        let hidden = |product: &&str| {
            let hid = last(product, &HIDING);
            hid.is_some() && hid >= last(product, &SHOWING)
        };
        PRODUCTS.into_iter().filter(hidden).collect()
    }

    /// Packs of each product that the person has: what is given back was bought before.
    pub fn owned(&self, id: &'static str) -> BTreeMap<&'static str, i64> {
        let mut owned = BTreeMap::new();
        for did in self.history(id) {
            let packs = owned.entry(did.product).or_insert(0);
            *packs += match did.kind {
                "purchase" => did.packs,
                "return" => -did.packs.min(*packs),
                _ => 0,
            };
        }
        owned.retain(|_, packs| *packs > 0);
        owned
    }

    pub fn stock(&mut self, id: &'static str, count: i64, at: Option<i64>, call: bool, now: i64) {
        let old = self.stocks.get(id);
        let left = |since: i64| -> i64 {
            let of = self.left.iter();
            let of = of.filter(|(of, when, _)| *of == id && *when > since);
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

    /// Units that nobody set aside; `None` where they are not counted.
    pub fn free(&self, id: &str, now: i64) -> Option<i64> {
        let stock = self.stocks.get(id)?.0 .0;
        let held = self.held.values();
        let held = held.filter(|held| held.product == id && held.until > now);
        Some((stock - held.map(|held| held.units).sum::<i64>()).max(0))
    }

    /// Units set aside leave the shop.
    pub fn leaves(&mut self, held: &str, now: i64) {
        let Some(held) = self.held.remove(held) else {
            return;
        };
        if let Some(((count, ..), _)) = self.stocks.get_mut(held.product) {
            *count = (*count - held.units).max(0);
        }
        self.left.push((held.product, now, held.units));
    }

    pub fn price(&mut self, id: &'static str, price: i64, at: Option<i64>, call: bool) {
        if newer(self.prices.get(id), at) {
            self.prices.insert(id, ((price, false), at, call));
        }
    }

    pub fn removed(&self, id: &str) -> bool {
        self.prices
            .get(id)
            .is_some_and(|((_, removed), ..)| *removed)
    }
}
