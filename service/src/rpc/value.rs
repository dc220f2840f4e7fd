//! JSON values.

use std::collections::BTreeMap;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use serde_json::{Map, Number, Value as Json};

use crate::rpc::fields::Invalid;

/// A JSON value; whole numbers below 2^53 stay whole.
///
/// # Errors
/// A number that is not finite.
pub fn value_to_json(field: &str, value: &Value) -> Result<Json, Invalid> {
    Ok(match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(b)) => Json::Bool(*b),
        Some(Kind::StringValue(s)) => Json::String(s.clone()),
        Some(Kind::NumberValue(n)) => Json::Number(number(field, *n)?),
        Some(Kind::ListValue(list)) => Json::Array(
            list.values
                .iter()
                .map(|v| value_to_json(field, v))
                .collect::<Result<_, _>>()?,
        ),
        Some(Kind::StructValue(fields)) => {
            let mut map = Map::new();
            for (key, v) in &fields.fields {
                map.insert(key.clone(), value_to_json(field, v)?);
            }
            Json::Object(map)
        }
    })
}

fn number(field: &str, n: f64) -> Result<Number, Invalid> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if n.fract() == 0.0 && n.abs() < EXACT {
        return Ok(Number::from(n as i64));
    }
    Number::from_f64(n)
        .ok_or_else(|| Invalid::new(field, format!("holds {n}, expected finite numbers")))
}

/// The message for a JSON value.
pub fn value_from_json(json: &Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(b) => Kind::BoolValue(*b),
        Json::Number(n) => Kind::NumberValue(n.as_f64().unwrap_or(0.0)),
        Json::String(s) => Kind::StringValue(s.clone()),
        Json::Array(values) => Kind::ListValue(ListValue {
            values: values.iter().map(value_from_json).collect(),
        }),
        Json::Object(map) => Kind::StructValue(Struct {
            fields: map
                .iter()
                .map(|(key, v)| (key.clone(), value_from_json(v)))
                .collect(),
        }),
    };
    Value { kind: Some(kind) }
}

/// The attributes in `field`.
pub fn struct_to_map(
    field: &str,
    attributes: Option<&Struct>,
) -> Result<BTreeMap<String, Json>, Invalid> {
    let Some(attributes) = attributes else {
        return Ok(BTreeMap::new());
    };
    attributes
        .fields
        .iter()
        .map(|(key, value)| {
            let path = format!("{field}.{key}");
            Ok((key.clone(), value_to_json(&path, value)?))
        })
        .collect()
}

/// The message for attributes; absent when there are none.
pub fn struct_from_map(attributes: &BTreeMap<String, Json>) -> Option<Struct> {
    (!attributes.is_empty()).then(|| Struct {
        fields: attributes
            .iter()
            .map(|(key, value)| (key.clone(), value_from_json(value)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_survives_and_what_is_not_finite_is_refused() {
        let json = serde_json::json!({"a": [1, 2.5, -3, null, true, "x"], "b": {"c": {}}});
        assert_eq!(value_to_json("f", &value_from_json(&json)).unwrap(), json);
        let bad = Value {
            kind: Some(Kind::NumberValue(f64::NAN)),
        };
        assert!(value_to_json("facts[0]", &bad)
            .unwrap_err()
            .to_string()
            .starts_with("facts[0]: holds NaN"));
    }
}
