//! Touchpoints.

use serendib_proto::v1;
use serendib_shop::Touchpoint;

use crate::rpc::fields::{checked, given, in_milliseconds, optional_id, Invalid};
use crate::rpc::value::{struct_from_map, struct_to_map};
use crate::store::{parse_served_id, SERVED_ID};

/// Checks and converts a touchpoint; the error's field is relative to the touchpoint.
pub fn touchpoint_from_proto(touch: &v1::Touchpoint) -> Result<Touchpoint, Invalid> {
    in_milliseconds([("at_ms", touch.at_ms)])?;
    let mut row = Touchpoint {
        customer_id: touch.customer_id.clone(),
        kind: touch.kind.clone(),
        product_id: given(&touch.product_id),
        channel: given(&touch.channel),
        at: touch.at_ms,
        quantity: touch.quantity.unwrap_or(1.0),
        value: touch.value,
        basket_id: given(&touch.basket_id),
        duration_s: touch.duration_s,
        pages: touch.pages,
        campaign_id: given(&touch.campaign_id),
        rating: touch.rating,
        product_line: given(&touch.product_line),
        request_id: given(&touch.request_id),
        placement: given(&touch.placement),
        touchpoint_id: given(&touch.touchpoint_id),
        attributes: struct_to_map("attributes", touch.attributes.as_ref())?,
    };
    if let Some(served) = optional_id(SERVED_ID, touch.served_id.as_deref())? {
        let Some((request, _, _)) = parse_served_id(&served) else {
            return Err(Invalid::new(SERVED_ID, "was not given by a recommendation"));
        };
        match &row.request_id {
            Some(other) if other != request => {
                return Err(Invalid::new(
                    SERVED_ID,
                    "is of another answer than request_id",
                ))
            }
            _ => row.request_id = Some(request.to_owned()),
        }
        row.attributes.insert(SERVED_ID.into(), served.into());
    }
    checked(row)
}

/// The message for a touchpoint.
pub fn touchpoint_to_proto(row: &Touchpoint) -> v1::Touchpoint {
    let mut attributes = row.attributes.clone();
    let served_id = match attributes.remove(SERVED_ID) {
        Some(serde_json::Value::String(served)) => Some(served),
        Some(other) => {
            attributes.insert(SERVED_ID.into(), other);
            None
        }
        None => None,
    };
    v1::Touchpoint {
        customer_id: row.customer_id.clone(),
        kind: row.kind.clone(),
        product_id: row.product_id.clone(),
        channel: row.channel.clone(),
        at_ms: row.at,
        quantity: Some(row.quantity),
        value: row.value,
        basket_id: row.basket_id.clone(),
        duration_s: row.duration_s,
        pages: row.pages,
        campaign_id: row.campaign_id.clone(),
        rating: row.rating,
        product_line: row.product_line.clone(),
        request_id: row.request_id.clone(),
        placement: row.placement.clone(),
        touchpoint_id: row.touchpoint_id.clone(),
        served_id,
        attributes: struct_from_map(&attributes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch() -> v1::Touchpoint {
        v1::Touchpoint {
            customer_id: "ada".into(),
            kind: "purchase".into(),
            ..v1::Touchpoint::default()
        }
    }

    #[test]
    fn the_served_id_brings_its_request_along() {
        let mut message = touch();
        message.served_id = Some("r1.0.3".into());
        let row = touchpoint_from_proto(&message).unwrap();
        assert_eq!(row.request_id.as_deref(), Some("r1"));
        assert_eq!(row.quantity, 1.0);
        assert_eq!(touchpoint_to_proto(&row).served_id, message.served_id);
        message.request_id = Some("r2".into());
        assert_eq!(
            touchpoint_from_proto(&message).unwrap_err().field,
            "served_id"
        );
        message.served_id = Some("made up".into());
        assert_eq!(
            touchpoint_from_proto(&message).unwrap_err().field,
            "served_id"
        );
    }

    #[test]
    fn wrong_fields_are_named() {
        let long = "x".repeat(1 << 20);
        let mut cases = vec![(touch(), "customer_id"); 1];
        cases[0].0.customer_id = String::new();
        for (field, spoil) in [
            (
                "kind",
                (|t| t.kind = String::new()) as fn(&mut v1::Touchpoint),
            ),
            ("quantity", |t| t.quantity = Some(f64::NAN)),
            ("value", |t| t.value = Some(f64::INFINITY)),
            ("rating", |t| t.rating = Some(6.0)),
            ("at_ms", |t| t.at_ms = Some(i64::MAX)),
            ("at_ms", |t| t.at_ms = Some(1_717_243_200)),
            ("at_ms", |t| t.at_ms = Some(20_240_601)),
            ("channel", |t| t.channel = Some("a\nb".into())),
        ] {
            let mut bad = touch();
            spoil(&mut bad);
            cases.push((bad, field));
        }
        let mut bad = touch();
        bad.customer_id = long;
        cases.push((bad, "customer_id"));
        for (bad, field) in cases {
            assert_eq!(touchpoint_from_proto(&bad).unwrap_err().field, field);
        }
    }
}
