//! Fields of requests: what is wrong is refused with the path of the field.

pub use crate::answer::refusal::Invalid;
use serendib_shop::{
    check_amount, check_id, check_identity, check_scale, check_text, check_time, check_units,
    Check, FieldError,
};

/// The row, if nothing is wrong with it.
///
/// # Errors
/// The path in the request of the first field at fault.
pub fn checked<T: Check>(row: T) -> Result<T, Invalid> {
    match row.check() {
        Ok(()) => Ok(row),
        Err(FieldError { field, message }) => Err(Invalid::new(field_of(&field), message)),
    }
}

/// The path in a request of a field of a row: times say their unit there, and facts come in two messages.
pub fn field_of(field: &str) -> String {
    if let Some((fact, part)) = field.split_once("].") {
        let message = if part == "key" { "free" } else { "clock" };
        return format!("{fact}].{message}.{part}");
    }
    match field {
        "at" | "registered_at" | "said_at" | "ship_at" | "launched_at" | "available_from"
        | "available_until" | "expires_at" => format!("{field}_ms"),
        other => other.to_owned(),
    }
}

/// Refuses times of a row that are times in another scale than milliseconds only.
pub fn in_milliseconds<const N: usize>(times: [(&str, Option<i64>); N]) -> Result<(), Invalid> {
    times
        .into_iter()
        .try_for_each(|(field, at)| Ok(check_scale(field, at)?))
}

/// The text of an optional field, `None` where it is left empty.
pub fn given(value: &Option<String>) -> Option<String> {
    value.clone().filter(|value| !value.is_empty())
}

/// The id in `field`.
pub fn id(field: &str, value: &str) -> Result<String, Invalid> {
    check_id(value)
        .map(|()| value.to_owned())
        .map_err(|error| Invalid::new(field, error))
}

/// The id of a person in `field`: no placeholder.
pub fn identity(field: &str, value: &str) -> Result<String, Invalid> {
    check_identity(field, value)?;
    Ok(value.to_owned())
}

/// The id in `field`, `None` where it is left out.
pub fn optional_id(field: &str, value: Option<&str>) -> Result<Option<String>, Invalid> {
    value
        .filter(|value| !value.is_empty())
        .map(|value| id(field, value))
        .transpose()
}

/// At most `limit` ids in `field`.
pub fn ids(field: &str, values: &[String], limit: usize) -> Result<Vec<String>, Invalid> {
    at_most(field, values.len(), limit)?;
    values
        .iter()
        .enumerate()
        .map(|(ix, value)| id(&format!("{field}[{ix}]"), value))
        .collect()
}

/// Refuses no entries, and more than `limit`.
pub fn some(field: &str, found: usize, limit: usize) -> Result<(), Invalid> {
    if found == 0 {
        return Err(Invalid::new(field, "is empty, expected at least one entry"));
    }
    at_most(field, found, limit)
}

/// Refuses an entry that came before.
pub fn once(field: &str, is_new: bool) -> Result<(), Invalid> {
    if is_new {
        return Ok(());
    }
    Err(Invalid::new(field, "appears twice in this request"))
}

/// The number in `field`, 1 to `limit`; `default` where it is 0.
pub fn bounded(field: &str, found: u32, default: u32, limit: u32) -> Result<u32, Invalid> {
    match found {
        0 => Ok(default),
        found if found <= limit => Ok(found),
        found => {
            let what = format!("is {found}, expected at most {limit}");
            Err(Invalid::new(field, what))
        }
    }
}

/// The number in `field`, 0 to `most`, where one is given.
pub fn within(field: &str, found: Option<f64>, most: f64) -> Result<Option<f64>, Invalid> {
    match found {
        Some(found) if !(0.0..=most).contains(&found) => {
            let what = format!("is {found}, expected 0 to {most}");
            Err(Invalid::new(field, what))
        }
        found => Ok(found),
    }
}

/// Refuses more than `limit` entries.
pub fn at_most(field: &str, found: usize, limit: usize) -> Result<(), Invalid> {
    if found > limit {
        return Err(Invalid::new(
            field,
            format!("has {found} entries, at most {limit} are allowed"),
        ));
    }
    Ok(())
}

impl From<FieldError> for Invalid {
    fn from(error: FieldError) -> Invalid {
        Invalid::new(error.field, error.message)
    }
}

/// A finite number ≥ 0, where one is given.
pub fn amount(field: &str, value: Option<f64>) -> Result<Option<f64>, Invalid> {
    check_amount(field, value)?;
    Ok(value)
}

/// Checks a count of units.
///
/// # Errors
/// It is no whole number from 0 to the most that a row may have.
pub fn units(field: &str, units: i64) -> Result<(), Invalid> {
    check_units(field, Some(units))?;
    Ok(())
}

/// A time from 1901 to 2099, ms, where one is given; one that is a time in another scale only is refused by name.
pub fn time(field: &str, value: Option<i64>) -> Result<Option<i64>, Invalid> {
    check_scale(field, value)?;
    check_time(field, value)?;
    Ok(value)
}

/// Text of at most `limit` bytes, where some is given; the empty string is kept.
pub fn text(field: &str, value: Option<&str>, limit: usize) -> Result<Option<String>, Invalid> {
    check_text(field, value, limit)?;
    Ok(value.map(str::to_owned))
}
