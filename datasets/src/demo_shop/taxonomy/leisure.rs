//! What people like: food, garden, sport, books, beauty, clothes, parties, and what is not a thing.

use super::{cat, Interest, Season, Sizes, Spec};

const GARDEN: &[&str] = &["Greenhand", "Feldhof", "Bloomery"];
const SPORT: &[&str] = &["Kaskad", "Strider", "Pulse & Pace"];
const OUT: &[&str] = &["Nomadi", "Kaskad", "Fjellro"];
const CRAFT: &[&str] = &["Knotty", "Papierhaus", "Inkwell"];
const BOOKS: &[&str] = &["Lantern Books", "Compass Press", "Fox & Quill"];
const BEAUTY: &[&str] = &["Calmora", "Juno Belle", "Lagoon"];
const WEAR: &[&str] = &["Juno Belle", "Nordlys", "Marlow & Sons"];
const HOME: &[&str] = &["Hygge Hus", "Nordlys", "Casa Lina", "Marlow"];
const PARTY: &[&str] = &["Merrymake", "Papierhaus", "Confetti Hill"];
const TECH: &[&str] = &["Lumio", "Corvid", "Tanako"];
const SWEET: &[&str] = &["Old Mill", "Kakao & Co", "Orchard Lane"];

pub const SPECS: &[Spec] = &[
    cat(
        "food/sweets",
        &["chocolate selection", "honey", "tea selection"],
        SWEET,
        3.,
        25.,
    )
    .rate(1.2, 0.7)
    .gift(0.6)
    .likes(Interest::Cooking)
    .allergens(&["nuts", "milk"])
    .styles(&["dark", "alpine", "fair trade"]),
    cat(
        "garden/seeds",
        &["flower seeds", "vegetable seeds", "herb kit"],
        GARDEN,
        2.,
        15.,
    )
    .rate(2., 0.6)
    .season(Season::Spring)
    .likes(Interest::Garden)
    .styles(&["bee-friendly", "heirloom"])
    .gift(0.2),
    cat(
        "garden/tools",
        &["hand trowel", "secateurs", "watering can", "garden hose"],
        GARDEN,
        8.,
        59.,
    )
    .rate(1., 0.6)
    .season(Season::Spring)
    .likes(Interest::Garden),
    cat(
        "garden/furniture",
        &["garden bench", "deck chair", "folding table"],
        GARDEN,
        39.,
        249.,
    )
    .rate(0.4, 0.5)
    .season(Season::Summer)
    .likes(Interest::Garden)
    .body(14000., 160000.),
    cat(
        "garden/barbecues",
        &["charcoal barbecue", "gas barbecue"],
        &["Glut", "Stalwart"],
        49.,
        399.,
    )
    .once(0.3, 0.5)
    .season(Season::Summer)
    .likes(Interest::Cooking)
    .body(18000., 150000.),
    cat(
        "garden/barbecue supplies",
        &["charcoal briquettes", "barbecue tongs", "grill cleaner"],
        &["Glut", "Stalwart"],
        5.,
        29.,
    )
    .accessory()
    .supply(40., 1.)
    .season(Season::Summer)
    .rate(0., 1.)
    .body(5000., 12000.),
    cat(
        "sport/fitness",
        &["yoga mat", "dumbbell set", "resistance bands"],
        SPORT,
        9.,
        89.,
    )
    .rate(0.9, 0.6)
    .likes(Interest::Sport)
    .sizes(Sizes::Colours),
    cat(
        "sport/running shoes",
        &["running shoes", "trail shoes"],
        SPORT,
        59.,
        159.,
    )
    .rate(0.8, 0.4)
    .likes(Interest::Sport)
    .sizes(Sizes::Shoes)
    .returns(0.18),
    cat(
        "sport/nutrition",
        &["protein bars", "electrolyte tablets"],
        SPORT,
        8.,
        32.,
    )
    .supply(30., 0.2)
    .likes(Interest::Sport)
    .pack(12, "pcs")
    .allergens(&["nuts", "milk"]),
    cat(
        "outdoor/tents",
        &["family tent", "two-person tent"],
        OUT,
        79.,
        449.,
    )
    .once(0.25, 0.45)
    .season(Season::Summer)
    .likes(Interest::Outdoor)
    .body(9000., 60000.),
    cat(
        "outdoor/camping",
        &[
            "sleeping bag for adults",
            "camping mat",
            "camping stove",
            "head torch",
        ],
        OUT,
        15.,
        119.,
    )
    .rate(0.1, 1.)
    .accessory()
    .likes(Interest::Outdoor),
    cat(
        "outdoor/hiking",
        &["hiking boots", "rucksack", "rain jacket", "water bottle"],
        OUT,
        15.,
        189.,
    )
    .rate(0.9, 0.5)
    .likes(Interest::Outdoor)
    .sizes(Sizes::Letters)
    .returns(0.09),
    cat(
        "craft/yarn",
        &["merino yarn", "cotton yarn", "knitting needles"],
        CRAFT,
        3.,
        25.,
    )
    .rate(3., 0.25)
    .likes(Interest::Craft)
    .sizes(Sizes::Colours),
    cat(
        "craft/sewing machines",
        &["sewing machine", "overlocker"],
        CRAFT,
        119.,
        449.,
    )
    .once(0.2, 0.3)
    .likes(Interest::Craft)
    .body(7000., 40000.),
    cat(
        "craft/sewing supplies",
        &["sewing thread set", "fabric bundle", "fabric scissors"],
        CRAFT,
        5.,
        35.,
    )
    .accessory()
    .rate(1., 1.)
    .likes(Interest::Craft),
    cat(
        "books/children",
        &["picture book", "bedtime stories", "first reader"],
        BOOKS,
        6.,
        18.,
    )
    .child(8, 100)
    .rate(3.4, 0.7)
    .gift(0.9)
    .likes(Interest::Reading)
    .styles(&[
        "The Sleepy Bear:",
        "Where Is Fox?:",
        "Night Train:",
        "Ten Kind Whales:",
        "Grandma's Garden:",
    ])
    .label("age 2+"),
    cat(
        "books/parenting",
        &[
            "pregnancy guide",
            "baby's first year handbook",
            "sleep guide",
        ],
        BOOKS,
        10.,
        24.,
    )
    .child(-7, 8)
    .rate(2.4, 0.6),
    cat(
        "books/novels",
        &["crime novel", "novel", "family saga"],
        BOOKS,
        8.,
        24.,
    )
    .rate(2.6, 0.5)
    .gift(0.5)
    .likes(Interest::Reading)
    .styles(&[
        "The Salt House:",
        "Eleven Winters:",
        "A Quiet Harbour:",
        "The Glass Orchard:",
        "North of Nowhere:",
    ]),
    cat(
        "books/cookbooks",
        &["cookbook", "baking book"],
        BOOKS,
        14.,
        35.,
    )
    .rate(0.7, 0.4)
    .gift(0.6)
    .likes(Interest::Cooking)
    .styles(&["Simple Suppers:", "One Pot:", "Sunday Baking:"]),
    cat(
        "beauty/skin care",
        &["face cream", "serum", "cleansing foam"],
        BEAUTY,
        7.,
        49.,
    )
    .supply(60., 0.3)
    .likes(Interest::Beauty)
    .styles(&["hydrating", "rose", "vitamin C"])
    .body(120., 80.),
    cat(
        "beauty/gifts",
        &["bath gift set", "scented candle", "hand cream trio"],
        BEAUTY,
        9.,
        45.,
    )
    .rate(0.9, 0.5)
    .gift(0.7)
    .likes(Interest::Beauty),
    cat(
        "fashion/women",
        &["knitted jumper", "summer dress", "blouse"],
        WEAR,
        19.,
        99.,
    )
    .rate(1.8, 0.5)
    .likes(Interest::Fashion)
    .sizes(Sizes::Letters)
    .returns(0.24)
    .styles(&["merino", "linen", "floral"]),
    cat(
        "fashion/men",
        &["shirt", "chinos", "jumper"],
        WEAR,
        19.,
        99.,
    )
    .rate(1.3, 0.4)
    .likes(Interest::Fashion)
    .sizes(Sizes::Letters)
    .returns(0.2)
    .styles(&["slim", "flannel", "merino"]),
    cat(
        "home/decor",
        &["vase", "cushion cover", "wall print", "woven basket"],
        HOME,
        8.,
        69.,
    )
    .rate(1.8, 0.6)
    .likes(Interest::Decor)
    .gift(0.4)
    .sizes(Sizes::Colours)
    .styles(&["stoneware", "linen", "boucle"]),
    cat(
        "electronics/headphones",
        &[
            "wireless headphones",
            "kids' headphones",
            "Bluetooth speaker",
        ],
        TECH,
        19.,
        249.,
    )
    .rate(0.5, 0.6)
    .likes(Interest::Tech)
    .gift(0.5)
    .sizes(Sizes::Colours),
    cat(
        "party/birthday",
        &[
            "balloon set",
            "birthday candles",
            "party bags",
            "paper crown",
        ],
        PARTY,
        3.,
        22.,
    )
    .child(10, 130)
    .rate(1.4, 0.7)
    .pack(8, "pcs"),
    cat(
        "party/wrapping",
        &["wrapping paper", "gift bags", "greeting cards"],
        PARTY,
        2.,
        12.,
    )
    .rate(0.5, 0.7)
    .pack(3, "pcs"),
    cat(
        "christmas/decoration",
        &["Christmas baubles", "fairy lights", "advent calendar"],
        PARTY,
        6.,
        49.,
    )
    .rate(1., 0.7)
    .season(Season::Christmas)
    .gift(0.1),
    cat(
        "events/workshops",
        &[
            "baby massage class",
            "first-aid course for parents",
            "pottery evening",
        ],
        &["Serendib House"],
        15.,
        65.,
    )
    .rate(0.4, 0.4)
    .kind("event")
    .body(0., 0.)
    .gift(0.1),
    cat(
        "services/home",
        &["furniture assembly", "appliance installation", "bike check"],
        &["Serendib House"],
        25.,
        89.,
    )
    .accessory()
    .rate(0., 1.)
    .kind("service")
    .body(0., 0.),
];
