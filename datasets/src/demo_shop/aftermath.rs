//! What follows orders: deliveries, returns, complaints and their resolution, ratings, boxes.

use super::calendar;
use super::household::{Event, Life, Line, Said, BOX, NOTHING};

impl Life<'_> {
    /// Everything on the agenda for today.
    pub(super) fn due(&mut self) {
        let day = self.state.day;
        if self.state.boxed
            && self.world.month_day(day) % 100 == u32::from(self.person.box_day)
            && !self.state.away
        {
            self.happen(Event::Box);
        }
        let mut i = 0;
        while i < self.state.agenda.len() {
            if self.state.agenda[i].0 <= day {
                let (_, event) = self.state.agenda.remove(i);
                self.happen(event);
            } else {
                i += 1;
            }
        }
    }

    fn happen(&mut self, event: Event) {
        let day = self.state.day;
        let second = self.state.rng.int(8 * 3600, 20 * 3600) as i32;
        match event {
            Event::Deliver(basket, pickup, late) => {
                let (kind, channel) = if pickup == 1 {
                    ("pickup", "store")
                } else {
                    ("delivery", "courier")
                };
                let mut mark = self.note(kind, channel, second);
                mark.basket = basket;
                self.mark(mark);
                if self.state.rng.chance(0.1) {
                    let mut said = self.note("delivery_feedback", "email", second + 3_000);
                    said.basket = basket;
                    said.stars = if late {
                        self.state.rng.int(1, 3)
                    } else {
                        self.state.rng.int(3, 5)
                    } as u8;
                    self.mark(said);
                }
            }
            Event::Late(basket) => {
                let mut mark = self.note("delivery_late", "courier", second);
                mark.basket = basket;
                self.mark(mark);
                self.state.hits += 0.7;
                if self.state.rng.chance(0.25) {
                    self.state.agenda.push((day + 1, Event::Complain(NOTHING)));
                }
            }
            Event::Return(line) => self.give_back(line, second),
            Event::Complain(product) => self.complain(product, second),
            Event::Resolve(product) => {
                let mut mark = self.note("complaint_resolved", "phone", second);
                mark.product = product;
                self.mark(mark);
                self.state.complaint = None;
                self.state.hits = (self.state.hits - 0.5).max(0.0);
            }
            Event::Forgotten => {
                if self.state.complaint.is_some() {
                    let mark = self.note("callback_missed", "phone", second);
                    self.mark(mark);
                    self.state.hits += 0.8;
                }
            }
            Event::Rate(product, words) => self.rate(product, words, second),
            Event::Ask(product) => self.ask(product, second),
            Event::Want(category, run) => {
                let accessory = self.world.room.specs[usize::from(category)].accessory;
                if accessory || self.exposure(category).0 > 0 {
                    self.want(category, run, false, NOTHING, 0);
                }
            }
            Event::Install(product, basket) => {
                let category = self.world.room.category_of(product);
                let wood = self.world.room.specs[usize::from(category)]
                    .path
                    .contains("furniture");
                let kind = if wood { "assembly" } else { "technician_visit" };
                let mut mark = self.note(kind, "home", second);
                mark.product = product;
                mark.basket = basket;
                mark.line = category;
                mark.seconds = self.state.rng.int(900, 7_200) as f64;
                self.mark(mark);
            }
            Event::Box => self.pack_box(second),
            Event::Judge(lines, number) => self.judge_box(lines, number, second),
        }
    }

    fn give_back(&mut self, line: Line, second: i32) {
        let channel = if self.state.rng.chance(0.3) {
            "store"
        } else {
            "post"
        };
        let mut mark = self.note("return", channel, second);
        mark.product = line.product;
        mark.quantity = line.quantity;
        mark.value = line.value;
        mark.basket = line.basket;
        self.mark(mark);
        self.state.hits += 0.3;
        if line.gift {
            return;
        }
        let category = self.world.room.category_of(line.product);
        let shelf = &mut self.state.shelves[usize::from(category)];
        shelf.owned = false;
        if shelf.last == line.product {
            shelf.last = NOTHING;
        }
        shelf.stock = shelf.stock.min(6.0);
        // often the next size or another make is wanted instead
        if self.state.rng.chance(0.45) {
            self.want(category, line.run, false, NOTHING, 0);
        }
    }

    fn complain(&mut self, product: u32, second: i32) {
        let day = self.state.day;
        let channel = ["phone", "chat", "email", "store"][self.state.rng.index(4)];
        let mut mark = self.note("complaint", channel, second);
        mark.product = product;
        if product != NOTHING {
            mark.line = self.world.room.category_of(product);
        }
        mark.seconds = self.state.rng.int(60, 1_200) as f64;
        self.mark(mark);
        self.state.complaint = Some(day);
        self.state.hits += 0.9;
        if self.state.rng.chance(0.14) {
            let when = day + self.state.rng.int(1, 3) as i32;
            self.state.agenda.push((when, Event::Forgotten));
        }
        if self.state.rng.chance(0.86) {
            let when = day + 1 + self.state.rng.count(4.0) as i32;
            self.state.agenda.push((when, Event::Resolve(product)));
        } else {
            self.state.hits += 1.0;
        }
    }

    fn rate(&mut self, product: u32, words: bool, second: i32) {
        let family = self.world.room.family(product);
        let pleased = self.person.styles.contains(&family.style);
        let stars = 2.2 + 2.4 * family.quality + if pleased { 0.6 } else { 0.0 };
        let stars = (stars + 0.8 * self.state.rng.bell())
            .round()
            .clamp(1.0, 5.0) as u8;
        let kind = if words { "review" } else { "rating" };
        let mut mark = self.note(kind, "web", second);
        mark.product = product;
        mark.stars = stars;
        self.mark(mark);
        if stars <= 2 {
            self.state.hits += 0.3;
        }
    }

    /// The survey after a purchase: what was expected, what was got, and whether it was a pleasant surprise.
    fn ask(&mut self, product: u32, second: i32) {
        let p = self.experienced(product);
        let mark = self.note("survey", "email", second);
        self.mark(mark);
        self.say(product, p, 0, "purchase", second, true);
    }

    /// Records an answer.
    pub(super) fn say(
        &mut self,
        product: u32,
        p: f64,
        request: u32,
        source: &'static str,
        second: i32,
        had: bool,
    ) {
        if !self.ledger.live {
            return;
        }
        let answers = self.answers(product, p, had);
        self.ledger.said.push(Said {
            at: calendar::at(self.state.day, second.min(86_000) + 45),
            product,
            request,
            p,
            source,
            answers,
        });
    }

    /// What the shop's packers put in: four of what the household seems to be, one from anywhere.
    fn pack_box(&mut self, _second: i32) {
        let mut lines = [NOTHING; 5];
        for slot in 0..5 {
            for _ in 0..8 {
                let category = if slot < 4 {
                    self.state.rng.among(self.circle).copied()
                } else {
                    Some(self.state.rng.index(self.world.room.specs.len()) as u16)
                };
                let Some(category) = category else { break };
                let world = self.world;
                let spec = &world.room.specs[usize::from(category)];
                if spec.price.1 > 60.0 || spec.kind != "product" || spec.body.0 > 3_000.0 {
                    continue;
                }
                let Some(product) = self.glance(category) else {
                    continue;
                };
                let suits = self.world.room.products[product as usize]
                    .allergens
                    .iter()
                    .all(|a| !self.person.avoids.contains(&a.as_str()));
                let useful =
                    slot == 4 || self.feeling(product).relevance > 0 || self.state.rng.chance(0.25);
                if suits && useful && !lines.contains(&product) {
                    lines[slot] = product;
                    break;
                }
            }
        }
        self.state.baskets += 1;
        let number = BOX + self.state.baskets;
        let arrives = self.state.day + self.state.rng.int(5, 9) as i32;
        self.state
            .agenda
            .push((arrives, Event::Judge(lines, number)));
    }

    fn judge_box(&mut self, lines: [u32; 5], number: u32, second: i32) {
        let mut kept = 0;
        for (slot, product) in lines.into_iter().enumerate() {
            if product == NOTHING {
                continue;
            }
            let feeling = self.feeling(product);
            let keep = [0.42, 0.66, 0.82, 0.9][usize::from(feeling.relevance)]
                + if feeling.pleases { 0.1 } else { -0.05 };
            let keeps = self.state.rng.chance(keep);
            kept += u32::from(keeps);
            let kind = if keeps { "box_kept" } else { "box_returned" };
            let mut mark = self.note(kind, "box", second);
            mark.product = product;
            mark.basket = number;
            mark.placement = if slot == 4 { "box-surprise" } else { "box" };
            if keeps {
                mark.value = super::number::cents(self.world.room.price(product) * 0.8);
                let category = self.world.room.category_of(product);
                let world = self.world;
                let spec = &world.room.specs[usize::from(category)];
                let shelf = &mut self.state.shelves[usize::from(category)];
                shelf.owned |= spec.durable;
                shelf.stock += spec.supply as f32;
            }
            self.mark(mark);
            let asked = if slot == 4 { 0.5 } else { 0.04 };
            if self
                .state
                .rng
                .chance(asked * (0.3 + 0.7 * self.person.opens))
            {
                let p = self.experienced(product);
                self.say(product, p, 0, "box", second + 600, true);
            }
        }
        if kept < 2 {
            self.state.bad_boxes += 1;
            if self.state.bad_boxes >= 2 {
                let mark = self.note("cancel_intent", "web", second + 900);
                self.mark(mark);
                self.state.boxed = false;
            }
        } else {
            self.state.bad_boxes = 0;
        }
    }
}
