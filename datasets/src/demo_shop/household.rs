//! One household's running story: its state, and what is written down of it.

use super::campaigns::Campaign;
use super::catalogue::Stockroom;
use super::number::{trait_of, Rng};
use super::people::Person;
use super::relations_by_category::Relations;
use super::taxonomy::{Clock, Interest};

/// Stands for no product.
pub const NOTHING: u32 = u32::MAX;

/// Everything that all households share.
#[derive(Debug)]
pub struct World {
    /// Seed of the whole shop.
    pub seed: u64,
    pub start: i32,
    /// Month · 100 + day of the month, from the first day on, to 200 days after the story.
    pub dates: Vec<u32>,
    /// What is sold.
    pub room: Stockroom,
    /// What goes with what, by position.
    pub relations: Relations,
    /// Running sums of how fit each category is as a present.
    pub gifts: Vec<f64>,
    /// What the shop sends, in order of days.
    pub campaigns: Vec<Campaign>,
}

impl World {
    /// Month · 100 + day of the month.
    pub fn month_day(&self, day: i32) -> u32 {
        let ix = usize::try_from(day - self.start).unwrap_or(0);
        self.dates.get(ix).copied().unwrap_or(101)
    }
}

/// What a household remembers of one category.
#[derive(Debug, Clone, Copy)]
pub struct Shelf {
    /// Days of supply left.
    pub stock: f32,
    /// Last product, or [`NOTHING`].
    pub last: u32,
    /// Bought here so often.
    pub times: u16,
    /// Has one (durables), wherever it was bought.
    pub owned: bool,
    /// For accessories: 0 = no anchor at home, else 1 + brand that fits, 255 = any brand.
    pub unlocked: u8,
    /// Tips about this category seen lately.
    pub tips: u8,
}

/// Something wanted now.
#[derive(Debug, Clone, Copy)]
pub struct Need {
    pub category: u16,
    pub since: i32,
    /// Run of [`Person::runs`] it is for; 255 = nobody in particular.
    pub run: u8,
    /// For somebody else.
    pub gift: bool,
    /// Looked for so often.
    pub looked: u8,
    /// Request whose tip raised it; 0 = none.
    pub request: u32,
    /// The very product wanted, or [`NOTHING`].
    pub product: u32,
}

/// Something that will happen.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// An order arrives; whether late.
    Deliver(u32, u8, bool),
    /// The order was due today and is not there.
    Late(u32),
    /// A line is sent back.
    Return(Line),
    /// A line is complained about.
    Complain(u32),
    /// The complaint is settled.
    Resolve(u32),
    /// A promised call did not come.
    Forgotten,
    /// A line is rated with stars; whether in words too.
    Rate(u32, bool),
    /// The shop asks how it felt.
    Ask(u32),
    /// A complement is wanted now.
    Want(u16, u8),
    /// Something big is put up or connected.
    Install(u32, u32),
    /// A box arrives.
    Box,
    /// The lines of a box are kept or sent back: surprise last.
    Judge([u32; 5], u32),
}

/// One line of an order.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    pub product: u32,
    pub quantity: u8,
    /// Paid for the line.
    pub value: f64,
    pub basket: u32,
    /// For somebody else.
    pub gift: bool,
    /// Run it is for; 255 = nobody in particular.
    pub run: u8,
    /// Request that led here; 0 = none.
    pub request: u32,
}

/// The state of one household on one day.
#[derive(Debug, Clone)]
pub struct State {
    pub day: i32,
    pub rng: Rng,
    pub shelves: Vec<Shelf>,
    pub needs: Vec<Need>,
    pub agenda: Vec<(i32, Event)>,
    /// Disappointments not yet forgotten.
    pub hits: f64,
    pub away: bool,
    /// Day on which an open complaint was made.
    pub complaint: Option<i32>,
    /// Visits lately: 1 a visit, fading by a seventh a day.
    pub visits: f64,
    /// Newsletters left unopened in a row.
    pub unopened: u8,
    /// Something has lain in the cart since.
    pub cart: i32,
    /// A newsletter made curious today.
    pub nudged: bool,
    /// Numbers given so far.
    pub baskets: u32,
    /// Numbers given so far.
    pub requests: u32,
    /// Subscribes to the box; bad boxes in a row.
    pub boxed: bool,
    /// Bad boxes in a row.
    pub bad_boxes: u8,
}

/// One touchpoint before it becomes a row.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    pub kind: &'static str,
    /// Channel; empty = none.
    pub channel: &'static str,
    /// Length of time, milliseconds.
    pub at: i64,
    /// Product or [`NOTHING`].
    pub product: u32,
    pub quantity: u8,
    /// Paid; NaN-free: negative = absent.
    pub value: f64,
    /// Order; 0 = none; boxes are numbered from [`BOX`].
    pub basket: u32,
    /// Seconds; negative = absent.
    pub seconds: f64,
    /// Pages; 0 = absent.
    pub pages: u16,
    /// 1 + campaign; 0 = none.
    pub campaign: u16,
    /// Stars; 0 = none.
    pub stars: u8,
    /// Category whose root is the product line; `u16::MAX` = none.
    pub line: u16,
    /// Request; 0 = none.
    pub request: u32,
    /// Placement; empty = none.
    pub placement: &'static str,
}

/// First number of a box among baskets.
pub const BOX: u32 = 1 << 30;

/// Something bought, for the truth.
#[derive(Debug, Clone, Copy)]
pub struct Bought {
    pub day: i32,
    pub line: Line,
}

/// What a customer said, for the `delights` table and the truth.
#[derive(Debug, Clone, Copy)]
pub struct Said {
    /// Length of time, milliseconds.
    pub at: i64,
    pub product: u32,
    /// Request; 0 = none.
    pub request: u32,
    /// True probability that it delighted.
    pub p: f64,
    /// `tip`, `purchase` or `box`.
    pub source: &'static str,
    /// surprised, inspired, again, expected, actual, relevant, unexpected, novel, timely; 0 = not asked.
    pub answers: [u8; 9],
}

/// One tip drawn by the logging policy.
#[derive(Debug, Clone)]
pub struct Tip {
    pub request: u32,
    /// Length of time, milliseconds.
    pub at: i64,
    /// Position of the drawn one among the candidates.
    pub drawn: usize,
    /// Product, propensity, true probability of a click.
    pub candidates: Vec<(u32, f64, f64)>,
    /// Whether it was clicked.
    pub clicked: bool,
}

/// What is written down; a quiet ledger keeps purchases only.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Whether anything but purchases is written.
    pub live: bool,
    pub marks: Vec<Mark>,
    pub bought: Vec<Bought>,
    pub said: Vec<Said>,
    pub tips: Vec<Tip>,
}

/// One household living on.
pub struct Life<'a> {
    pub world: &'a World,
    pub person: &'a Person,
    /// Categories in which it takes part at all.
    pub circle: &'a [u16],
    pub state: State,
    /// What is written down.
    pub ledger: Ledger,
}

/// Whether a household ever needs a category (hidden).
pub fn takes_part(world: &World, person: &Person, category: u16) -> bool {
    let spec = &world.room.specs[usize::from(category)];
    if let Some(clock) = spec.clock {
        if !person.runs.iter().any(|run| run.clock == clock) {
            return false;
        }
    }
    let own = trait_of(&[
        world.seed,
        11,
        person.index,
        u64::from(person.id.is_empty()),
        u64::from(category),
    ]);
    own < spec.adopt
}

/// The categories a household may ever need by itself or through an anchor.
pub fn circle(world: &World, person: &Person) -> Vec<u16> {
    (0..world.room.specs.len() as u16)
        .filter(|c| takes_part(world, person, *c))
        .collect()
}

/// How much a household likes what a category is about: 0.25 to 2.45, 1 for what is nobody's hobby.
pub fn liking(person: &Person, interest: Interest) -> f64 {
    if interest == Interest::Nothing {
        1.0
    } else {
        0.25 + 2.2 * person.likes[interest as usize]
    }
}

impl<'a> Life<'a> {
    /// The household as it is on its first day in the shop.
    pub fn new(world: &'a World, person: &'a Person, circle: &'a [u16]) -> Life<'a> {
        let day = world.start.max(person.registered);
        let mut rng = Rng::new(&[world.seed, 4, person.index, u64::from(person.id.is_empty())]);
        let empty = Shelf {
            stock: 0.0,
            last: NOTHING,
            times: 0,
            owned: false,
            unlocked: 0,
            tips: 0,
        };
        let mut shelves = vec![empty; world.room.specs.len()];
        for &c in circle {
            let spec = &world.room.specs[usize::from(c)];
            let shelf = &mut shelves[usize::from(c)];
            shelf.stock = (spec.supply * rng.unit()) as f32;
            if spec.durable {
                let had = match spec.clock {
                    None => 0.5,
                    Some(clock) => person
                        .ages(clock, day)
                        .map(|(_, age)| {
                            let span = f64::from(spec.window.1 - spec.window.0);
                            (f64::from(age - spec.window.0) / span * 1.6).clamp(0.0, 1.0)
                        })
                        .fold(0.0, f64::max),
                };
                shelf.owned = rng.chance(had);
            }
        }
        // what is at home already needs its supplies too
        for &c in circle {
            if shelves[usize::from(c)].owned {
                for relation in world.relations.after(c) {
                    if rng.chance(relation.later * 0.6) {
                        let brands = world.room.specs[usize::from(relation.complement)]
                            .brands
                            .len();
                        let shelf = &mut shelves[usize::from(relation.complement)];
                        shelf.unlocked = if relation.same_brand {
                            1 + rng.index(brands) as u8
                        } else {
                            255
                        };
                        let supply = world.room.specs[usize::from(relation.complement)].supply;
                        shelf.stock = (supply * rng.unit()) as f32;
                    }
                }
            }
        }
        let state = State {
            day,
            rng,
            shelves,
            needs: Vec::new(),
            agenda: Vec::new(),
            hits: 0.0,
            away: false,
            complaint: None,
            visits: 0.0,
            unopened: 0,
            cart: day - 1_000,
            nudged: false,
            baskets: 0,
            requests: 0,
            boxed: person.box_day > 0,
            bad_boxes: 0,
        };
        Life {
            world,
            person,
            circle,
            state,
            ledger: Ledger {
                live: true,
                ..Ledger::default()
            },
        }
    }

    /// A copy that lives on with other dice and keeps a quiet ledger.
    pub fn fork(&self, dice: Rng) -> Life<'a> {
        Life {
            world: self.world,
            person: self.person,
            circle: self.circle,
            state: State {
                rng: dice,
                ..self.state.clone()
            },
            ledger: Ledger::default(),
        }
    }

    /// Runs of the category's clock inside its window today, at most `cap` of them, and one of them by lot.
    pub fn exposure(&mut self, category: u16) -> (u32, u8) {
        let world = self.world;
        let spec = &world.room.specs[usize::from(category)];
        let Some(clock) = spec.clock else {
            return (1, 255);
        };
        let (from, to) = spec.window;
        let mut count = 0;
        let mut one = 255;
        for (i, run) in self.person.runs.iter().enumerate() {
            let age = self.state.day - run.anchor;
            if run.clock == clock && (from..to).contains(&age) {
                count += 1;
                if count == 1 || self.state.rng.chance(1.0 / f64::from(count)) {
                    one = i as u8;
                }
            }
        }
        (count, one)
    }

    /// The age in days of run `run`, if it is a run of `clock`.
    pub fn age_of(&self, run: u8, clock: Clock) -> Option<i32> {
        let run = self.person.runs.get(usize::from(run))?;
        (run.clock == clock).then_some(self.state.day - run.anchor)
    }

    /// Writes a touchpoint down.
    pub fn mark(&mut self, mark: Mark) {
        if self.ledger.live {
            self.ledger.marks.push(mark);
        }
    }

    /// A touchpoint of `kind` today at `second`, everything else absent.
    pub fn note(&self, kind: &'static str, channel: &'static str, second: i32) -> Mark {
        Mark {
            kind,
            channel,
            at: super::calendar::at(self.state.day, second.clamp(0, 86_399)),
            product: NOTHING,
            quantity: 1,
            value: -1.0,
            basket: 0,
            seconds: -1.0,
            pages: 0,
            campaign: 0,
            stars: 0,
            line: u16::MAX,
            request: 0,
            placement: "",
        }
    }
}
