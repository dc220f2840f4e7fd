//! What a row may be: one verdict, whoever asks. Files, the store and the API call [`Check::check`] and add their own place
//! (file, row and column; index in a batch; path of a request's field) to the field at fault.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;

use super::{
    Attributes, BoxOrder, Customer, Delight, Fact, Product, Served, StockLot, Touchpoint,
    MAX_EXCLUSIONS, MAX_EXCLUSION_BYTES, MAX_SLOTS,
};
use crate::holdout::Arm;
use crate::ids::{check_id, is_placeholder};
use crate::time::{misscaled, parse_date};

/// 1901-01-01 and 2100-01-01 UTC in milliseconds: a time outside is a mistake. 1900 is what spreadsheets make of an empty
/// date, 2100 what programs write for "never".
pub const PLAUSIBLE_MS: std::ops::Range<i64> = -2_177_452_800_000..4_102_444_800_000;

/// Most bytes of a text of one line: titles, categories, brands.
pub const MAX_LINE_BYTES: usize = 2_048;
/// Most bytes of a description.
pub const MAX_TEXT_BYTES: usize = 32_768;
/// Most bytes that attributes, or facts, have together as JSON.
pub const MAX_JSON_BYTES: usize = 64 * 1024;
/// Most allergens of a product.
pub const MAX_ALLERGENS: usize = 100;
/// Most facts of a customer.
pub const MAX_FACTS: usize = 1_000;
/// Most other ids of a customer.
pub const MAX_IDENTITIES: usize = 256;

/// A field of a row is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The field's path in the row: `price`, `facts[2].anchor`.
    pub field: Cow<'static, str>,
    /// What is wrong with it, as in "is -1, expected a finite number ≥ 0".
    pub message: String,
}

impl FieldError {
    pub fn new(field: impl Into<Cow<'static, str>>, message: impl Display) -> FieldError {
        FieldError {
            field: field.into(),
            message: message.to_string(),
        }
    }

    /// The column that the field stands in: its path up to the first `[` or `.`.
    pub fn column(&self) -> &str {
        self.field.split(['[', '.']).next().unwrap_or_default()
    }
}

/// A row that can be told right from wrong by itself, without the rows around it.
pub trait Check {
    /// Checks every field: ids, ranges, finiteness, plausible times (1901 to 2099), sizes.
    ///
    /// # Errors
    /// The first field at fault.
    fn check(&self) -> Result<(), FieldError>;
}

type Verdict = Result<(), FieldError>;

fn wrong(field: &str, found: impl Display, expected: impl Display) -> Verdict {
    Err(FieldError::new(
        field.to_owned(),
        format!("is {found}, expected {expected}"),
    ))
}

fn id(field: &'static str, value: &str) -> Verdict {
    check_id(value).map_err(|error| FieldError::new(field, error))
}

fn optional_id(field: &'static str, value: &Option<String>) -> Verdict {
    value.as_deref().map_or(Ok(()), |value| id(field, value))
}

fn text(field: &'static str, value: &Option<String>, limit: usize) -> Verdict {
    check_text(field, value.as_deref(), limit)
}

/// Checks that a text, where there is one, has at most `limit` bytes.
///
/// # Errors
/// `field` is too long.
pub fn check_text(field: &str, value: Option<&str>, limit: usize) -> Result<(), FieldError> {
    match value.map(str::len) {
        Some(bytes) if bytes > limit => Err(FieldError::new(
            field.to_owned(),
            format!("has {bytes} bytes, at most {limit} are allowed"),
        )),
        _ => Ok(()),
    }
}

/// Largest amount of money, or of seconds, of one row: sums of them stay finite.
pub const MAX_AMOUNT: f64 = 1e12;
/// Most packs or units of one row.
pub const MAX_UNITS: i64 = 1_000_000_000;

/// Checks that an amount, where there is one, is a number from 0 to [`MAX_AMOUNT`].
///
/// # Errors
/// `field` is not.
pub fn check_amount(field: &str, value: Option<f64>) -> Result<(), FieldError> {
    match value {
        Some(x) if !(x.is_finite() && x >= 0.0) => wrong(field, x, "a finite number ≥ 0"),
        Some(x) if x > MAX_AMOUNT => wrong(field, x, "at most 1e12"),
        _ => Ok(()),
    }
}

/// Checks that a count of units, where there is one, is a whole number from 0 to [`MAX_UNITS`].
///
/// # Errors
/// `field` is not.
pub fn check_units(field: &str, units: Option<i64>) -> Result<(), FieldError> {
    match units {
        Some(units) if units < 0 => wrong(field, units, "a whole number ≥ 0"),
        Some(units) if units > MAX_UNITS => wrong(field, units, "at most 1000000000"),
        _ => Ok(()),
    }
}

/// Checks that a time, where there is one, lies in [`PLAUSIBLE_MS`].
///
/// # Errors
/// `field` does not.
pub fn check_time(field: &str, value: Option<i64>) -> Result<(), FieldError> {
    match value {
        Some(at) if !PLAUSIBLE_MS.contains(&at) => wrong(field, at, "a time from 1901 to 2099"),
        _ => Ok(()),
    }
}

/// Checks that a time in milliseconds that a program sent is none in seconds, microseconds or digits such as 20240501.
///
/// # Errors
/// `field` is a time only in another scale.
pub fn check_scale(field: &str, value: Option<i64>) -> Result<(), FieldError> {
    match value.and_then(|at| Some((at, misscaled(at)?))) {
        Some((at, form)) => {
            let found = format!("{at}, which is a time only as {}", form.about());
            wrong(field, found, "milliseconds since 1970-01-01 UTC")
        }
        None => Ok(()),
    }
}

/// Checks that an id under which a person is known is an id of somebody, not what programs write where there is none.
///
/// # Errors
/// `field` is malformed or a placeholder.
pub fn check_identity(field: &str, value: &str) -> Result<(), FieldError> {
    check_id(value).map_err(|error| FieldError::new(field.to_owned(), error))?;
    if is_placeholder(value) {
        let message = format!("{value:?} is a placeholder, not the id of a person");
        return Err(FieldError::new(field.to_owned(), message));
    }
    Ok(())
}

/// Checks that every other id of a customer is one of a person, and not the customer's own. Who brings identities asks this:
/// files and calls; what a store linked before may be written all the same.
///
/// # Errors
/// The first that is not.
pub fn check_identities(customer: &Customer) -> Result<(), FieldError> {
    for (ix, identity) in customer.identities.iter().enumerate() {
        let field = format!("identities[{ix}]");
        check_identity(&field, identity)?;
        if *identity == customer.customer_id {
            let message = format!("{identity:?} is the customer's own id");
            return Err(FieldError::new(field, message));
        }
    }
    Ok(())
}

fn at_most(field: &'static str, found: usize, limit: usize) -> Verdict {
    if found > limit {
        return Err(FieldError::new(
            field,
            format!("has {found} entries, at most {limit} are allowed"),
        ));
    }
    Ok(())
}

fn json_size(field: &'static str, empty: bool, value: &impl Serialize) -> Verdict {
    if empty {
        return Ok(());
    }
    let bytes = serde_json::to_string(value).map_or(usize::MAX, |text| text.len());
    if bytes > MAX_JSON_BYTES {
        return Err(FieldError::new(
            field,
            format!("has {bytes} bytes as JSON, at most {MAX_JSON_BYTES} are allowed"),
        ));
    }
    Ok(())
}

fn attributes(attributes: &Attributes) -> Verdict {
    json_size("attributes", attributes.is_empty(), attributes)
}

fn stars(field: &'static str, value: Option<f64>) -> Verdict {
    match value {
        Some(stars) if !(1.0..=5.0).contains(&stars) => wrong(field, stars, "1 to 5"),
        _ => Ok(()),
    }
}

impl Check for Product {
    fn check(&self) -> Verdict {
        id("product_id", &self.product_id)?;
        text("title", &self.title, MAX_LINE_BYTES)?;
        text("category", &self.category, MAX_LINE_BYTES)?;
        text("brand", &self.brand, MAX_LINE_BYTES)?;
        check_amount("price", self.price)?;
        check_amount("cost", self.cost)?;
        text("currency", &self.currency, MAX_LINE_BYTES)?;
        check_units("stock", self.stock)?;
        optional_id("parent_id", &self.parent_id)?;
        if self.parent_id.as_ref() == Some(&self.product_id) {
            return Err(FieldError::new("parent_id", "is the product itself"));
        }
        text("variant", &self.variant, MAX_LINE_BYTES)?;
        if let Some(units) = self.pack_quantity.filter(|n| !(n.is_finite() && *n > 0.0)) {
            return wrong("pack_quantity", units, "a finite number > 0");
        }
        check_amount("pack_quantity", self.pack_quantity)?;
        check_time("launched_at", self.launched_at)?;
        check_time("available_from", self.available_from)?;
        check_time("available_until", self.available_until)?;
        if let (Some(from), Some(until)) = (self.available_from, self.available_until) {
            if from >= until {
                return Err(FieldError::new(
                    "available_until",
                    "is not after available_from",
                ));
            }
        }
        check_time("expires_at", self.expires_at)?;
        check_amount("weight_g", self.weight_g)?;
        check_amount("volume_ml", self.volume_ml)?;
        at_most("allergens", self.allergens.len(), MAX_ALLERGENS)?;
        for allergen in &self.allergens {
            id("allergens", allergen)?;
        }
        text("description", &self.description, MAX_TEXT_BYTES)?;
        attributes(&self.attributes)
    }
}

impl Check for Customer {
    fn check(&self) -> Verdict {
        id("customer_id", &self.customer_id)?;
        check_time("registered_at", self.registered_at)?;
        check_time("said_at", self.said_at)?;
        at_most("facts", self.facts.len(), MAX_FACTS)?;
        for (ix, fact) in self.facts.iter().enumerate() {
            fact.check().map_err(|error| FieldError {
                field: format!("facts[{ix}].{}", error.field).into(),
                ..error
            })?;
        }
        json_size("facts", self.facts.is_empty(), &self.facts)?;
        optional_id("locale", &self.locale)?;
        at_most("identities", self.identities.len(), MAX_IDENTITIES)?;
        for (ix, identity) in self.identities.iter().enumerate() {
            check_id(identity)
                .map_err(|error| FieldError::new(format!("identities[{ix}]"), error))?;
        }
        attributes(&self.attributes)
    }
}

impl Check for Fact {
    fn check(&self) -> Verdict {
        match self {
            Fact::Clock {
                clock,
                anchor,
                name,
                kind,
            } => {
                id("clock", clock)?;
                match parse_date(anchor) {
                    None => {
                        let shown: String = anchor.chars().take(40).collect();
                        let expected = "a date (2024-05-01), with a time if need be";
                        wrong("anchor", format!("{shown:?}"), expected)?;
                    }
                    day => check_time("anchor", day)?,
                }
                optional_id("name", name)?;
                optional_id("kind", kind)
            }
            Fact::Free { key, .. } => id("key", key),
        }
    }
}

impl Check for Touchpoint {
    fn check(&self) -> Verdict {
        if self.customer_id.is_empty() {
            if self.basket_id.is_none() {
                return Err(FieldError::new(
                    "customer_id",
                    "is empty and there is no basket_id: an anonymous row needs a basket",
                ));
            }
        } else {
            id("customer_id", &self.customer_id)?;
        }
        id("kind", &self.kind)?;
        optional_id("product_id", &self.product_id)?;
        optional_id("channel", &self.channel)?;
        check_time("at", self.at)?;
        let back = crate::Kinds::known_by_name(&self.kind)
            .is_some_and(|kind| self.kind_as_booked(kind).takes_back());
        if !self.quantity.is_finite() || (self.quantity < 0.0 && !back) {
            let expected = "a finite number ≥ 0 (negative only for purchases, which are returns then, and for returns)";
            return wrong("quantity", self.quantity, expected);
        }
        if self.quantity.abs() > MAX_UNITS as f64 {
            return wrong("quantity", self.quantity, "at most 1000000000");
        }
        if let Some(value) = self.value.filter(|v| !v.is_finite()) {
            return wrong("value", value, "a finite number");
        }
        if let Some(value) = self.value.filter(|v| v.abs() > MAX_AMOUNT) {
            return wrong("value", value, "at most 1e12");
        }
        optional_id("basket_id", &self.basket_id)?;
        check_amount("duration_s", self.duration_s)?;
        optional_id("campaign_id", &self.campaign_id)?;
        stars("rating", self.rating)?;
        optional_id("product_line", &self.product_line)?;
        optional_id("request_id", &self.request_id)?;
        optional_id("placement", &self.placement)?;
        optional_id("touchpoint_id", &self.touchpoint_id)?;
        attributes(&self.attributes)
    }
}

impl Check for Delight {
    fn check(&self) -> Verdict {
        id("customer_id", &self.customer_id)?;
        id("product_id", &self.product_id)?;
        check_time("at", Some(self.at))?;
        optional_id("request_id", &self.request_id)?;
        let answers = self.answers();
        if answers.iter().all(|(_, answer)| answer.is_none()) {
            return Err(FieldError::new("surprised", "no question is answered"));
        }
        answers
            .into_iter()
            .try_for_each(|(field, answer)| stars(field, answer))
    }
}

impl Check for Served {
    fn check(&self) -> Verdict {
        id("request_id", &self.request_id)?;
        optional_id("customer_id", &self.customer_id)?;
        check_time("at", self.at)?;
        optional_id("product_id", &self.product_id)?;
        if let Some(arm) = self.arm.as_deref().filter(|arm| Arm::parse(arm).is_none()) {
            return wrong("arm", format!("{arm:?}"), "personal or holdout");
        }
        match self.propensity {
            Some(p) if !(0.0..=1.0).contains(&p) => wrong("propensity", p, "a probability"),
            _ => Ok(()),
        }
    }
}

impl Check for BoxOrder {
    fn check(&self) -> Verdict {
        id("box_id", &self.box_id)?;
        id("customer_id", &self.customer_id)?;
        check_time("ship_at", self.ship_at)?;
        for (field, slots) in [
            ("slots", self.slots),
            ("surprise_slots", self.surprise_slots),
        ] {
            if let Some(slots) = slots.filter(|slots| *slots as usize > MAX_SLOTS) {
                return wrong(field, slots, format!("at most {MAX_SLOTS}"));
            }
        }
        if self.exclusions.len() > MAX_EXCLUSIONS {
            let found = self.exclusions.len();
            let message = format!("has {found} entries, at most {MAX_EXCLUSIONS} are allowed");
            return Err(FieldError::new("exclusions", message));
        }
        for (ix, exclusion) in self.exclusions.iter().enumerate() {
            let field = format!("exclusions[{ix}]");
            check_text(&field, Some(exclusion), MAX_EXCLUSION_BYTES)?;
        }
        if let (Some(slots), Some(surprises)) = (self.slots, self.surprise_slots) {
            if surprises > slots {
                let expected = format!("at most the {slots} slots of the box");
                return wrong("surprise_slots", surprises, expected);
            }
        }
        check_amount("budget", self.budget)?;
        check_amount("max_weight_g", self.max_weight_g)?;
        check_amount("max_volume_ml", self.max_volume_ml)?;
        attributes(&self.attributes)
    }
}

impl Check for StockLot {
    fn check(&self) -> Verdict {
        id("product_id", &self.product_id)?;
        check_units("quantity", Some(self.quantity))?;
        optional_id("warehouse", &self.warehouse)?;
        optional_id("lot", &self.lot)?;
        check_time("expires_at", self.expires_at)?;
        check_time("inbound_at", self.inbound_at)?;
        attributes(&self.attributes)
    }
}
