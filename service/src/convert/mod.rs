//! Between the messages of the API and the types of the engine.
//!
//! Everything that comes in is checked here, and what is wrong is refused with the name of the field. Nothing else in
//! the server converts.

mod answer;
mod boxes;
mod customer;
mod engagement;
mod product;
mod rating;
mod recommend;
mod touchpoint;
mod value;

use serendib_engine::shop::{check_id, PLAUSIBLE_MS};
use tonic::{Code, Status};

pub use answer::{
    counterfactual_to_proto, lists_to_log, lists_to_proto, note, reason_from_log, reason_to_proto,
    Wording,
};
pub use boxes::{box_to_proto, pack_ask_from_proto, summary_to_proto};
pub use customer::{consents_to_proto, customer_from_proto, customer_to_proto};
pub use engagement::{
    care_to_proto, engagement_to_proto, hand_over_to_proto, offers_to_proto, EFFECTS,
};
pub use product::{product_from_proto, product_to_proto};
pub use rating::{rating_from_proto, rating_to_proto};
pub use recommend::{list_kind_to_proto, Ask, AskLimits, Resolved};
pub use touchpoint::{served_id_of, touchpoint_from_proto, touchpoint_to_proto};
pub use value::{struct_from_map, struct_to_map, value_from_json, value_to_json};

use crate::pool::PoolError;
use crate::store::{ErrorCode, StoreError};

/// A field of a request is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub struct Invalid {
    /// Path of the field (`lists[2].count`).
    pub field: String,
    /// What is wrong.
    pub what: String,
}

impl Invalid {
    /// `field` is wrong because of `what`.
    pub fn new(field: impl Into<String>, what: impl ToString) -> Invalid {
        Invalid {
            field: field.into(),
            what: what.to_string(),
        }
    }

    /// The same below `path`.
    pub fn under(self, path: impl std::fmt::Display) -> Invalid {
        Invalid {
            field: format!("{path}.{}", self.field),
            what: self.what,
        }
    }
}

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Status {
        Status::invalid_argument(invalid.to_string())
    }
}

/// The id in `field`.
pub fn id(field: &str, value: &str) -> Result<String, Invalid> {
    check_id(value)
        .map(|()| value.to_owned())
        .map_err(|error| Invalid::new(field, error))
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

/// A finite number ≥ 0, where one is given.
pub fn amount(field: &str, value: Option<f64>) -> Result<Option<f64>, Invalid> {
    match value {
        Some(value) if !(value.is_finite() && value >= 0.0) => Err(Invalid::new(
            field,
            format!("is {value}, expected a finite number ≥ 0"),
        )),
        other => Ok(other),
    }
}

/// A time from 1901 to 2099, where one is given.
pub fn time(field: &str, value: Option<i64>) -> Result<Option<i64>, Invalid> {
    match value {
        Some(at) if !PLAUSIBLE_MS.contains(&at) => Err(Invalid::new(
            field,
            format!("is {at}, expected milliseconds of a time from 1901 to 2099"),
        )),
        other => Ok(other),
    }
}

/// Text of at most `limit` bytes, where some is given; the empty string is kept.
pub fn text(field: &str, value: Option<&str>, limit: usize) -> Result<Option<String>, Invalid> {
    match value {
        Some(value) if value.len() > limit => Err(Invalid::new(
            field,
            format!("has {} bytes, at most {limit} are allowed", value.len()),
        )),
        other => Ok(other.map(str::to_owned)),
    }
}

/// The status for what a store said. Ids go to the caller only, never into a log.
pub fn store_status(error: &StoreError) -> Status {
    let code = match error.code() {
        ErrorCode::InvalidArgument => Code::InvalidArgument,
        ErrorCode::AlreadyExists => Code::AlreadyExists,
        ErrorCode::NotFound => Code::NotFound,
        ErrorCode::FailedPrecondition => Code::FailedPrecondition,
        ErrorCode::Aborted => Code::Aborted,
        ErrorCode::ResourceExhausted => Code::ResourceExhausted,
        ErrorCode::Unavailable => Code::Unavailable,
        ErrorCode::DataLoss => Code::DataLoss,
    };
    let message = match error {
        StoreError::Invalid {
            what,
            index,
            field,
            reason,
        } => {
            // as the API calls them
            let field = if *field == "at" { "at_ms" } else { field };
            let rows = match *what {
                "delight" => "rating",
                what => what,
            };
            format!("{rows}s[{index}].{field}: {reason}")
        }
        StoreError::AlreadyExists { index, id } => format!(
            "touchpoints[{index}].touchpoint_id: {id:?} was recorded before with other fields"
        ),
        StoreError::BoxExists { index, state } => {
            format!("boxes[{index}].box_id: the box is {state} already")
        }
        StoreError::Unknown {
            what,
            index,
            field,
            id,
        } => format!(
            "{what}s[{index}].{field}: {id:?} is not known, and this server refuses unknown ones"
        ),
        other => other.to_string(),
    };
    Status::new(code, message)
}

/// The status for a job that was not computed.
pub fn pool_status(error: PoolError) -> Status {
    match error {
        PoolError::Busy { .. } => Status::resource_exhausted(error.to_string()),
        PoolError::TooLate => Status::deadline_exceeded(error.to_string()),
        PoolError::Failed => Status::internal(error.to_string()),
    }
}
