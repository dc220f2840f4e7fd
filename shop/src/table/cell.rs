//! One cell of a table as a format delivers it, and its conversion to what a column needs.

use std::borrow::Cow;

use serde_json::Value;

use crate::time::{format_time, Evidence, TimeForm, Zone};

/// One cell, as read from or handed to a format.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Nothing there: an empty CSV field, a JSON or Parquet null.
    Null,
    /// Text; every CSV field is.
    Text(Cow<'a, str>),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Milliseconds since 1970-01-01 UTC.
    Time(i64),
    /// Wall-clock milliseconds in the shop's time zone.
    LocalTime(i64),
    /// A list or an object.
    Json(Cow<'a, Value>),
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Cell::Null, Cell::from)
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(Cow::Borrowed(text))
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Cell::Int(number)
    }
}

impl From<f64> for Cell<'_> {
    fn from(number: f64) -> Self {
        Cell::Float(number)
    }
}

impl<'a> Cell<'a> {
    /// A number, or nothing.
    pub fn float(number: Option<f64>) -> Cell<'a> {
        number.map_or(Cell::Null, Cell::Float)
    }

    /// A whole number, or nothing.
    pub fn int(number: Option<i64>) -> Cell<'a> {
        number.map_or(Cell::Null, Cell::Int)
    }

    /// A time, or nothing.
    pub fn time(at: Option<i64>) -> Cell<'a> {
        at.map_or(Cell::Null, Cell::Time)
    }

    /// Whether there is nothing: null or empty text.
    pub fn is_empty(&self) -> bool {
        match self {
            Cell::Null => true,
            Cell::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    fn wrong(&self, expected: &str) -> String {
        let found = match self {
            Cell::Null => "nothing".to_owned(),
            Cell::Text(text) => format!("{:?}", shorten(text)),
            Cell::Int(number) => number.to_string(),
            Cell::Float(number) => number.to_string(),
            Cell::Bool(yes) => yes.to_string(),
            Cell::Time(ms) | Cell::LocalTime(ms) => format_time(*ms),
            Cell::Json(value) => shorten(&value.to_string()).into_owned(),
        };
        format!("{found} is not {expected}")
    }

    /// The cell as text: an id, a title. Whole numbers are accepted, as tools turn ids into them.
    pub fn to_text(&self) -> Result<String, String> {
        match self {
            Cell::Text(text) => Ok(text.to_string()),
            Cell::Int(number) => Ok(number.to_string()),
            other => Err(other.wrong("text")),
        }
    }

    /// The cell as a text file would hold it: numbers, `true` or `false`, times in RFC 3339.
    pub fn to_plain(&self) -> Result<String, String> {
        Ok(match self {
            Cell::Float(number) => number.to_string(),
            Cell::Bool(yes) => yes.to_string(),
            Cell::Time(ms) | Cell::LocalTime(ms) => format_time(*ms),
            other => return other.to_text(),
        })
    }

    /// The cell as a finite number.
    pub fn to_number(&self) -> Result<f64, String> {
        let number = match self {
            Cell::Text(text) => text.trim().parse().ok(),
            Cell::Int(number) => Some(*number as f64),
            Cell::Float(number) => Some(*number),
            _ => None,
        };
        number
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| self.wrong("a finite number"))
    }

    /// The cell as a whole number; a decimal without a fraction is one.
    pub fn to_whole(&self) -> Result<i64, String> {
        let whole = |number: f64| {
            (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0)
                .then_some(number as i64)
        };
        match self {
            Cell::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| whole(text.parse().ok()?))
            }
            Cell::Int(number) => Some(*number),
            Cell::Float(number) => whole(*number),
            _ => None,
        }
        .ok_or_else(|| self.wrong("a whole number"))
    }

    /// The cell as a whole number of 0 to 4,294,967,295.
    pub fn to_count(&self) -> Result<u32, String> {
        let number = self.to_whole()?;
        u32::try_from(number).map_err(|_| self.wrong("a whole number of 0 to 4294967295"))
    }

    /// The cell as true or false.
    pub fn to_bool(&self) -> Result<bool, String> {
        let found = match self {
            Cell::Bool(yes) => Some(*yes),
            Cell::Int(0) => Some(false),
            Cell::Int(1) => Some(true),
            Cell::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        found.ok_or_else(|| self.wrong("true or false"))
    }

    /// The cell as milliseconds since 1970-01-01 UTC, after [`Cell::in_form`].
    pub fn to_time(&self) -> Result<i64, String> {
        match self {
            Cell::Time(ms) => Ok(*ms),
            other => Err(other.wrong("a time")),
        }
    }

    /// The cell of a column whose times have `form` as a [`Cell::Time`]; local times are of `zone`.
    pub fn in_form(&self, form: TimeForm, zone: Zone) -> Result<Cell<'static>, String> {
        let at = match self {
            Cell::Text(text) => form.read_text(text, zone),
            Cell::Int(number) => form.read_number(*number as f64, zone),
            Cell::Float(number) => form.read_number(*number, zone),
            Cell::Time(ms) => Some(*ms),
            Cell::LocalTime(ms) => zone.to_utc(*ms),
            _ => None,
        };
        at.map(Cell::Time)
            .ok_or_else(|| self.wrong(&format!("a time as the column has them: {}", form.about())))
    }

    /// Adds what the cell says of the form of its column.
    pub fn testify(&self, evidence: &mut Evidence) {
        match self {
            Cell::Text(text) => evidence.add_text(text),
            Cell::Int(number) => evidence.add_number(*number as f64),
            Cell::Float(number) => evidence.add_number(*number),
            Cell::Time(_) | Cell::LocalTime(_) => evidence.add_typed(),
            Cell::Null | Cell::Bool(_) | Cell::Json(_) => {}
        }
    }

    /// The cell as JSON; text is parsed.
    pub fn to_json(&self) -> Result<Value, String> {
        match self {
            Cell::Json(value) => Ok(value.as_ref().clone()),
            Cell::Text(text) => serde_json::from_str(text)
                .map_err(|error| format!("{:?} is not JSON: {error}", shorten(text))),
            other => Err(other.wrong("JSON")),
        }
    }

    /// The cell as a list of texts: a JSON list, or text separated by `;`, `|` or `,`.
    pub fn to_list(&self) -> Result<Vec<String>, String> {
        match self {
            Cell::Text(text) if !text.trim_start().starts_with('[') => Ok(text
                .split([';', '|', ','])
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()),
            _ => serde_json::from_value(self.to_json()?).map_err(|_| self.wrong("a list of texts")),
        }
    }

    /// The cell as an attribute, keeping the type that the format knows; text stays text.
    pub fn to_value(&self) -> Result<Value, String> {
        Ok(match self {
            Cell::Null => Value::Null,
            Cell::Text(text) => Value::String(text.to_string()),
            Cell::Int(number) => Value::from(*number),
            Cell::Float(number) => Value::from(self.to_number().map(|_| *number)?),
            Cell::Bool(yes) => Value::Bool(*yes),
            Cell::Time(ms) | Cell::LocalTime(ms) => Value::String(format_time(*ms)),
            Cell::Json(value) => value.as_ref().clone(),
        })
    }
}

/// The first 60 characters, for messages.
pub fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        None => Cow::Borrowed(text),
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_finite_or_refused_with_what_was_found() {
        assert_eq!(Cell::from("2.50").to_number(), Ok(2.5));
        for text in ["NaN", "inf", "2,50", "", "two"] {
            let message = Cell::from(text).to_number().unwrap_err();
            assert!(message.contains("is not a finite number"), "{message}");
        }
        assert!(Cell::Float(f64::NAN).to_number().is_err());
        assert_eq!(Cell::from("3.0").to_whole(), Ok(3));
        assert!(Cell::from("3.5").to_whole().is_err());
        assert!(Cell::Int(-1).to_count().is_err());
    }

    #[test]
    fn lists_come_as_json_or_separated() {
        assert_eq!(
            Cell::from("milk; nuts").to_list().unwrap(),
            ["milk", "nuts"]
        );
        assert_eq!(Cell::from(r#"["a;b"]"#).to_list().unwrap(), ["a;b"]);
        assert!(Cell::from("[1]").to_list().is_err());
    }

    #[test]
    fn long_values_are_shortened_in_messages() {
        let message = Cell::from("é".repeat(1000).as_str())
            .to_number()
            .unwrap_err();
        assert!(message.chars().count() < 100);
    }
}
