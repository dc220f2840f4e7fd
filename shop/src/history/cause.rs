//! What the reason of a return, a cancellation or a complaint is about.

/// What the reason that a touch gives is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// No reason was given, or none that is known.
    #[default]
    Unsaid,
    /// The product: its quality, taste, look or description.
    Product,
    /// Its size: another one may well fit.
    Size,
    /// Not the product: damage, lateness, the shop's own doing, a present that its receiver sent back.
    Elsewhere,
}

/// Words of reasons that say nothing against the product; they are looked for first.
const ELSEWHERE: &[&str] = &[
    "damage",
    "damaged",
    "broken",
    "late",
    "lateness",
    "delay",
    "delayed",
    "delivery",
    "shipping",
    "carrier",
    "courier",
    "lost",
    "undelivered",
    "undeliverable",
    "address",
    "shop",
    "store",
    "seller",
    "merchant",
    "stock",
    "sold",
    "unavailable",
    "discontinued",
    "duplicate",
    "twice",
    "mistake",
    "gift",
    "present",
    "receiver",
    "recipient",
    "payment",
    "fraud",
    "packaging",
    "wrong item",
    "wrong product",
    "wrong article",
    "not received",
];
/// Words of reasons about the size.
const SIZE: &[&str] = &[
    "size",
    "sizing",
    "fit",
    "fits",
    "too small",
    "too big",
    "too large",
    "too tight",
    "too loose",
    "too short",
    "too long",
    "too wide",
    "too narrow",
];
/// Words of reasons about the product.
const PRODUCT: &[&str] = &[
    "quality",
    "described",
    "description",
    "expected",
    "expectation",
    "expectations",
    "disappointed",
    "disappointing",
    "disappointment",
    "dislike",
    "disliked",
    "like",
    "unwanted",
    "suitable",
    "unsuitable",
    "taste",
    "smell",
    "scent",
    "colour",
    "color",
    "style",
    "look",
    "looks",
    "material",
    "fabric",
    "defect",
    "defective",
    "faulty",
    "fault",
    "malfunction",
    "uncomfortable",
    "allergy",
    "allergic",
    "irritation",
    "poor",
    "bad",
    "inferior",
    "useless",
    "product",
];

impl Cause {
    /// What `reason`, as people or programs write it (`wrong_size`, `Arrived damaged`), is about.
    pub fn of_reason(reason: &str) -> Cause {
        let mut words = String::from(" ");
        let mut lower = false;
        for c in reason.chars() {
            if !c.is_alphanumeric() {
                if !words.ends_with(' ') && c != '\'' {
                    words.push(' ');
                }
                lower = false;
                continue;
            }
            if lower && c.is_uppercase() {
                words.push(' ');
            }
            lower = c.is_lowercase();
            words.extend(c.to_lowercase());
        }
        words.push(' ');
        let says = |list: &[&str]| list.iter().any(|word| words.contains(&format!(" {word} ")));
        if says(ELSEWHERE) {
            Cause::Elsewhere
        } else if says(SIZE) {
            Cause::Size
        } else if says(PRODUCT) {
            Cause::Product
        } else {
            Cause::Unsaid
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_by_its_words_however_it_is_written() {
        for (reason, cause) in [
            ("poor_quality", Cause::Product),
            ("Not as described", Cause::Product),
            ("notAsDescribed", Cause::Product),
            ("I don't like it", Cause::Product),
            ("WRONG-SIZE", Cause::Size),
            ("too small", Cause::Size),
            ("Does not fit", Cause::Size),
            ("arrived damaged", Cause::Elsewhere),
            ("delivery_late", Cause::Elsewhere),
            ("out of stock", Cause::Elsewhere),
            ("cancelled_by_shop", Cause::Elsewhere),
            ("unwanted gift", Cause::Elsewhere),
            ("wrong item sent", Cause::Elsewhere),
            ("changed my mind", Cause::Unsaid),
            ("17", Cause::Unsaid),
            ("", Cause::Unsaid),
        ] {
            assert_eq!(Cause::of_reason(reason), cause, "{reason:?}");
        }
    }
}
