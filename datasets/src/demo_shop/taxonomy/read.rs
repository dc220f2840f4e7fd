//! Reads the two files of the taxonomy and refuses what cannot be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serendib_shop::ItemType;

use super::{position, Relation, Sizes, Spec};

/// Most nouns, and most brands, of one category: they are kept in a byte.
const MOST: usize = 250;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Categories {
    brands: BTreeMap<String, Vec<String>>,
    category: Vec<Spec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Relations {
    relations: Vec<Relation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Window {
    Days(i32, i32),
    Months(i32, i32),
}

/// Ages in days, written as days or as months of 30.
pub(super) fn window<'de, D: Deserializer<'de>>(written: D) -> Result<(i32, i32), D::Error> {
    Ok(match Window::deserialize(written)? {
        Window::Days(from, to) => (from, to),
        Window::Months(from, to) => (from.saturating_mul(30), to.saturating_mul(30)),
    })
}

/// The categories and what goes with what, from the text of both files.
///
/// # Errors
/// What is wrong and in which file: with its line when a word or a type is, else with the category.
pub(super) fn both(
    categories: &str,
    relations: &str,
) -> Result<(Vec<Spec>, Vec<Relation>), String> {
    let in_categories = |what: String| format!("categories.toml: {what}");
    let in_relations = |what: String| format!("relations.toml: {what}");
    let specs = toml::from_str(categories)
        .map_err(|error| error.to_string())
        .and_then(sound_categories)
        .map_err(in_categories)?;
    let Relations { relations } =
        toml::from_str(relations).map_err(|error| in_relations(error.to_string()))?;
    sound_relations(&specs, &relations).map_err(in_relations)?;
    Ok((specs, relations))
}

fn sound_categories(read: Categories) -> Result<Vec<Spec>, String> {
    let mut specs = read.category;
    let mut paths = BTreeSet::new();
    for (i, spec) in specs.iter_mut().enumerate() {
        if spec.path.is_empty() {
            return Err(format!("category {} has no path", i + 1));
        }
        if !paths.insert(spec.path.clone()) {
            return Err(format!("{} is there twice", spec.path));
        }
        let Some(brands) = read.brands.get(&spec.made_by) else {
            return Err(format!(
                "{}: there is no list of brands called '{}'",
                spec.path, spec.made_by
            ));
        };
        spec.brands.clone_from(brands);
        first_wrong(&rules(spec)).map_err(|what| format!("{}: {what}", spec.path))?;
    }
    // products that are left over by the other categories go to these
    if !specs.iter().any(|spec| spec.sizes == Sizes::One) {
        return Err("at least one category has to come in one size".into());
    }
    if specs.len() >= usize::from(u16::MAX) {
        return Err("there are too many categories".into());
    }
    Ok(specs)
}

fn share(x: f64) -> bool {
    (0.0..=1.0).contains(&x)
}

fn amount(x: f64) -> bool {
    x >= 0.0 && x.is_finite()
}

/// What must hold of one category, and what to say if it does not.
fn rules(spec: &Spec) -> [(bool, &'static str); 9] {
    let always = spec.window == Spec::default().window;
    [
        (
            (1..=MOST).contains(&spec.nouns.len()),
            "1 to 250 nouns are needed",
        ),
        (
            (1..=MOST).contains(&spec.brands.len()),
            "1 to 250 brands are needed",
        ),
        (
            spec.price.0 > 0.0 && spec.price.1 >= spec.price.0 && spec.price.1.is_finite(),
            "price has to be the lowest, above 0, and the highest",
        ),
        (
            spec.clock.is_none() == always && spec.window.0 < spec.window.1,
            "a clock goes with a window of ages from … to",
        ),
        (
            [spec.adopt, spec.gift, spec.returns].into_iter().all(share),
            "adopt, gift and returns lie between 0 and 1",
        ),
        (
            [spec.rate, spec.supply, spec.body.0, spec.body.1]
                .into_iter()
                .all(amount),
            "rate, supply and body are not below 0",
        ),
        (
            match &spec.sizes {
                Sizes::Centimetres(from, to) | Sizes::ChildShoes(from, to) => from <= to,
                Sizes::Labels(labels) => !labels.is_empty(),
                Sizes::One | Sizes::Colours | Sizes::Letters | Sizes::Shoes => true,
            },
            "sizes are none",
        ),
        (
            spec.pack.0 == 1 || spec.pack.0 > 1 && !spec.pack.1.is_empty(),
            "pack has to be the units, at least 1, and their name",
        ),
        (
            ItemType::parse(&spec.kind).is_some(),
            "kind has to be product, service, content or event",
        ),
    ]
}

fn first_wrong(rules: &[(bool, &'static str)]) -> Result<(), &'static str> {
    rules
        .iter()
        .find(|(holds, _)| !holds)
        .map_or(Ok(()), |(_, what)| Err(*what))
}

fn sound_relations(specs: &[Spec], relations: &[Relation]) -> Result<(), String> {
    let find = |path: &str| {
        position(specs, path)
            .map(|i| &specs[i])
            .ok_or_else(|| format!("there is no category {path}"))
    };
    for relation in relations {
        let (anchor, complement) = (find(&relation.anchor)?, find(&relation.complement)?);
        first_wrong(&[
            (anchor.path != complement.path, "nothing goes with itself"),
            (
                share(relation.together) && share(relation.later),
                "together and later lie between 0 and 1",
            ),
            (
                0 <= relation.lag.0 && relation.lag.0 <= relation.lag.1,
                "lag has to be days from … to",
            ),
            (
                !relation.same_brand || anchor.made_by == complement.made_by,
                "same_brand needs the same list of brands on both sides",
            ),
        ])
        .map_err(|what| format!("{} with {}: {what}", anchor.path, complement.path))?;
    }
    let unlocked: BTreeSet<&str> = relations
        .iter()
        .flat_map(|r| [Some(&r.complement), r.both.then_some(&r.anchor)])
        .flatten()
        .map(String::as_str)
        .collect();
    specs
        .iter()
        .find(|spec| spec.accessory && !unlocked.contains(spec.path.as_str()))
        .map_or(Ok(()), |spec| {
            Err(format!("the accessory {} goes with nothing", spec.path))
        })
}

#[cfg(test)]
mod tests {
    use super::super::Clock;
    use super::*;

    const CATEGORIES: &str = r#"
        [brands]
        gear = ["Rollora", "Pico"]
        care = ["Mildo"]

        [[category]]
        path = "baby/prams"
        nouns = ["pram", "pushchair"]
        brands = "gear"
        price = [249, 899.5]
        clock = "child"
        window = { months = [-4, 2] }
        sizes = { labels = ["S", "M"] }
        pack = [2, "pcs"]

        [[category]]
        path = "baby/pram accessories"
        nouns = ["rain cover"]
        brands = "gear"
        price = [12, 79]
        accessory = true

        [[category]]
        path = "baby/wipes"
        nouns = ["wipes"]
        brands = "care"
        price = [2, 14]
    "#;

    const RELATIONS: &str = r#"
        relations = [
            { anchor = "baby/prams", complement = "baby/pram accessories", together = 0.3, later = 1, lag = [5, 60], same_brand = true },
        ]
    "#;

    #[test]
    fn the_files_of_the_shop_are_sound() {
        let all = both(
            include_str!("categories.toml"),
            include_str!("relations.toml"),
        );
        assert_eq!(all.map(|_| ()), Ok(()));
    }

    #[test]
    fn what_is_written_is_read_and_the_rest_is_as_usual() {
        let (specs, relations) = both(CATEGORIES, RELATIONS).unwrap();
        let pram = &specs[0];
        assert_eq!(pram.brands, ["Rollora", "Pico"]);
        assert_eq!(pram.price, (249.0, 899.5));
        assert_eq!((pram.clock, pram.window), (Some(Clock::Child), (-120, 60)));
        assert_eq!(pram.sizes, Sizes::Labels(vec!["S".into(), "M".into()]));
        assert_eq!(pram.pack, (2, "pcs".into()));
        let wipes = &specs[2];
        assert_eq!((wipes.clock, &wipes.sizes), (None, &Sizes::One));
        assert_eq!((wipes.rate, wipes.adopt, wipes.returns), (0.5, 1.0, 0.02));
        assert_eq!(wipes.kind, "product");
        assert!(specs[1].accessory && !pram.accessory);
        assert!(relations[0].same_brand && !relations[0].both);
    }

    #[test]
    fn what_cannot_be_is_refused_and_said() {
        let cases = [
            (
                "nouns = [\"wipes\"]",
                "noun = [\"wipes\"]",
                "unknown field `noun`",
            ),
            (
                "clock = \"child\"",
                "clock = \"cow\"",
                "unknown variant `cow`",
            ),
            ("[2, 14]", "[2, \"much\"]", "line 27"),
            ("path = \"baby/wipes\"", "", "category 3 has no path"),
            ("baby/wipes", "baby/prams", "baby/prams is there twice"),
            (
                "nouns = [\"wipes\"]",
                "nouns = []",
                "baby/wipes: 1 to 250 nouns",
            ),
            (
                "brands = \"care\"",
                "brands = \"car\"",
                "no list of brands called 'car'",
            ),
            (
                "care = [\"Mildo\"]",
                "care = []",
                "baby/wipes: 1 to 250 brands",
            ),
            ("[2, 14]", "[14, 2]", "baby/wipes: price"),
            ("[2, 14]", "[0, 14]", "baby/wipes: price"),
            (
                "clock = \"child\"",
                "",
                "baby/prams: a clock goes with a window",
            ),
            (
                "[-4, 2]",
                "[2, -4]",
                "baby/prams: a clock goes with a window",
            ),
            (
                "[2, 14]",
                "[2, 14]\ngift = 1.5",
                "baby/wipes: adopt, gift and returns",
            ),
            ("[2, 14]", "[2, 14]\nrate = -1", "baby/wipes: rate"),
            (
                "[2, 14]",
                "[2, 14]\nsupply = nan",
                "baby/wipes: rate, supply",
            ),
            ("[\"S\", \"M\"]", "[]", "baby/prams: sizes"),
            ("[2, \"pcs\"]", "[2, \"\"]", "baby/prams: pack"),
            ("[2, 14]", "[2, 14]\nkind = \"gift\"", "baby/wipes: kind"),
            ("accessory = true", "", ""),
            (
                "path = \"baby/wipes\"",
                "path = \"baby/wipes\"\naccessory = true",
                "accessory baby/wipes goes with nothing",
            ),
        ];
        for (from, to, said) in cases {
            assert!(CATEGORIES.contains(from), "{from}");
            let told = both(&CATEGORIES.replacen(from, to, 1), RELATIONS).err();
            if said.is_empty() {
                assert_eq!(told, None, "{to} is fine");
            } else {
                let told = told.unwrap_or_default();
                assert!(told.contains(said), "{from} -> {to}: {told}");
                let file = if said.starts_with("accessory") {
                    "relations"
                } else {
                    "categories"
                };
                assert!(told.starts_with(file), "{told}");
            }
        }
        let cases = [
            (
                "\"baby/prams\"",
                "\"baby/pram\"",
                "there is no category baby/pram",
            ),
            (
                "baby/pram accessories",
                "baby/prams",
                "nothing goes with itself",
            ),
            ("baby/pram accessories", "baby/wipes", "same list of brands"),
            ("together = 0.3", "together = 3", "together and later"),
            ("[5, 60]", "[60, 5]", "lag"),
            ("lag = [5, 60]", "lag = [5]", "line 3"),
        ];
        for (from, to, said) in cases {
            let told = both(CATEGORIES, &RELATIONS.replacen(from, to, 1))
                .err()
                .unwrap_or_default();
            assert!(told.contains(said), "{from} -> {to}: {told}");
            assert!(told.starts_with("relations.toml: "), "{told}");
        }
    }

    #[test]
    fn one_category_has_one_size_because_it_takes_what_is_left_over() {
        let sized = CATEGORIES
            .replace("price = [2, 14]", "price = [2, 14]\nsizes = \"colours\"")
            .replace("price = [12, 79]", "price = [12, 79]\nsizes = \"letters\"");
        let told = both(&sized, RELATIONS).err().unwrap_or_default();
        assert!(told.contains("one size"), "{told}");
    }
}
