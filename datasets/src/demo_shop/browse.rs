//! What a visit leaves behind besides orders: searches, views, carts, questions, and pastime.

use super::household::{Life, Need, NOTHING};
use super::visit::Visit;

impl Life<'_> {
    /// Looking for something wanted.
    pub(super) fn browse(&mut self, need: Need, found: Option<u32>, buys: bool, visit: &mut Visit) {
        if !self.ledger.live {
            return;
        }
        let world = self.world;
        let spec = &world.room.specs[usize::from(need.category)];
        let online = visit.channel != "store";
        if online && self.state.rng.chance(0.22) {
            let second = visit.pass(&mut self.state.rng, 5, 60);
            let mut search = self.note("search", visit.channel, second);
            search.line = need.category;
            self.mark(search);
        }
        // dear things are compared, the usual pack is not even looked at
        let usual =
            self.state.shelves[usize::from(need.category)].last != NOTHING && spec.supply > 0.0;
        let dear = spec.price.0 >= 45.0;
        let looks = if usual {
            u32::from(self.state.rng.chance(0.25))
        } else {
            self.state
                .rng
                .count(if dear { 2.2 } else { 0.9 })
                .max(u32::from(!buys))
        };
        for i in 0..looks.min(6) {
            let product = if i == 0 {
                found
            } else {
                self.glance(need.category)
            };
            let Some(product) = product else { continue };
            let second = visit.pass(&mut self.state.rng, 15, 150);
            let kind = if online {
                "view"
            } else if self.state.rng.chance(0.25) {
                "product_scan"
            } else {
                continue;
            };
            let mut view = self.note(kind, visit.channel, second);
            view.product = product;
            view.seconds = self.state.rng.int(8, if dear { 180 } else { 70 }) as f64;
            self.mark(view);
            if online && !buys && need.looked == 0 && self.state.rng.chance(0.05) {
                let mut wish = self.note("wishlist", visit.channel, second + 4);
                wish.product = product;
                self.mark(wish);
            }
        }
        if buys && online {
            if let Some(product) = found.filter(|_| self.state.rng.chance(0.6)) {
                let second = visit.pass(&mut self.state.rng, 8, 60);
                let mut cart = self.note("add_to_cart", visit.channel, second);
                cart.product = product;
                self.mark(cart);
            }
        }
        if dear && self.state.rng.chance(0.2) {
            let channel = if online { "phone" } else { "store" };
            let kind = ["advice", "stock_enquiry", "advice", "call"][self.state.rng.index(4)];
            let second = visit.pass(&mut self.state.rng, 60, 600);
            let mut ask = self.note(kind, channel, second);
            ask.product = found.unwrap_or(NOTHING);
            ask.line = need.category;
            ask.seconds = self.state.rng.int(60, 900) as f64;
            self.mark(ask);
        }
    }

    /// A product of the category that is on sale, by popularity.
    pub(super) fn glance(&mut self, category: u16) -> Option<u32> {
        let world = self.world;
        let room = &world.room;
        let shelf = &room.shelves[usize::from(category)];
        for _ in 0..6 {
            let number = shelf.families[self.state.rng.pick(&shelf.running)];
            if room.on_sale(number, self.state.day) {
                let family = &room.families[number as usize];
                return Some(family.first + self.state.rng.index(usize::from(family.count)) as u32);
            }
        }
        None
    }

    /// Pastime: things looked at for no need, articles, contests.
    pub(super) fn dawdle(&mut self, visit: &mut Visit) {
        let glances = self.state.rng.count(0.15 + 0.6 * self.person.curiosity);
        for _ in 0..glances {
            let category = if self.state.rng.chance(0.75) {
                self.state.rng.among(self.circle).copied()
            } else {
                Some(self.state.rng.index(self.world.room.specs.len()) as u16)
            };
            let Some(product) = category.and_then(|c| self.glance(c)) else {
                continue;
            };
            if visit.channel == "store" {
                continue;
            }
            let second = visit.pass(&mut self.state.rng, 10, 90);
            let mut view = self.note("view", visit.channel, second);
            view.product = product;
            view.seconds = self.state.rng.int(4, 45) as f64;
            self.mark(view);
        }
        let rare = self.state.rng.unit();
        let kind = match (rare, visit.channel) {
            (u, "store") if u < 0.10 => "check_in",
            (u, _) if u < 0.05 => "content_read",
            (u, _) if u < 0.062 => "share",
            (u, _) if u < 0.070 => "contest",
            (u, _) if u < 0.073 => "referral",
            (u, _) if u < 0.080 => "chat",
            (u, "web") if u < 0.087 => "lead",
            _ => return,
        };
        let second = visit.pass(&mut self.state.rng, 20, 120);
        let mut mark = self.note(kind, visit.channel, second);
        if kind == "content_read" {
            mark.seconds = self.state.rng.int(20, 400) as f64;
            mark.pages = self.state.rng.int(1, 4) as u16;
        }
        self.mark(mark);
    }
}
