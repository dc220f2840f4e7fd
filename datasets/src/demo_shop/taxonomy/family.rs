//! Babies, children and animals.

use super::{cat, Clock, Interest, Season, Sizes, Spec};

const BABY: &[&str] = &[
    "Wrenly",
    "Moonpip",
    "Little Fold",
    "Otto & Ada",
    "Nestling",
    "Bramble & Bee",
];
const CARE: &[&str] = &["Mildo", "Pure Pebble", "Calmora", "Nestling"];
const DRY: &[&str] = &["Drydoo", "Nestling", "Softseat"];
const FOOD: &[&str] = &["Spoonful", "Orchard Lane", "Bio Bento", "Nestling"];
const GEAR: &[&str] = &["Rollora", "Pico", "Verra", "Moonpip", "Kaskad"];
const KIDS: &[&str] = &[
    "Tumble",
    "Fern & Fox",
    "Otto & Ada",
    "Nordlys",
    "Pebbletown",
    "Minnow",
];
const TOYS: &[&str] = &[
    "Woodwink",
    "Brixo",
    "Merrymake",
    "Zippel",
    "Grandpa's Bench",
    "Kuku",
];
const PETS: &[&str] = &[
    "Barkley",
    "Tailor & Paw",
    "Feldhof",
    "Whiskerton",
    "Good Boy Co.",
];
const CATS: &[&str] = &["Whiskerton", "Purrl", "Feldhof", "Minka"];

pub const SPECS: &[Spec] = &[
    cat(
        "baby/maternity/clothes",
        &["maternity jeans", "nursing top", "maternity dress"],
        &["Mamalo", "Nestling", "Juno Belle"],
        18.,
        59.,
    )
    .child(-6, 1)
    .rate(6., 0.7)
    .styles(&["soft", "stretch", "organic"])
    .sizes(Sizes::Letters)
    .returns(0.16),
    cat(
        "baby/maternity/care",
        &["stretch mark oil", "maternity pillow", "pregnancy tea"],
        CARE,
        6.,
        45.,
    )
    .child(-7, 0)
    .rate(3., 0.6)
    .styles(&["gentle", "natural"])
    .label("for mums-to-be"),
    cat(
        "baby/prams",
        &["pram", "travel system", "double pushchair"],
        GEAR,
        249.,
        899.,
    )
    .child(-4, 2)
    .once(2.6, 0.75)
    .styles(&["city", "all-terrain", "compact", "premium"])
    .sizes(Sizes::Colours)
    .body(13000., 180000.)
    .label("from birth"),
    cat(
        "baby/buggies",
        &["folding buggy", "umbrella stroller"],
        GEAR,
        79.,
        299.,
    )
    .child(8, 26)
    .once(0.8, 0.5)
    .styles(&["travel", "city", "light"])
    .sizes(Sizes::Colours)
    .body(7000., 90000.)
    .label("6 m+"),
    cat(
        "baby/pram accessories",
        &["pram rain cover", "footmuff", "pram organiser", "parasol"],
        GEAR,
        12.,
        79.,
    )
    .child(-1, 20)
    .rate(0.3, 1.)
    .accessory()
    .styles(&["universal", "quilted"]),
    cat(
        "baby/car seats",
        &["infant carrier", "convertible car seat"],
        GEAR,
        89.,
        379.,
    )
    .child(-3, 3)
    .once(2.4, 0.7)
    .styles(&["i-Size", "swivel"])
    .body(6500., 80000.)
    .label("0-15 m"),
    cat(
        "baby/car seats/toddler",
        &["forward-facing car seat", "booster seat"],
        GEAR,
        69.,
        289.,
    )
    .child(14, 50)
    .once(0.7, 0.6)
    .styles(&["i-Size", "high-back"])
    .body(8500., 95000.)
    .label("15 m - 4 y"),
    cat(
        "baby/car accessories",
        &["back-seat mirror", "sun shade", "seat protector"],
        GEAR,
        8.,
        29.,
    )
    .child(-2, 40)
    .rate(0.2, 1.)
    .accessory(),
    cat(
        "baby/nursery/cots",
        &["cot bed", "bedside crib", "travel cot"],
        &["Hygge Hus", "Moonpip", "Nordlys"],
        89.,
        449.,
    )
    .child(-4, 4)
    .once(2.2, 0.7)
    .styles(&["oak", "white", "beech"])
    .body(24000., 240000.)
    .label("from birth"),
    cat(
        "baby/nursery/bedding",
        &["cot mattress", "fitted cot sheet", "cot bumper"],
        BABY,
        12.,
        119.,
    )
    .child(-3, 30)
    .rate(0.3, 1.)
    .accessory()
    .styles(&["organic", "breathable"])
    .body(1500., 15000.),
    cat(
        "baby/nursery/monitors",
        &["baby monitor", "video baby monitor"],
        &["Lumio", "Verra", "Owlet Hill"],
        39.,
        219.,
    )
    .child(-2, 5)
    .once(1.6, 0.55)
    .styles(&["digital", "smart"])
    .label("0 m+"),
    cat(
        "baby/sleep/newborn",
        &["sleeping bag", "swaddle wrap"],
        BABY,
        16.,
        45.,
    )
    .child(-1, 6)
    .rate(2.4, 0.7)
    .styles(&["1.0 tog", "2.5 tog", "muslin"])
    .label("0-6 m")
    .sizes(Sizes::Colours),
    cat(
        "baby/sleep/older",
        &["sleeping bag", "sleepsuit with feet"],
        BABY,
        19.,
        55.,
    )
    .child(6, 24)
    .rate(1.4, 0.6)
    .styles(&["1.0 tog", "2.5 tog"])
    .label("6-24 m")
    .sizes(Sizes::Colours),
    cat(
        "baby/clothes/newborn",
        &["bodysuit", "romper", "wrap top", "knitted hat"],
        BABY,
        6.,
        28.,
    )
    .child(-2, 3)
    .rate(9., 0.9)
    .styles(&["organic cotton", "striped", "ribbed", "star print"])
    .sizes(Sizes::Centimetres(50, 62))
    .gift(0.5)
    .returns(0.07),
    cat(
        "baby/clothes/3-12 months",
        &["bodysuit", "dungarees", "leggings", "cardigan"],
        BABY,
        7.,
        32.,
    )
    .child(3, 12)
    .rate(8., 0.9)
    .styles(&["organic cotton", "striped", "corduroy", "bear print"])
    .sizes(Sizes::Centimetres(62, 80))
    .gift(0.3)
    .returns(0.08),
    cat(
        "baby/clothes/toddler",
        &["T-shirt", "joggers", "dress", "rain jacket"],
        BABY,
        8.,
        45.,
    )
    .child(12, 36)
    .rate(6.5, 0.85)
    .styles(&["organic cotton", "striped", "dino print", "fleece-lined"])
    .sizes(Sizes::Centimetres(80, 98))
    .gift(0.2)
    .returns(0.1),
    cat(
        "baby/nappies/newborn",
        &["nappies size 1", "nappies size 2"],
        DRY,
        6.,
        13.,
    )
    .child(-1, 4)
    .supply(9., 0.85)
    .styles(&["newborn", "sensitive"])
    .pack(44, "pcs")
    .label("2-6 kg")
    .body(1100., 9000.),
    cat(
        "baby/nappies/crawler",
        &["nappies size 3", "nappies size 4"],
        DRY,
        8.,
        19.,
    )
    .child(4, 18)
    .supply(12., 0.85)
    .styles(&["active", "sensitive"])
    .pack(60, "pcs")
    .label("6-12 kg")
    .body(1800., 14000.),
    cat(
        "baby/nappies/toddler",
        &["nappy pants size 5", "nappy pants size 6"],
        DRY,
        9.,
        19.,
    )
    .child(18, 34)
    .supply(14., 0.8)
    .styles(&["pull-up", "night"])
    .pack(42, "pcs")
    .label("12-18 kg")
    .body(1700., 13000.),
    cat(
        "baby/care/wipes",
        &["baby wipes", "water wipes"],
        CARE,
        2.,
        14.,
    )
    .child(-1, 34)
    .supply(17., 0.85)
    .styles(&["fragrance-free", "extra soft"])
    .pack(240, "wipes")
    .body(1500., 2400.),
    cat(
        "baby/care/bath",
        &["baby bath foam", "baby lotion", "nappy cream"],
        CARE,
        4.,
        15.,
    )
    .child(-1, 36)
    .supply(55., 0.7)
    .styles(&["mild", "calendula"])
    .body(320., 350.),
    cat(
        "baby/care/health",
        &["digital thermometer", "nasal aspirator", "teething gel"],
        CARE,
        5.,
        39.,
    )
    .child(0, 24)
    .rate(1.3, 0.7)
    .label("0-24 m"),
    cat(
        "baby/feeding/bottles",
        &["anti-colic bottle", "feeding bottle set"],
        &["Gulpi", "Nestling", "Calmora"],
        8.,
        39.,
    )
    .child(-1, 5)
    .once(2.6, 0.75)
    .label("0-6 m")
    .styles(&["glass", "wide-neck"]),
    cat(
        "baby/feeding/teats",
        &["silicone teats", "bottle brush", "milk storage bags"],
        &["Gulpi", "Nestling", "Calmora"],
        4.,
        14.,
    )
    .child(0, 12)
    .rate(0.4, 1.)
    .accessory()
    .pack(2, "pcs"),
    cat(
        "baby/feeding/formula",
        &["first infant milk 0-6 m", "follow-on milk 6-12 m"],
        FOOD,
        10.,
        19.,
    )
    .child(0, 12)
    .supply(8., 0.45)
    .pack(800, "g")
    .styles(&["classic", "organic"])
    .allergens(&["milk"])
    .body(900., 1500.),
    cat(
        "baby/feeding/first foods",
        &["puree", "baby porridge", "squeezy pouches"],
        FOOD,
        1.2,
        6.5,
    )
    .child(5, 14)
    .supply(7., 0.75)
    .styles(&["apple & pear", "pumpkin & oat", "banana & oat"])
    .pack(6, "pots")
    .label("4-12 m")
    .allergens(&["gluten"]),
    cat(
        "baby/feeding/toddler snacks",
        &["rice cakes", "fruit bars", "veggie puffs"],
        FOOD,
        1.5,
        7.,
    )
    .child(10, 40)
    .supply(12., 0.6)
    .styles(&["apple", "banana", "tomato"])
    .label("12 m+")
    .pack(8, "pcs"),
    cat(
        "baby/feeding/high chairs",
        &["high chair", "clip-on table seat"],
        &["Hygge Hus", "Verra", "Pico"],
        39.,
        249.,
    )
    .child(4, 12)
    .once(1.8, 0.7)
    .styles(&["wooden", "folding"])
    .label("6 m - 3 y")
    .body(7000., 90000.),
    cat(
        "baby/feeding/weaning",
        &[
            "silicone bib",
            "suction bowl",
            "toddler cutlery",
            "sippy cup",
        ],
        BABY,
        5.,
        22.,
    )
    .child(4, 26)
    .rate(1.6, 0.8)
    .label("6 m+")
    .sizes(Sizes::Colours)
    .gift(0.2),
    cat(
        "baby/safety",
        &[
            "stair gate",
            "socket covers",
            "cupboard locks",
            "corner guards",
        ],
        GEAR,
        4.,
        59.,
    )
    .child(6, 20)
    .rate(1.9, 0.65)
    .label("6-24 m"),
    cat(
        "baby/potty",
        &["potty", "toilet trainer seat", "step stool"],
        BABY,
        9.,
        35.,
    )
    .child(20, 36)
    .once(1.5, 0.75)
    .label("18 m - 4 y")
    .sizes(Sizes::Colours),
    cat(
        "toys/baby",
        &["rattle", "play gym", "soft book", "comforter"],
        TOYS,
        7.,
        59.,
    )
    .child(0, 12)
    .rate(3., 0.85)
    .styles(&["wooden", "plush", "knitted"])
    .label("0-12 m")
    .gift(0.8)
    .likes(Interest::Play),
    cat(
        "toys/toddler",
        &[
            "stacking tower",
            "push-along cart",
            "shape sorter",
            "bath toys",
        ],
        TOYS,
        9.,
        69.,
    )
    .child(11, 36)
    .rate(3., 0.85)
    .styles(&["wooden", "rainbow"])
    .label("age 1+")
    .gift(0.8)
    .likes(Interest::Play),
    cat(
        "toys/building",
        &["building bricks", "magnetic tiles", "marble run"],
        TOYS,
        14.,
        89.,
    )
    .child(30, 110)
    .rate(2.2, 0.75)
    .styles(&["classic", "big", "city"])
    .label("age 3+")
    .gift(0.9)
    .likes(Interest::Play)
    .pack(100, "pcs"),
    cat(
        "toys/train sets",
        &["wooden train set", "road track set"],
        TOYS,
        29.,
        99.,
    )
    .child(28, 70)
    .once(1., 0.5)
    .label("age 3+")
    .gift(0.7)
    .styles(&["starter", "deluxe"]),
    cat(
        "toys/train extensions",
        &["curved tracks", "bridge and tunnel", "battery locomotive"],
        TOYS,
        8.,
        35.,
    )
    .child(28, 84)
    .rate(0.2, 1.)
    .accessory()
    .label("age 3+")
    .gift(0.3),
    cat(
        "toys/dolls",
        &["baby doll", "dolls' house", "fashion doll"],
        TOYS,
        15.,
        99.,
    )
    .child(26, 96)
    .rate(1.1, 0.5)
    .styles(&["soft", "classic"])
    .label("age 2+")
    .gift(0.8),
    cat(
        "toys/doll accessories",
        &["doll's outfit", "doll's pram", "dolls' furniture"],
        TOYS,
        8.,
        45.,
    )
    .child(26, 100)
    .rate(0.2, 1.)
    .accessory()
    .label("age 3+")
    .gift(0.3),
    cat(
        "toys/crafts",
        &["finger paints", "bead kit", "play dough", "sticker album"],
        TOYS,
        4.,
        29.,
    )
    .child(26, 120)
    .rate(3.2, 0.7)
    .label("age 3+")
    .gift(0.7)
    .likes(Interest::Craft),
    cat(
        "toys/games",
        &["board game", "memory game", "card game", "puzzle"],
        TOYS,
        6.,
        39.,
    )
    .child(36, 150)
    .rate(2., 0.7)
    .styles(&["forest", "pirate", "dino"])
    .label("age 4+")
    .gift(0.9)
    .likes(Interest::Play),
    cat(
        "toys/science",
        &["experiment kit", "microscope", "electronics kit"],
        TOYS,
        15.,
        79.,
    )
    .child(84, 160)
    .rate(1.2, 0.5)
    .label("age 8+")
    .gift(0.8)
    .likes(Interest::Tech),
    cat(
        "kids/clothes/3-6 years",
        &["T-shirt", "leggings", "hoodie", "dress", "jeans"],
        KIDS,
        8.,
        39.,
    )
    .child(36, 76)
    .rate(6., 0.85)
    .styles(&["striped", "unicorn", "tractor", "organic cotton"])
    .sizes(Sizes::Centimetres(98, 116))
    .returns(0.12),
    cat(
        "kids/clothes/7-12 years",
        &["T-shirt", "hoodie", "jeans", "sports shorts"],
        KIDS,
        9.,
        45.,
    )
    .child(76, 150)
    .rate(5., 0.8)
    .styles(&["skater", "galaxy", "striped", "basic"])
    .sizes(Sizes::Centimetres(122, 152))
    .returns(0.13),
    cat(
        "kids/shoes/first walkers",
        &["first walkers", "soft-sole slippers"],
        KIDS,
        19.,
        49.,
    )
    .child(9, 26)
    .rate(2.6, 0.8)
    .sizes(Sizes::ChildShoes(18, 24))
    .styles(&["leather", "velcro"])
    .returns(0.14),
    cat(
        "kids/shoes/school age",
        &["trainers", "wellies", "sandals", "school shoes"],
        KIDS,
        19.,
        59.,
    )
    .child(26, 140)
    .rate(2.4, 0.85)
    .sizes(Sizes::ChildShoes(25, 37))
    .styles(&["light-up", "classic", "waterproof"])
    .returns(0.14),
    cat(
        "kids/snow wear",
        &["snow suit", "winter boots", "mittens"],
        KIDS,
        15.,
        89.,
    )
    .child(10, 140)
    .rate(1.1, 0.75)
    .season(Season::Winter)
    .sizes(Sizes::Labels(&[
        "age 1-2", "age 3-4", "age 5-6", "age 7-8", "age 9-11",
    ]))
    .returns(0.1),
    cat(
        "kids/school/bags",
        &["school bag", "pencil case", "lunch box"],
        KIDS,
        9.,
        119.,
    )
    .child(66, 150)
    .rate(1.1, 0.8)
    .season(Season::School)
    .styles(&["astronaut", "horse", "football"])
    .label("age 6+"),
    cat(
        "kids/school/supplies",
        &[
            "colouring pencils",
            "exercise books",
            "glue sticks",
            "watercolours",
        ],
        &["Inkwell", "Papierhaus", "Kritzel"],
        2.,
        19.,
    )
    .child(62, 160)
    .rate(2.4, 0.85)
    .season(Season::School)
    .pack(12, "pcs"),
    cat(
        "kids/bikes",
        &["balance bike", "children's bike", "scooter"],
        &["Velino", "Kaskad", "Zippel"],
        45.,
        289.,
    )
    .child(24, 130)
    .once(0.5, 0.7)
    .season(Season::Spring)
    .sizes(Sizes::Labels(&[
        "age 2+ 12 inch",
        "age 4+ 16 inch",
        "age 6+ 20 inch",
        "age 9+ 24 inch",
    ]))
    .body(8000., 150000.),
    cat(
        "kids/bike accessories",
        &["cycle helmet", "bike bell", "bike lock", "knee pads"],
        &["Velino", "Kaskad", "Zippel"],
        6.,
        49.,
    )
    .child(24, 150)
    .rate(0.15, 1.)
    .accessory()
    .sizes(Sizes::Colours),
    cat(
        "pets/dog/puppy",
        &["puppy food", "puppy milk", "puppy training pads"],
        PETS,
        7.,
        49.,
    )
    .during(Clock::Dog, 50, 380)
    .supply(24., 0.9)
    .styles(&["chicken", "lamb", "soft"])
    .label("puppy, up to 12 months")
    .body(3000., 6000.),
    cat(
        "pets/cat/kitten",
        &["kitten food", "kitten milk", "kitten mousse"],
        CATS,
        4.,
        29.,
    )
    .during(Clock::Cat, 50, 380)
    .supply(21., 0.9)
    .styles(&["salmon", "chicken"])
    .label("kitten, 2-12 months")
    .body(1500., 3000.),
];
