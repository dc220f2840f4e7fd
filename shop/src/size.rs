//! Sizes that must fit: what a shop writes of shoes, clothes and nappies in `variant`, told from colours, flavours and packs.

use crate::{name_key, Product};

/// Sizes in letters and words.
const LETTERS: &[&str] = &[
    "xxxs", "xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl", "xxxxl", "2xl", "3xl", "4xl", "5xl",
    "small", "medium", "large",
];
/// Words beside a number that say no more than that it is a size.
const PREFIXES: &[&str] = &["size", "sizes", "eu", "eur", "uk", "us", "it", "fr", "מידה"];
/// Units of what fits: lengths of a body, and ages.
const FITTING: &[&str] = &[
    "cm", "in", "inch", "m", "mo", "month", "months", "y", "yr", "yrs", "year", "years",
];
/// Units of how much there is, which fits everybody.
const AMOUNTS: &[&str] = &[
    "ml", "cl", "dl", "l", "litre", "litres", "liter", "g", "gr", "kg", "oz", "lb", "lbs", "pcs",
    "pc", "piece", "pieces", "pack", "packs", "pk", "ct", "count", "x", "gb", "tb", "w", "v",
];

/// Returns the size of `product`, in the form in which sizes are compared; `None` where what it says is no size that must fit
/// somebody: a colour, a flavour, how much is in the pack.
///
/// ```
/// use serendib_shop::{size_of, Product};
///
/// let of = |variant: &str| size_of(&Product {
///     variant: Some(variant.into()),
///     ..Product::bare("p")
/// });
/// assert_eq!(of("EU 27"), of("27"));
/// assert_eq!(of("red / XL").as_deref(), Some("xl"));
/// assert_eq!(of("500 ml"), None);
/// ```
pub fn size_of(product: &Product) -> Option<String> {
    let attribute = product.attributes.get("size").and_then(|size| match size {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let variant = product.variant.as_deref();
    variant
        .and_then(size_in)
        .or_else(|| attribute.as_deref().and_then(size_in))
}

/// The size that `text` names.
fn size_in(text: &str) -> Option<String> {
    let key = name_key(text);
    let words: Vec<&str> = key
        .split(|c: char| c.is_whitespace() || matches!(c, '/' | ',' | ';' | '(' | ')' | '|' | ':'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut size: Vec<String> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let (number, unit) = number_and_unit(word);
        if number.is_empty() {
            continue;
        }
        let next = words.get(at + 1).copied().unwrap_or_default();
        let unit = if unit.is_empty() { next } else { unit };
        // so long a number is a year or a code
        let long = number.chars().filter(char::is_ascii_digit).count() > 6 || is_year(number);
        if AMOUNTS.contains(&unit) || unit.starts_with('%') || long {
            continue;
        }
        size.push(number.to_owned());
        if FITTING.contains(&unit) {
            size.push(unit.to_owned());
        }
    }
    let plain = |word: &&&str| LETTERS.contains(*word);
    if size.is_empty() {
        // "3 l" is a volume, "l" a size
        let amount = words.iter().any(|word| !number_and_unit(word).0.is_empty());
        let letters = words.iter().filter(plain).filter(|_| !amount);
        size.extend(letters.map(|word| (*word).to_owned()));
    }
    (!size.is_empty()).then(|| size.join(" "))
}

/// Whether `number` is written like a year.
fn is_year(number: &str) -> bool {
    number.len() == 4 && number.chars().all(|c| c.is_ascii_digit())
}

/// The number that `word` begins with, ranges and halves included, and what follows it; a word that ends in a number after a
/// prefix (`eu27`) counts as that number.
fn number_and_unit(word: &str) -> (&str, &str) {
    if LETTERS.contains(&word) {
        return ("", word);
    }
    let word = PREFIXES
        .iter()
        .find_map(|prefix| {
            let rest = word.strip_prefix(prefix)?;
            rest.starts_with(|c: char| c.is_ascii_digit())
                .then_some(rest)
        })
        .unwrap_or(word);
    let of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '–' | '½' | '+');
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return ("", word);
    }
    let end = word.find(|c| !of_number(c)).unwrap_or(word.len());
    word.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_from_colours_flavours_and_packs() {
        for (text, size) in [
            ("27", Some("27")),
            ("EU 27", Some("27")),
            ("eu27", Some("27")),
            ("size 4", Some("4")),
            ("Red / 38.5", Some("38.5")),
            ("XL", Some("xl")),
            ("navy, m", Some("m")),
            ("3XL", Some("3xl")),
            ("12-18 m", Some("12-18 m")),
            ("104 cm", Some("104 cm")),
            ("red", None),
            ("vanilla", None),
            ("500 ml", None),
            ("500ml", None),
            ("1 l", None),
            ("60 pcs", None),
            ("6 x 200 g", None),
            ("2019", None),
            ("70 %", None),
            ("", None),
        ] {
            assert_eq!(size_in(text).as_deref(), size, "{text:?}");
        }
    }
}
