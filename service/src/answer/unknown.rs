//! What a request names and the shop does not know: the note that says so, with the name that was probably meant.

use serendib_engine::rank::Filters;
use serendib_shop::{
    is_placeholder, name_key, nearest, path_ends, Catalogue, Kinds, Product, Touchpoint,
};

use super::sentence::Language;

/// Names that a note quotes.
const EXAMPLES: usize = 3;
/// Products among which a similar id is looked for.
const MOST_LOOKED_AT: usize = 200_000;

/// A note: code and words.
pub type CodedNote = (&'static str, String);

/// The names of `unknown`, each once, the first few quoted with what `meant` says of them.
fn quoted<'n>(
    unknown: impl IntoIterator<Item = &'n str>,
    meant: impl Fn(&str) -> Option<String>,
) -> (usize, String) {
    let mut names: Vec<&str> = Vec::new();
    for name in unknown {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut words: Vec<String> = names
        .iter()
        .take(EXAMPLES)
        .map(|name| match meant(name) {
            Some(other) => format!("{name:?} (did you mean {other:?}?)"),
            None => format!("{name:?}"),
        })
        .collect();
    if names.len() > EXAMPLES {
        words.push("…".into());
    }
    (names.len(), words.join(", "))
}

/// Notes on the categories and brands of a list's `filters` that no product of `catalogue` has.
pub fn unknown_limits(filters: &Filters, catalogue: &Catalogue) -> Vec<CodedNote> {
    let mut notes = Vec::new();
    let categories = filters.categories.iter();
    let unknown = categories.filter(|path| catalogue.find_category(path).is_none());
    let (count, names) = quoted(unknown.map(String::as_str), |name| {
        nearest_category(name, catalogue)
    });
    if count > 0 {
        let words = format!("{count} categories of the list are not known: {names}");
        notes.push(("unknown_category", words));
    }
    let brands = filters.brands.iter();
    let unknown = brands.filter(|name| catalogue.find_brand(name).is_none());
    let (count, names) = quoted(unknown.map(String::as_str), |name| {
        nearest(name.trim(), catalogue.brands().iter().map(String::as_str)).map(str::to_owned)
    });
    if count > 0 {
        let words = format!("{count} brands of the list are not known: {names}");
        notes.push(("unknown_brand", words));
    }
    notes
}

/// The category that is written most like `name`, also where that is the end of its path only.
fn nearest_category(name: &str, catalogue: &Catalogue) -> Option<String> {
    let key = name_key(name);
    let paths = || catalogue.categories().iter().map(|c| c.path.as_str());
    let ends_so = |path: &&str| path_ends(&name_key(path)).any(|end| end == key);
    let found = paths().find(ends_so).or_else(|| nearest(&key, paths()));
    found.map(str::to_owned)
}

/// The note on products that a request names and `catalogue` does not know; `None` where there are none.
pub fn unknown_products(unknown: &[String], catalogue: &Catalogue) -> Option<CodedNote> {
    let few = catalogue.len() <= MOST_LOOKED_AT;
    let (count, names) = quoted(unknown.iter().map(String::as_str), |name| {
        let products = catalogue.products().iter().filter(|_| few);
        nearest(name, products.map(|p| p.product_id.as_str())).map(str::to_owned)
    });
    let words = format!("{count} products of the request are not known: {names}");
    (count > 0).then_some(("unknown_products", words))
}

/// The note on a language that there are no sentences in; `None` where `locale` is one that there are.
pub fn unsupported_locale(locale: Option<&str>) -> Option<CodedNote> {
    let tag = locale.filter(|tag| !Language::is_spoken(tag))?;
    let spoken = Language::ALL.map(Language::tag).join(" and ");
    let words = format!("there are no sentences in {tag:?}, only in {spoken}: they are English");
    Some(("unsupported_locale", words))
}

/// Notes on what of `batch` is recorded although it is probably not what was meant: kinds that are not among `kinds`, and
/// products that `catalogue` does not list.
pub fn doubtful_rows(batch: &[Touchpoint], kinds: &Kinds, catalogue: &Catalogue) -> Vec<CodedNote> {
    let mut notes = Vec::new();
    let unknown = |row: &&Touchpoint| kinds.get(&row.kind).is_none();
    let rows = batch.iter().filter(unknown).count();
    if rows > 0 {
        let named = batch.iter().filter(unknown).map(|row| row.kind.as_str());
        let (_, names) = quoted(named, |name| Kinds::nearest(name).map(str::to_owned));
        let words = format!(
            "{rows} touchpoints are of kinds that are not known, and count as something that the customer did: {names}"
        );
        notes.push(("unknown_kind", words));
    }
    let listed = |id: &str| {
        let product = catalogue.find(id);
        product.is_some_and(|ix| !Product::is_unlisted(catalogue.product(ix)))
    };
    let products = || batch.iter().filter_map(|row| row.product_id.as_deref());
    let rows = products().filter(|id| !listed(id)).count();
    if rows > 0 {
        let (_, names) = quoted(products().filter(|id| !listed(id)), |_| None);
        let words =
            format!("{rows} touchpoints name products that the catalogue does not list: {names}");
        notes.push(("unknown_product", words));
    }
    let placeholders = || {
        let ids = batch.iter().map(|row| row.customer_id.as_str());
        ids.filter(|id| !id.is_empty() && is_placeholder(id))
    };
    let rows = placeholders().count();
    if rows > 0 {
        let (_, names) = quoted(placeholders(), |_| None);
        let words = format!(
            "{rows} touchpoints are of customers whose ids look like placeholders, which make one person of many: {names}"
        );
        notes.push(("placeholder_customer", words));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let product = |id: &str, category: &str, brand: &str| Product {
            category: Some(category.into()),
            brand: Some(brand.into()),
            ..Product::bare(id)
        };
        Catalogue::new(vec![
            product("tea-green", "Food/Hot Drinks", "Hill"),
            product("lead-red", "Pets/Dogs", "Walker"),
        ])
        .unwrap()
    }

    #[test]
    fn unknown_limits_are_named_with_what_was_meant() {
        let filters = Filters {
            categories: ["food / hot drinks", "hot drinks", "Pets/Dosg", "Zzz"]
                .map(String::from)
                .into(),
            brands: ["hill ", "Walkre"].map(String::from).into(),
            ..Filters::default()
        };
        let notes = unknown_limits(&filters, &catalogue());
        assert_eq!(
            notes,
            [
                (
                    "unknown_category",
                    "3 categories of the list are not known: \"hot drinks\" (did you mean \"Food/Hot Drinks\"?), \
                     \"Pets/Dosg\" (did you mean \"Pets/Dogs\"?), \"Zzz\""
                        .to_owned()
                ),
                (
                    "unknown_brand",
                    "1 brands of the list are not known: \"Walkre\" (did you mean \"Walker\"?)".to_owned()
                ),
            ]
        );
        let known = Filters {
            categories: vec!["PETS".into()],
            ..Filters::default()
        };
        assert_eq!(unknown_limits(&known, &catalogue()), []);
    }

    #[test]
    fn a_locale_without_sentences_is_told() {
        for tag in [None, Some("en-GB"), Some("he"), Some("iw_IL")] {
            assert_eq!(unsupported_locale(tag), None);
        }
        assert!(unsupported_locale(Some("fr-CA")).is_some());
    }

    #[test]
    fn rows_that_were_probably_not_meant_so_are_told_with_their_number() {
        let row = |kind: &str, product: &str| Touchpoint {
            product_id: Some(product.into()),
            ..Touchpoint::new("ada", kind)
        };
        let batch = [
            row("purchse", "tea-green"),
            row("purchse", "lead-red"),
            row("Order", "tea-gren"),
        ];
        let notes = doubtful_rows(&batch, &Kinds::default(), &catalogue());
        let codes: Vec<&str> = notes.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, ["unknown_kind", "unknown_product"]);
        assert!(notes[0].1.starts_with("2 touchpoints"), "{}", notes[0].1);
        assert!(notes[0].1.contains("did you mean \"purchase\"?"));
        assert!(notes[1].1.contains("\"tea-gren\""));
        assert_eq!(
            doubtful_rows(&batch[2..2], &Kinds::default(), &catalogue()),
            []
        );
    }
}
