//! What customers said of surprises.

use serendib_proto::v1::SurpriseRating;
use serendib_shop::Delight;

use crate::rpc::fields::{checked, in_milliseconds, Invalid};
use crate::store::parse_served_id;

/// Checks and converts a rating of `product_id`; the error's field is relative to the rating.
pub fn rating_from_proto(
    rating: &SurpriseRating,
    product_id: String,
    now: i64,
) -> Result<Delight, Invalid> {
    in_milliseconds([("at_ms", rating.at_ms)])?;
    checked(Delight {
        customer_id: rating.customer_id.clone(),
        product_id,
        at: rating.at_ms.unwrap_or(now),
        request_id: rating
            .served_id
            .as_deref()
            .and_then(parse_served_id)
            .map(|(request, _, _)| request.to_owned()),
        surprised: rating.surprised,
        inspired: rating.inspired,
        again: rating.again,
        expected: rating.expected,
        actual: rating.actual,
        relevant: rating.relevant,
        unexpected: rating.unexpected,
        novel: rating.novel,
        timely: rating.timely,
    })
}

/// The message for a rating; the place of the item in its answer is not kept.
pub fn rating_to_proto(delight: &Delight) -> SurpriseRating {
    SurpriseRating {
        customer_id: delight.customer_id.clone(),
        product_id: delight.product_id.clone(),
        at_ms: Some(delight.at),
        served_id: None,
        surprised: delight.surprised,
        inspired: delight.inspired,
        again: delight.again,
        expected: delight.expected,
        actual: delight.actual,
        relevant: delight.relevant,
        unexpected: delight.unexpected,
        novel: delight.novel,
        timely: delight.timely,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_one_to_five_and_at_least_one() {
        let mut rating = SurpriseRating {
            customer_id: "ada".into(),
            ..SurpriseRating::default()
        };
        let convert = |r: &SurpriseRating| rating_from_proto(r, "p".into(), 5);
        assert_eq!(convert(&rating).unwrap_err().field, "surprised");
        rating.novel = Some(f64::NAN);
        assert_eq!(convert(&rating).unwrap_err().field, "novel");
        rating.novel = Some(4.0);
        rating.served_id = Some("r9.0.1".into());
        let delight = convert(&rating).unwrap();
        assert_eq!((delight.at, delight.request_id.as_deref()), (5, Some("r9")));
    }
}
