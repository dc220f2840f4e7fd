//! What products and people are called, and what things cost on the shelf.

use std::collections::BTreeSet;

use super::number::{cents, Rng};
use super::taxonomy::{Sizes, Spec};

/// Colours of variants and of clothes.
pub const COLOURS: &[&str] = &[
    "sand",
    "sage green",
    "navy",
    "rose",
    "charcoal",
    "mustard",
    "sky blue",
    "cream",
    "terracotta",
    "forest green",
    "lilac",
    "white",
    "berry",
    "mint",
    "grey",
];

const COLLECTIONS: &[&str] = &[
    "Luna", "Milo", "Juna", "Nova", "Alba", "Tivo", "Sola", "Arlo", "Fjord", "Lumi", "Pino",
    "Rumi", "Vela", "Kimo", "Orla", "Taro", "Isla", "Bo", "Enzo", "Maple", "Coco", "Faro", "Greta",
    "Hugo", "Ivy", "Jasper", "Koa", "Linus", "Mira", "Nilo", "Olive", "Piper", "Quinn", "Romy",
    "Skye", "Theo", "Uma", "Viggo", "Willa", "Yuna", "Zola", "Aspen", "Bjork", "Clove",
];

/// Names of children and animals in declared facts.
pub const NAMES: &[&str] = &[
    "Mia", "Noah", "Lea", "Ben", "Emma", "Finn", "Ida", "Jonas", "Noa", "Adam", "Maya", "Leo",
    "Ella", "Sam", "Tamar", "Oscar",
];

/// Age in months for which clothes of a body length are cut.
pub fn months_of_centimetres(cm: u8) -> (i32, i32) {
    match cm {
        0..=50 => (0, 1),
        51..=56 => (0, 2),
        57..=62 => (2, 4),
        63..=68 => (4, 6),
        69..=74 => (6, 9),
        75..=80 => (9, 12),
        81..=86 => (12, 18),
        87..=92 => (18, 24),
        93..=98 => (24, 36),
        _ => {
            let year = 3 + (i32::from(cm) - 104) / 6;
            (12 * year, 12 * year + 12)
        }
    }
}

/// Shoe size of a child of so many months.
pub fn shoe_size(months: f64) -> f64 {
    if months < 26.0 {
        18.0 + (months - 9.0).max(0.0) * 0.36
    } else {
        24.6 + (months - 26.0) * 0.108
    }
}

/// An age range as shops write it.
pub fn ages(from_months: i32, to_months: i32) -> String {
    if to_months <= 36 {
        format!("{from_months}-{to_months} m")
    } else if to_months > 130 {
        format!("{}+ y", from_months / 12)
    } else {
        format!("{}-{} y", from_months / 12, (to_months + 11) / 12)
    }
}

/// A believable title without size: brand, sometimes the collection, style, noun, sometimes the colour; never given twice.
pub fn stem(
    spec: &Spec,
    brand: &str,
    style: &str,
    noun: &str,
    rng: &mut Rng,
    taken: &mut BTreeSet<String>,
) -> String {
    let dressed = matches!(
        spec.sizes,
        Sizes::Centimetres(..) | Sizes::ChildShoes(..) | Sizes::Letters | Sizes::Shoes
    );
    let gear = spec.price.1 >= 100.0 && !dressed;
    let colour = COLOURS[rng.index(COLOURS.len())];
    let first = rng.index(COLLECTIONS.len());
    for attempt in 0.. {
        let mut words = vec![brand.to_string()];
        let named = style.ends_with(':');
        if named {
            words.push(format!("{style} {noun}"));
        } else {
            if !style.is_empty() && !noun.starts_with(style) {
                words.push(style.to_string());
            }
            words.push(noun.to_string());
        }
        let mut title = words.join(" ");
        if gear || attempt > 0 {
            let n = first + attempt;
            let name = COLLECTIONS[n % COLLECTIONS.len()];
            let volume = n / COLLECTIONS.len();
            if named {
                title.push_str(&format!(", volume {}", attempt + 1));
            } else if volume > 0 {
                title.push_str(&format!(" {name} {}", volume + 1));
            } else {
                title.push_str(&format!(" {name}"));
            }
        }
        if dressed {
            title.push_str(&format!(", {colour}"));
        }
        if taken.insert(title.clone()) {
            return title;
        }
    }
    String::new()
}

/// The price a shopkeeper would write: x.49, x.95, x.99, or whole tens less a cent for dear things.
pub fn shelf_price(price: f64) -> f64 {
    if price < 5.0 {
        cents((price * 10.0).floor() / 10.0 + 0.09)
    } else if price < 20.0 {
        let whole = price.floor();
        cents(whole + if price - whole < 0.5 { 0.49 } else { 0.95 })
    } else if price < 100.0 {
        cents(price.floor() + 0.95)
    } else {
        cents((price / 10.0).floor() * 10.0 + 9.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_with_age() {
        assert_eq!(months_of_centimetres(56), (0, 2));
        assert_eq!(months_of_centimetres(104), (36, 48));
        assert_eq!(months_of_centimetres(152), (132, 144));
        assert!((shoe_size(9.0) - 18.0).abs() < 0.01);
        assert!((shoe_size(130.0) - 36.0).abs() < 1.0);
        assert_eq!(ages(0, 6), "0-6 m");
        assert_eq!(ages(36, 72), "3-6 y");
    }

    #[test]
    fn prices_look_like_prices() {
        assert_eq!(shelf_price(3.123), 3.19);
        assert_eq!(shelf_price(12.7), 12.95);
        assert_eq!(shelf_price(47.2), 47.95);
        assert_eq!(shelf_price(263.0), 269.0);
    }
}
