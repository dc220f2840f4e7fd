//! Columns of `customers`.

use std::borrow::Cow;

use crate::directory::Erasures;
use crate::Customer;

use super::{column, Attributes, Column, Record};
use crate::table::cell::{shorten, Cell};

/// Something serialisable as a JSON cell, nothing when it says nothing.
fn json_cell<'a, T: serde::Serialize + Default + PartialEq>(value: &T) -> Cell<'a> {
    if *value == T::default() {
        return Cell::Null;
    }
    serde_json::to_value(value).map_or(Cell::Null, |value| Cell::Json(Cow::Owned(value)))
}

/// A JSON cell as `T`, with the documented form in the message.
fn from_json<T: serde::de::DeserializeOwned>(cell: &Cell<'_>, form: &str) -> Result<T, String> {
    let value = cell.to_json()?;
    let text = value.to_string();
    serde_json::from_value(value).map_err(|_| format!("{} is not {form}", shorten(&text)))
}

impl Record for Customer {
    const COLUMNS: &'static [Column<Self>] = &[
        column!(
            "customer_id",
            Text,
            Cell,
            customer_id,
            "The shop's id, kept byte for byte."
        ),
        column!(
            "registered_at",
            Time,
            Optional,
            registered_at,
            "When they registered."
        ),
        column!(@ "facts", Json, Optional, "What was declared: a list of at most 1,000 `{\"clock\": \"child\", \"anchor\": \"2024-05-01\", \"name\", \"kind\"}` and `{\"key\", \"value\"}`.",
            |row, cell| {
                row.facts = from_json(cell, "a JSON list of {clock, anchor, name, kind} and {key, value}")?;
                Ok(())
            },
            |row| json_cell(&row.facts)),
        column!("locale", Text, Optional, locale, "BCP 47 tag."),
        column!(@ "consents", Json, Optional, "An object of `personalise`, `infer_life_stage`, `contact`, `train`: true or false; what is absent was not said.",
            |row, cell| {
                row.consents = from_json(cell,
                    "a JSON object of personalise, infer_life_stage, contact, train: true or false")?;
                Ok(())
            },
            |row| json_cell(&row.consents)),
        column!(@ "identities", Json, Optional, "Other ids of the same person, at most 256.",
            |row, cell| {
                row.identities = from_json(cell, "a JSON list of ids")?;
                Ok(())
            },
            |row| json_cell(&row.identities)),
        column!(
            "said_at",
            Time,
            Optional,
            said_at,
            "When they said what this row says; absent = as of the data (`as_of` of `shop.json`)."
        ),
        column!(
            "attributes",
            Attributes,
            Optional,
            attributes,
            "Anything else, a JSON object of at most 64 KiB."
        ),
    ];

    fn forget(&mut self, erasures: &Erasures) -> bool {
        let said_at = self.said_at;
        self.identities
            .retain(|id| !erasures.gone_as_of(id, said_at));
        !erasures.gone_as_of(&self.customer_id, said_at)
    }

    fn blank() -> Self {
        Customer::default()
    }

    fn attributes_mut(&mut self) -> Option<&mut Attributes> {
        Some(&mut self.attributes)
    }
}
