//! What goes with what: complements with their direction, delay and strength.

/// The complement is wanted because the anchor was bought, never the other way round (unless `both`).
#[derive(Debug, Clone, Copy)]
pub struct Relation {
    /// What comes first.
    pub anchor: &'static str,
    pub complement: &'static str,
    /// Chance that it goes into the same basket.
    pub together: f64,
    /// Chance that it is wanted later, if not bought together.
    pub later: f64,
    /// Days until then, from … to.
    pub lag: (i32, i32),
    /// Only the anchor's brand fits.
    pub same_brand: bool,
    /// Wanted in either order.
    pub both: bool,
}

const fn rel(
    anchor: &'static str,
    complement: &'static str,
    together: f64,
    later: f64,
    lag: (i32, i32),
) -> Relation {
    Relation {
        anchor,
        complement,
        together,
        later,
        lag,
        same_brand: false,
        both: false,
    }
}

impl Relation {
    const fn fitting(mut self) -> Relation {
        self.same_brand = true;
        self
    }
    const fn both(mut self) -> Relation {
        self.both = true;
        self
    }
}

/// All complements of the demo shop.
pub const RELATIONS: &[Relation] = &[
    rel(
        "electronics/printers",
        "electronics/ink",
        0.18,
        0.95,
        (20, 70),
    )
    .fitting(),
    rel(
        "electronics/printers",
        "electronics/paper",
        0.30,
        0.60,
        (10, 60),
    ),
    rel(
        "kitchen/coffee machines",
        "kitchen/coffee capsules",
        0.40,
        0.90,
        (4, 20),
    )
    .fitting(),
    rel(
        "kitchen/coffee machines",
        "kitchen/descaler",
        0.08,
        0.70,
        (50, 110),
    ),
    rel("baby/prams", "baby/pram accessories", 0.30, 0.55, (5, 60)).fitting(),
    rel("baby/buggies", "baby/pram accessories", 0.15, 0.35, (5, 50)),
    rel(
        "baby/car seats",
        "baby/car accessories",
        0.22,
        0.45,
        (5, 50),
    ),
    rel(
        "baby/car seats/toddler",
        "baby/car accessories",
        0.12,
        0.30,
        (5, 50),
    ),
    rel(
        "baby/nursery/cots",
        "baby/nursery/bedding",
        0.45,
        0.60,
        (2, 35),
    ),
    rel(
        "baby/feeding/bottles",
        "baby/feeding/teats",
        0.25,
        0.60,
        (15, 70),
    )
    .fitting(),
    rel(
        "baby/feeding/high chairs",
        "baby/feeding/weaning",
        0.30,
        0.45,
        (2, 30),
    ),
    rel("baby/nappies/newborn", "baby/care/wipes", 0.16, 0.0, (1, 2)).both(),
    rel("baby/nappies/crawler", "baby/care/wipes", 0.16, 0.0, (1, 2)).both(),
    rel(
        "toys/train sets",
        "toys/train extensions",
        0.15,
        0.75,
        (30, 150),
    )
    .fitting(),
    rel("toys/dolls", "toys/doll accessories", 0.20, 0.50, (15, 120)),
    rel("kids/bikes", "kids/bike accessories", 0.45, 0.50, (2, 40)),
    rel(
        "kids/school/bags",
        "kids/school/supplies",
        0.40,
        0.30,
        (2, 15),
    )
    .both(),
    rel("outdoor/tents", "outdoor/camping", 0.40, 0.65, (3, 40)),
    rel(
        "garden/barbecues",
        "garden/barbecue supplies",
        0.45,
        0.80,
        (3, 25),
    ),
    rel(
        "craft/sewing machines",
        "craft/sewing supplies",
        0.30,
        0.70,
        (5, 50),
    ),
    rel(
        "electronics/phones",
        "electronics/phone accessories",
        0.40,
        0.55,
        (2, 30),
    ),
    rel("home/tools", "home/tool accessories", 0.30, 0.50, (3, 40)),
    rel("home/furniture", "services/home", 0.18, 0.05, (1, 8)),
    rel("travel/luggage", "travel/accessories", 0.22, 0.30, (2, 20)),
    rel("travel/beach", "travel/sun care", 0.22, 0.20, (1, 12)).both(),
    rel("garden/seeds", "garden/tools", 0.20, 0.15, (2, 20)).both(),
    rel("moving/paint", "home/tool accessories", 0.10, 0.20, (2, 20)),
    rel("pets/dog/puppy", "pets/dog/toys", 0.10, 0.10, (3, 25)),
    rel("toys/building", "party/wrapping", 0.10, 0.0, (1, 2)),
    rel("toys/games", "party/wrapping", 0.10, 0.0, (1, 2)),
];
