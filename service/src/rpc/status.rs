//! The gRPC status for everything that can go wrong.

use tonic::{Code, Status};

use super::fields::{field_of, Invalid};
use crate::answer::refusal::Refusal;
use crate::store::{ErrorCode, StoreError};
use crate::workers::pool::PoolError;

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Status {
        Status::invalid_argument(invalid.to_string())
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Status {
        let message = refusal.to_string();
        match refusal {
            Refusal::Field(invalid) => invalid.into(),
            Refusal::Store(error) => error.into(),
            Refusal::NotComputed(error) => error.into(),
            Refusal::Request(_) | Refusal::Argument(_) => Status::invalid_argument(message),
            Refusal::Precondition(_) => Status::failed_precondition(message),
            Refusal::Taken(_) => Status::already_exists(message),
            Refusal::NotFound(_) => Status::not_found(message),
            Refusal::Cancelled(_) => Status::cancelled(message),
            Refusal::Late(_) => Status::deadline_exceeded(message),
            Refusal::Damaged(_) => Status::data_loss(message),
            Refusal::Failed(_) => Status::internal(message),
        }
    }
}

impl From<StoreError> for Status {
    /// Ids go to the caller only, never into a log.
    fn from(error: StoreError) -> Status {
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
        let message = match &error {
            StoreError::Invalid {
                what,
                index,
                field,
                reason,
            } => {
                // as the API calls them
                let field = field_of(field);
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
}

impl From<PoolError> for Status {
    fn from(error: PoolError) -> Status {
        match error {
            PoolError::Busy { .. } => Status::resource_exhausted(error.to_string()),
            PoolError::TooLate => Status::deadline_exceeded(error.to_string()),
            PoolError::Failed => Status::internal(error.to_string()),
        }
    }
}
