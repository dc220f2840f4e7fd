//! What the demo shop sells: 120 categories, who needs them and when, and what goes with what.
//!
//! A category says for which life situation and ages it is needed, how often, how long a pack lasts, at what time of the
//! year, and what its products are called. This is the hidden truth about needs; products show only what a shop shows.

mod family;
mod home;
mod leisure;
mod relations;

pub use relations::{Relation, RELATIONS};

use super::calendar::Season;

/// A life situation that runs from an anchor date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Clock {
    Child,
    /// Anchor: birth of the dog.
    Dog,
    /// Anchor: birth of the cat.
    Cat,
    Trip,
    /// Anchor: moving day.
    Move,
    /// Anchor: the day on which the contract ends.
    Contract,
}

impl Clock {
    /// All of them.
    pub const ALL: [Clock; 6] = [
        Clock::Child,
        Clock::Dog,
        Clock::Cat,
        Clock::Trip,
        Clock::Move,
        Clock::Contract,
    ];

    /// The word in facts; dogs and cats are both `pet`.
    pub fn word(self) -> &'static str {
        match self {
            Clock::Child => "child",
            Clock::Dog | Clock::Cat => "pet",
            Clock::Trip => "trip",
            Clock::Move => "home_move",
            Clock::Contract => "contract",
        }
    }
}

/// What a household likes doing; visible in what it buys, declared nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Interest {
    Nothing,
    Cooking,
    Garden,
    Sport,
    Craft,
    Tech,
    Reading,
    Beauty,
    Fashion,
    Outdoor,
    Decor,
    Play,
}

/// Number of [`Interest`]s.
pub const INTERESTS: usize = 12;

/// How products of one family differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// Not at all.
    One,
    Colours,
    /// Children's clothes in centimetres, from … to, by the child's age.
    Centimetres(u8, u8),
    /// Children's shoes in EU sizes, from … to, by the child's age.
    ChildShoes(u8, u8),
    /// XS to XL.
    Letters,
    /// Adults' shoes in EU sizes.
    Shoes,
    /// Given labels, in order; with an age window the child's age decides, otherwise taste.
    Labels(&'static [&'static str]),
}

/// One category with its hidden truth.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    pub path: &'static str,
    /// What is sold; products of one noun are substitutes of each other.
    pub nouns: &'static [&'static str],
    /// Words in front of the noun.
    pub styles: &'static [&'static str],
    /// Who makes it.
    pub brands: &'static [&'static str],
    /// Price of one pack, lowest and highest.
    pub price: (f64, f64),
    /// The life situation that makes it needed.
    pub clock: Option<Clock>,
    /// Days from the anchor, from … to.
    pub window: (i32, i32),
    /// Needs a year of a household that takes part (and is inside the window).
    pub rate: f64,
    /// Share of households that take part.
    pub adopt: f64,
    /// Days one pack lasts; 0 = not a supply.
    pub supply: f64,
    /// One is enough.
    pub durable: bool,
    /// Time of the year.
    pub season: Season,
    /// Liking that raises the rate.
    pub interest: Interest,
    /// How fit it is as a present, 0 to 1.
    pub gift: f64,
    pub sizes: Sizes,
    /// Grams and millilitres of one pack.
    pub body: (f64, f64),
    /// Units in a pack, and their name.
    pub pack: (u32, &'static str),
    pub allergens: &'static [&'static str],
    /// End of the title, such as an age window.
    pub label: &'static str,
    /// Share of lines returned.
    pub returns: f64,
    /// Only needed through something else that was bought.
    pub accessory: bool,
    /// Service, content or event instead of a product.
    pub kind: &'static str,
}

const fn cat(
    path: &'static str,
    nouns: &'static [&'static str],
    brands: &'static [&'static str],
    lo: f64,
    hi: f64,
) -> Spec {
    Spec {
        path,
        nouns,
        styles: &[],
        brands,
        price: (lo, hi),
        clock: None,
        window: (i32::MIN, i32::MAX),
        rate: 0.5,
        adopt: 1.0,
        supply: 0.0,
        durable: false,
        season: Season::Always,
        interest: Interest::Nothing,
        gift: 0.0,
        sizes: Sizes::One,
        body: (400.0, 1500.0),
        pack: (1, ""),
        allergens: &[],
        label: "",
        returns: 0.02,
        accessory: false,
        kind: "product",
    }
}

impl Spec {
    const fn during(mut self, clock: Clock, from: i32, to: i32) -> Spec {
        self.clock = Some(clock);
        self.window = (from, to);
        self
    }
    const fn child(self, from_months: i32, to_months: i32) -> Spec {
        self.during(Clock::Child, from_months * 30, to_months * 30)
    }
    const fn rate(mut self, per_year: f64, adopt: f64) -> Spec {
        self.rate = per_year;
        self.adopt = adopt;
        self
    }
    const fn supply(mut self, days: f64, adopt: f64) -> Spec {
        self.supply = days;
        self.adopt = adopt;
        self
    }
    const fn once(mut self, per_year: f64, adopt: f64) -> Spec {
        self.durable = true;
        self.rate = per_year;
        self.adopt = adopt;
        self
    }
    const fn styles(mut self, styles: &'static [&'static str]) -> Spec {
        self.styles = styles;
        self
    }
    const fn season(mut self, season: Season) -> Spec {
        self.season = season;
        self
    }
    const fn likes(mut self, interest: Interest) -> Spec {
        self.interest = interest;
        self
    }
    const fn gift(mut self, gift: f64) -> Spec {
        self.gift = gift;
        self
    }
    const fn sizes(mut self, sizes: Sizes) -> Spec {
        self.sizes = sizes;
        self
    }
    const fn body(mut self, grams: f64, millilitres: f64) -> Spec {
        self.body = (grams, millilitres);
        self
    }
    const fn pack(mut self, units: u32, name: &'static str) -> Spec {
        self.pack = (units, name);
        self
    }
    const fn allergens(mut self, allergens: &'static [&'static str]) -> Spec {
        self.allergens = allergens;
        self
    }
    const fn label(mut self, label: &'static str) -> Spec {
        self.label = label;
        self
    }
    const fn returns(mut self, share: f64) -> Spec {
        self.returns = share;
        self
    }
    const fn accessory(mut self) -> Spec {
        self.accessory = true;
        self
    }
    const fn kind(mut self, kind: &'static str) -> Spec {
        self.kind = kind;
        self
    }
}

/// All categories; their numbers elsewhere are positions here.
pub fn specs() -> Vec<Spec> {
    [family::SPECS, home::SPECS, leisure::SPECS].concat()
}

/// The position of `path` in `specs`.
pub fn position(specs: &[Spec], path: &str) -> Option<usize> {
    specs.iter().position(|spec| spec.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_120_categories_with_names_and_prices() {
        let specs = specs();
        assert_eq!(specs.len(), 120);
        for (i, spec) in specs.iter().enumerate() {
            assert_eq!(position(&specs, spec.path), Some(i), "{} twice", spec.path);
            assert!(!spec.nouns.is_empty() && !spec.brands.is_empty());
            assert!(spec.price.0 > 0.0 && spec.price.1 >= spec.price.0);
            assert!(spec.window.0 < spec.window.1);
        }
    }

    #[test]
    fn relations_name_real_categories() {
        let specs = specs();
        for relation in RELATIONS {
            assert!(
                position(&specs, relation.anchor).is_some(),
                "{}",
                relation.anchor
            );
            assert!(
                position(&specs, relation.complement).is_some(),
                "{}",
                relation.complement
            );
            assert_ne!(relation.anchor, relation.complement);
        }
    }

    #[test]
    fn accessories_have_an_anchor() {
        for spec in specs().iter().filter(|s| s.accessory) {
            assert!(
                RELATIONS.iter().any(|r| r.complement == spec.path),
                "{}",
                spec.path
            );
        }
    }
}
