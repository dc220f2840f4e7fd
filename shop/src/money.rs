//! The currency of what was paid: amounts of several currencies are never added.

use std::borrow::Cow;

use crate::Touchpoint;

/// Name of the touchpoint attribute, which a column of this name becomes.
pub const CURRENCY: &str = "currency";

const SIGNS: &[(&str, &str)] = &[
    ("€", "EUR"),
    ("$", "USD"),
    ("US$", "USD"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("₪", "ILS"),
    ("₹", "INR"),
    ("₽", "RUB"),
    ("₩", "KRW"),
    ("zł", "PLN"),
];

/// The currency that `text` names, by its code or its sign, in capitals.
pub fn currency_named(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let sign = SIGNS
        .iter()
        .find(|(sign, _)| sign.eq_ignore_ascii_case(text));
    Some(match sign {
        Some((_, code)) => Cow::Borrowed(*code),
        None if text.chars().all(|c| !c.is_lowercase()) => Cow::Borrowed(text),
        None => Cow::Owned(text.to_uppercase()),
    })
}

/// The currency of the row's value; `None` = the shop's own, or the row has no value.
pub fn currency_of(row: &Touchpoint) -> Option<Cow<'_, str>> {
    row.value?;
    currency_named(row.attributes.get(CURRENCY)?.as_str()?)
}

/// The currency of most rows, by rows of each; ties go to the first by name.
pub fn most_used<'c>(rows: impl IntoIterator<Item = (&'c str, u64)>) -> Option<&'c str> {
    rows.into_iter()
        .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)))
        .map(|(currency, _)| currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_signs_name_one_currency() {
        for text in ["EUR", "eur", " € "] {
            assert_eq!(currency_named(text).as_deref(), Some("EUR"), "{text}");
        }
        assert_eq!(currency_named(" "), None);
        let mut row = Touchpoint::new("ada", "purchase");
        row.attributes.insert(CURRENCY.into(), "usd".into());
        assert_eq!(currency_of(&row), None, "nothing was paid");
        row.value = Some(3.0);
        assert_eq!(currency_of(&row).as_deref(), Some("USD"));
        assert_eq!(most_used([("USD", 2), ("EUR", 2), ("JPY", 1)]), Some("EUR"));
    }
}
