//! What the demo shop sells: its categories, who needs them and when, and what goes with what.
//!
//! A category says for which life situation and ages it is needed, how often, how long a pack lasts, at what time of the
//! year, and what its products are called. This is the hidden truth about needs; products show only what a shop shows.
//! It is written in `categories.toml` and `relations.toml` next to this file, which say what every word in them means.

mod read;

use std::sync::LazyLock;

use serde::Deserialize;

use super::calendar::Season;

/// A life situation that runs from an anchor date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    Labels(Vec<String>),
}

/// One category with its hidden truth.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    pub path: String,
    /// What is sold; products of one noun are substitutes of each other.
    pub nouns: Vec<String>,
    /// Words in front of the noun.
    pub styles: Vec<String>,
    /// Name of the list of its brands.
    #[serde(rename = "brands")]
    made_by: String,
    /// Who makes it.
    #[serde(skip)]
    pub brands: Vec<String>,
    /// Price of one pack, lowest and highest.
    pub price: (f64, f64),
    /// The life situation that makes it needed.
    pub clock: Option<Clock>,
    /// Days from the anchor, from … to.
    #[serde(deserialize_with = "read::window")]
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
    pub pack: (u32, String),
    pub allergens: Vec<String>,
    /// End of the title, such as an age window.
    pub label: String,
    /// Share of lines returned.
    pub returns: f64,
    /// Only needed through something else that was bought.
    pub accessory: bool,
    /// Service, content or event instead of a product.
    pub kind: String,
}

/// What a category is unless the file says otherwise.
impl Default for Spec {
    fn default() -> Spec {
        Spec {
            path: String::new(),
            nouns: Vec::new(),
            styles: Vec::new(),
            made_by: String::new(),
            brands: Vec::new(),
            price: (0.0, 0.0),
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
            pack: (1, String::new()),
            allergens: Vec::new(),
            label: String::new(),
            returns: 0.02,
            accessory: false,
            kind: "product".into(),
        }
    }
}

/// The complement is wanted because the anchor was bought, never the other way round (unless `both`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relation {
    /// What comes first.
    pub anchor: String,
    pub complement: String,
    /// Chance that it goes into the same basket.
    pub together: f64,
    /// Chance that it is wanted later, if not bought together.
    pub later: f64,
    /// Days until then, from … to.
    pub lag: (i32, i32),
    /// Only the anchor's brand fits.
    #[serde(default)]
    pub same_brand: bool,
    /// Wanted in either order.
    #[serde(default)]
    pub both: bool,
}

/// Both files, read when first asked for; they are part of the program, and the tests read them too.
static BOTH: LazyLock<(Vec<Spec>, Vec<Relation>)> = LazyLock::new(|| {
    read::both(
        include_str!("categories.toml"),
        include_str!("relations.toml"),
    )
    .unwrap_or_else(|error| panic!("{error}"))
});

/// All categories; their numbers elsewhere are positions here.
pub fn specs() -> &'static [Spec] {
    &BOTH.0
}

/// What goes with what.
pub fn relations() -> &'static [Relation] {
    &BOTH.1
}

/// The position of `path` in `specs`.
pub fn position(specs: &[Spec], path: &str) -> Option<usize> {
    specs.iter().position(|spec| spec.path == path)
}
