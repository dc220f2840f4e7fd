//! Animals grown up, journeys, moving house, the household and its contracts.

use super::{cat, Clock, Interest, Season, Sizes, Spec};

const PETS: &[&str] = &["Barkley", "Tailor & Paw", "Feldhof", "Good Boy Co."];
const CATS: &[&str] = &["Whiskerton", "Purrl", "Feldhof", "Minka"];
const TRAVEL: &[&str] = &["Wayfare", "Kaskad", "Globetrot", "Nomadi"];
const SUN: &[&str] = &["Solara", "Mildo", "Lagoon"];
const HOME: &[&str] = &["Hygge Hus", "Nordlys", "Casa Lina", "Marlow", "Tidy Fox"];
const TOOLS: &[&str] = &["Handwerk", "Stalwart", "Fixwell"];
const TECH: &[&str] = &["Lumio", "Corvid", "Tanako", "Brightline"];
const PRINT: &[&str] = &["Tanako", "Corvid", "Papyra"];
const KITCHEN: &[&str] = &["Marlow", "Kuchnia", "Casa Lina", "Brightline"];
const BREW: &[&str] = &["Barista Nord", "Kuchnia", "Crema"];
const CLEAN: &[&str] = &["Fleck", "Tidy Fox", "Ecolina"];
const LARDER: &[&str] = &["Orchard Lane", "Old Mill", "Sol & Sale", "Bio Bento"];

pub const SPECS: &[Spec] = &[
    cat(
        "pets/dog/adult food",
        &["dry dog food", "wet dog food"],
        PETS,
        9.,
        59.,
    )
    .during(Clock::Dog, 360, 9000)
    .supply(26., 0.9)
    .styles(&["beef", "chicken", "grain-free lamb"])
    .sizes(Sizes::Labels(&["3 kg", "12 kg"]))
    .body(6000., 12000.)
    .label("adult"),
    cat(
        "pets/dog/treats",
        &["chew bones", "training treats", "dental sticks"],
        PETS,
        3.,
        15.,
    )
    .during(Clock::Dog, 60, 9000)
    .supply(30., 0.7)
    .pack(14, "pcs"),
    cat(
        "pets/dog/gear",
        &["dog bed", "dog lead", "dog crate", "dog bowl"],
        PETS,
        9.,
        129.,
    )
    .during(Clock::Dog, 45, 500)
    .rate(3., 0.85)
    .sizes(Sizes::Labels(&["S", "M", "L"]))
    .body(2500., 30000.),
    cat(
        "pets/dog/toys",
        &["rope toy", "squeaky ball", "snuffle mat"],
        PETS,
        4.,
        25.,
    )
    .during(Clock::Dog, 60, 3000)
    .rate(2.4, 0.7)
    .gift(0.3),
    cat(
        "pets/cat/adult food",
        &["dry cat food", "wet cat food pouches"],
        CATS,
        5.,
        35.,
    )
    .during(Clock::Cat, 360, 9000)
    .supply(18., 0.9)
    .styles(&["salmon", "tuna", "turkey"])
    .pack(24, "pouches")
    .label("adult"),
    cat(
        "pets/cat/litter",
        &["clumping litter", "wood pellet litter"],
        CATS,
        6.,
        22.,
    )
    .during(Clock::Cat, 56, 9000)
    .supply(20., 0.85)
    .body(9000., 15000.),
    cat(
        "pets/cat/gear",
        &["scratching post", "litter tray", "cat carrier", "cat bed"],
        CATS,
        12.,
        119.,
    )
    .during(Clock::Cat, 45, 420)
    .rate(3., 0.85)
    .body(5000., 60000.),
    cat(
        "pets/health",
        &["flea treatment", "worming tablets", "tick drops"],
        PETS,
        6.,
        39.,
    )
    .during(Clock::Dog, 80, 9000)
    .supply(85., 0.7)
    .pack(3, "doses"),
    cat(
        "pets/senior",
        &["senior dog food", "joint supplement"],
        PETS,
        12.,
        55.,
    )
    .during(Clock::Dog, 2700, 9000)
    .supply(30., 0.6)
    .label("senior, 8 y+"),
    cat(
        "travel/luggage",
        &["cabin suitcase", "large suitcase", "holdall"],
        TRAVEL,
        39.,
        229.,
    )
    .during(Clock::Trip, -45, -3)
    .once(3.4, 0.6)
    .sizes(Sizes::Colours)
    .styles(&["hard-shell", "four-wheel"])
    .body(3600., 70000.),
    cat(
        "travel/accessories",
        &[
            "travel adapter",
            "neck pillow",
            "packing cubes",
            "luggage tag",
        ],
        TRAVEL,
        5.,
        35.,
    )
    .during(Clock::Trip, -30, 0)
    .rate(9., 0.75),
    cat(
        "travel/toiletries",
        &[
            "travel-size toiletry set",
            "travel towel",
            "mosquito repellent",
        ],
        SUN,
        4.,
        22.,
    )
    .during(Clock::Trip, -18, 2)
    .rate(9., 0.7)
    .body(350., 700.),
    cat(
        "travel/guides",
        &["travel guide", "phrasebook", "road map"],
        &["Globetrot", "Compass Press", "Lantern Books"],
        8.,
        25.,
    )
    .during(Clock::Trip, -60, -5)
    .rate(5., 0.45)
    .styles(&["Italy", "Portugal", "Greece", "Norway", "Japan"])
    .likes(Interest::Reading),
    cat(
        "travel/sun care",
        &["sun cream SPF 30", "sun cream SPF 50", "after-sun lotion"],
        SUN,
        6.,
        24.,
    )
    .during(Clock::Trip, -15, 8)
    .rate(9., 0.7)
    .body(260., 250.),
    cat(
        "travel/beach",
        &["beach towel", "snorkel set", "beach tent"],
        TRAVEL,
        9.,
        65.,
    )
    .during(Clock::Trip, -20, 4)
    .rate(5., 0.5)
    .season(Season::Summer)
    .sizes(Sizes::Colours),
    cat(
        "travel/memories",
        &["photo book voucher", "picture frame set", "photo album"],
        &["Papyra", "Lantern Books", "Casa Lina"],
        9.,
        49.,
    )
    .during(Clock::Trip, 6, 45)
    .rate(5., 0.45)
    .gift(0.3),
    cat(
        "moving/packing",
        &["moving boxes", "packing tape", "bubble wrap"],
        &["Boxwell", "Fixwell", "Papierhaus"],
        4.,
        45.,
    )
    .during(Clock::Move, -40, 2)
    .rate(16., 0.85)
    .pack(10, "pcs")
    .body(4000., 40000.),
    cat(
        "moving/paint",
        &["white wall paint", "paint roller set", "masking tape"],
        TOOLS,
        4.,
        59.,
    )
    .during(Clock::Move, -20, 30)
    .rate(9., 0.7)
    .body(6000., 6000.),
    cat(
        "home/curtains",
        &["blackout curtain", "roller blind", "curtain pole"],
        HOME,
        15.,
        89.,
    )
    .during(Clock::Move, 0, 90)
    .rate(5., 0.7)
    .sizes(Sizes::Colours)
    .likes(Interest::Decor)
    .returns(0.08),
    cat(
        "home/lighting",
        &["floor lamp", "ceiling light", "table lamp"],
        HOME,
        19.,
        149.,
    )
    .during(Clock::Move, -5, 150)
    .rate(3.4, 0.7)
    .likes(Interest::Decor)
    .styles(&["brass", "linen", "matt black"]),
    cat(
        "home/furniture",
        &["bookcase", "chest of drawers", "desk", "shoe cabinet"],
        HOME,
        59.,
        399.,
    )
    .during(Clock::Move, -10, 180)
    .rate(2.6, 0.7)
    .styles(&["oak", "white", "walnut"])
    .body(32000., 300000.)
    .returns(0.05),
    cat(
        "home/locks",
        &["door lock", "smart lock", "door viewer"],
        TOOLS,
        15.,
        179.,
    )
    .during(Clock::Move, -3, 25)
    .once(4., 0.5),
    cat(
        "home/tools",
        &["cordless drill", "screwdriver set", "hammer"],
        TOOLS,
        12.,
        149.,
    )
    .during(Clock::Move, -15, 60)
    .once(3., 0.5),
    cat(
        "home/tool accessories",
        &["drill bit set", "wall plugs", "picture hooks"],
        TOOLS,
        3.,
        25.,
    )
    .rate(0.15, 1.)
    .accessory()
    .pack(20, "pcs"),
    cat(
        "contract/renewal",
        &["mobile plan 24 months", "broadband plan 12 months"],
        &["Hallo Mobile", "Linea", "Brightline"],
        9.,
        39.,
    )
    .during(Clock::Contract, -35, 10)
    .rate(6., 0.6)
    .kind("service")
    .body(0., 0.),
    cat(
        "electronics/phones",
        &["smartphone", "smartphone with big screen"],
        TECH,
        189.,
        899.,
    )
    .during(Clock::Contract, -40, 45)
    .once(4., 0.6)
    .sizes(Sizes::Colours)
    .likes(Interest::Tech)
    .body(220., 600.)
    .returns(0.06),
    cat(
        "electronics/phone accessories",
        &["phone case", "screen protector", "USB-C charger"],
        TECH,
        6.,
        39.,
    )
    .rate(0.25, 1.)
    .accessory()
    .sizes(Sizes::Colours),
    cat(
        "electronics/printers",
        &["inkjet printer", "all-in-one printer", "photo printer"],
        PRINT,
        59.,
        249.,
    )
    .once(0.22, 0.5)
    .body(6000., 30000.)
    .label("Wi-Fi"),
    cat(
        "electronics/ink",
        &[
            "black ink cartridge",
            "colour ink cartridge",
            "ink multipack",
        ],
        PRINT,
        12.,
        59.,
    )
    .accessory()
    .supply(75., 1.)
    .body(120., 300.)
    .rate(0., 1.),
    cat(
        "electronics/paper",
        &["printer paper", "photo paper"],
        &["Papyra", "Papierhaus"],
        4.,
        22.,
    )
    .accessory()
    .supply(110., 1.)
    .pack(500, "sheets")
    .body(2500., 3200.)
    .rate(0., 1.),
    cat(
        "kitchen/coffee machines",
        &["capsule coffee machine", "espresso machine"],
        BREW,
        59.,
        449.,
    )
    .once(0.25, 0.6)
    .gift(0.3)
    .likes(Interest::Cooking)
    .body(4500., 20000.),
    cat(
        "kitchen/coffee capsules",
        &["espresso capsules", "lungo capsules", "decaf capsules"],
        BREW,
        3.5,
        19.,
    )
    .accessory()
    .supply(16., 1.)
    .pack(50, "capsules")
    .rate(0., 1.),
    cat(
        "kitchen/descaler",
        &["descaling tablets", "water filter"],
        BREW,
        5.,
        15.,
    )
    .accessory()
    .supply(95., 1.)
    .pack(4, "pcs")
    .rate(0., 1.),
    cat(
        "kitchen/cookware",
        &["frying pan", "casserole", "baking tin", "chef's knife"],
        KITCHEN,
        12.,
        129.,
    )
    .rate(0.7, 0.7)
    .likes(Interest::Cooking)
    .gift(0.4)
    .styles(&["cast-iron", "non-stick", "copper"]),
    cat(
        "kitchen/small appliances",
        &["hand blender", "kettle", "toaster", "food processor"],
        KITCHEN,
        25.,
        189.,
    )
    .rate(0.35, 0.7)
    .likes(Interest::Cooking)
    .body(2600., 12000.),
    cat(
        "household/laundry",
        &["liquid detergent", "laundry capsules", "fabric softener"],
        CLEAN,
        4.,
        18.,
    )
    .supply(36., 0.55)
    .styles(&["sensitive", "colour"])
    .pack(40, "washes")
    .body(2100., 2000.),
    cat(
        "household/cleaning",
        &[
            "dishwasher tablets",
            "all-purpose cleaner",
            "bathroom cleaner",
        ],
        CLEAN,
        3.,
        15.,
    )
    .supply(42., 0.5)
    .body(900., 1200.),
    cat(
        "food/pantry",
        &["olive oil", "pasta selection", "tomato sauce", "muesli"],
        LARDER,
        2.5,
        15.,
    )
    .supply(28., 0.35)
    .likes(Interest::Cooking)
    .allergens(&["gluten"])
    .styles(&["organic", "wholegrain"]),
];
