//! The till: lines, complements put in beside them, and everything that an order sets going.

use super::household::{Bought, Event, Life, Line, Need, NOTHING};
use super::number::cents;
use super::visit::Visit;

impl Life<'_> {
    /// Pays for what was taken.
    pub(super) fn order(&mut self, taken: Vec<(Need, u32)>, visit: &mut Visit) {
        let day = self.state.day;
        self.state.baskets += 1;
        let basket = self.state.baskets;
        let mut lines: Vec<Line> = Vec::new();
        for (need, product) in taken {
            self.add(&mut lines, need, product, basket);
        }
        // a few things call for others at once
        let mut i = 0;
        while i < lines.len() && lines.len() < 14 {
            let line = lines[i];
            i += 1;
            if line.gift {
                continue;
            }
            let anchor = self.world.room.category_of(line.product);
            let brand = self.world.room.family(line.product).brand;
            let world = self.world;
            for after in world.relations.after(anchor) {
                let have = lines
                    .iter()
                    .any(|l| self.world.room.category_of(l.product) == after.complement);
                let spec = &world.room.specs[usize::from(after.complement)];
                let of_age = spec.accessory || self.exposure(after.complement).0 > 0;
                if have || !of_age {
                    continue;
                }
                let together = self.state.rng.chance(after.together);
                let later = !together && self.state.rng.chance(after.later);
                let lag = self
                    .state
                    .rng
                    .int(i64::from(after.lag.0), i64::from(after.lag.1))
                    as i32;
                let fit = if after.same_brand { brand + 1 } else { 255 };
                let shelf = &mut self.state.shelves[usize::from(after.complement)];
                if spec.accessory && (together || later) {
                    shelf.unlocked = fit;
                }
                if spec.accessory && spec.supply > 0.0 && later {
                    shelf.stock = lag as f32;
                } else if later && self.state.rng.chance(self.person.loyalty + 0.25) {
                    self.state
                        .agenda
                        .push((day + lag, Event::Want(after.complement, line.run)));
                }
                if together {
                    let need = Need {
                        category: after.complement,
                        since: day,
                        run: line.run,
                        gift: false,
                        looked: 0,
                        request: 0,
                        product: NOTHING,
                    };
                    if let Some(product) = self.choose(need) {
                        self.add(&mut lines, need, product, basket);
                    }
                }
            }
        }
        let discount = if self.state.nudged && self.state.rng.chance(0.35) {
            0.9
        } else {
            1.0
        };
        let channel = visit.channel;
        let second = visit.pass(&mut self.state.rng, 30, 240);
        if discount < 1.0 {
            let mut coupon = self.note("coupon_redeemed", channel, second);
            coupon.campaign = self.campaign_today();
            coupon.basket = basket;
            self.mark(coupon);
        }
        for line in &mut lines {
            line.value = cents(line.value * discount);
            let mut mark = self.note("purchase", channel, second);
            mark.product = line.product;
            mark.quantity = line.quantity;
            mark.value = line.value;
            mark.basket = basket;
            mark.request = line.request;
            mark.placement = if line.request > 0 { "surprise" } else { "" };
            self.mark(mark);
            self.ledger.bought.push(Bought { day, line: *line });
        }
        // first orders that were a try, not a beginning
        if basket == 1 && self.state.rng.chance(0.10) {
            self.state.away = true;
        }
        self.hand_over(&lines, visit, basket);
        for line in lines {
            self.foresee(line, channel == "store");
        }
    }

    fn add(&mut self, lines: &mut Vec<Line>, need: Need, product: u32, basket: u32) {
        let world = self.world;
        let spec = &world.room.specs[usize::from(need.category)];
        if let Some(line) = lines.iter_mut().find(|l| l.product == product) {
            line.quantity = line.quantity.saturating_add(1);
            line.value += self.world.room.price(product);
            return;
        }
        let quantity = if spec.supply > 0.0 && spec.price.1 < 25.0 {
            1 + u8::from(self.state.rng.chance(0.28)) + u8::from(self.state.rng.chance(0.1))
        } else if spec.price.1 < 12.0 {
            1 + u8::from(self.state.rng.chance(0.12))
        } else {
            1
        };
        if !need.gift {
            let wobble = self.state.rng.between(0.85, 1.2);
            let shelf = &mut self.state.shelves[usize::from(need.category)];
            shelf.times = shelf.times.saturating_add(1);
            shelf.last = product;
            shelf.owned |= spec.durable;
            let full = spec.supply * f64::from(quantity) * wobble;
            shelf.stock = (f64::from(shelf.stock.max(0.0)) + full) as f32;
        }
        lines.push(Line {
            product,
            quantity,
            value: f64::from(quantity) * self.world.room.price(product),
            basket,
            gift: need.gift,
            run: need.run,
            request: need.request,
        });
    }

    /// Delivery, pickup, or nothing more to do.
    fn hand_over(&mut self, lines: &[Line], visit: &mut Visit, basket: u32) {
        if visit.channel == "store" {
            return;
        }
        let day = self.state.day;
        let goods = lines.iter().any(|l| {
            self.world.room.specs[usize::from(self.world.room.category_of(l.product))].kind
                == "product"
        });
        if !goods {
            return;
        }
        let pickup = self.state.rng.chance(0.14);
        let days = self.state.rng.int(1, 4) as i32;
        if pickup {
            self.state
                .agenda
                .push((day + days, Event::Deliver(basket, 1, false)));
            return;
        }
        if self.state.rng.chance(0.35) {
            let second = visit.pass(&mut self.state.rng, 10, 50);
            let mut slot = self.note("delivery_slot_chosen", visit.channel, second);
            slot.basket = basket;
            self.mark(slot);
        }
        // before Christmas the vans are full
        let late = if super::calendar::christmas_rush(self.world.month_day(day)) > 1.0 {
            0.2
        } else {
            0.055
        };
        if self.state.rng.chance(late) {
            self.state.agenda.push((day + days, Event::Late(basket)));
            let more = self.state.rng.int(1, 4) as i32;
            self.state
                .agenda
                .push((day + days + more, Event::Deliver(basket, 0, true)));
        } else {
            self.state
                .agenda
                .push((day + days, Event::Deliver(basket, 0, false)));
        }
    }

    /// What may come of one line: sent back, complained about, rated, installed.
    fn foresee(&mut self, line: Line, in_store: bool) {
        let world = self.world;
        let room = &world.room;
        let spec = &room.specs[usize::from(room.category_of(line.product))];
        let family = room.family(line.product);
        let (quality, level) = (family.quality, family.level);
        let day = self.state.day;
        if spec.kind != "product" {
            return;
        }
        let arrives = day + if in_store { 0 } else { 5 };
        let mut returns = spec.returns;
        if quality < 0.25 {
            returns += 0.05;
        }
        if quality - level < -0.45 {
            returns += 0.03;
        }
        if self.state.rng.chance(returns) {
            let when = arrives + self.state.rng.int(1, 14) as i32;
            self.state.agenda.push((when, Event::Return(line)));
            return;
        }
        let faulty = if quality < 0.15 { 0.05 } else { 0.009 };
        if self.state.rng.chance(faulty) {
            let when = arrives + self.state.rng.int(1, 20) as i32;
            self.state
                .agenda
                .push((when, Event::Complain(line.product)));
        } else if self.state.rng.chance(0.05 * (0.5 + self.person.opens)) {
            let when = arrives + self.state.rng.int(3, 20) as i32;
            let words = self.state.rng.chance(0.35);
            self.state
                .agenda
                .push((when, Event::Rate(line.product, words)));
        }
        if !line.gift && self.state.rng.chance(0.012) {
            let when = arrives + self.state.rng.int(2, 9) as i32;
            self.state.agenda.push((when, Event::Ask(line.product)));
        }
        let big = spec.body.0 >= 14_000.0
            || spec.path.starts_with("home/locks")
            || spec.path == "kitchen/coffee machines";
        if big && self.state.rng.chance(0.45) {
            let when = arrives + self.state.rng.int(1, 8) as i32;
            self.state
                .agenda
                .push((when, Event::Install(line.product, line.basket)));
        }
    }
}
