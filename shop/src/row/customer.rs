//! Customers: facts, identities and consents.

use serde::{Deserialize, Serialize};

/// Something that the customer, or the shop with their knowledge, declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    /// A running life situation with a known anchor date.
    Clock {
        /// Clock type (`child`, `pet`, `trip`, `home_move`, `contract`, or the shop's own).
        clock: String,
        /// Anchor date, `YYYY-MM-DD` or RFC 3339.
        anchor: String,
        /// Tells two children apart; absent for the only one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Which kind it is, where the clock type has kinds (`dog`, `cat`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    },
    /// A free fact.
    Free {
        key: String,
        value: serde_json::Value,
    },
}

/// What personal data may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Answers may be personal.
    Personalise,
    /// Life situations may be inferred from touchpoints.
    InferLifeStage,
    /// The shop may reach out.
    Contact,
    /// Touchpoints may be exported for training.
    Train,
}

impl Purpose {
    pub const ALL: [Purpose; 4] = [
        Purpose::Personalise,
        Purpose::InferLifeStage,
        Purpose::Contact,
        Purpose::Train,
    ];

    /// The word in tables and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Personalise => "personalise",
            Purpose::InferLifeStage => "infer_life_stage",
            Purpose::Contact => "contact",
            Purpose::Train => "train",
        }
    }

    /// Reads one of the four words.
    pub fn parse(text: &str) -> Option<Purpose> {
        Purpose::ALL.into_iter().find(|p| p.as_str() == text)
    }
}

/// What a customer said about each purpose; `None` = said nothing, the configured default holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consents {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personalise: Option<bool>,
    /// Inference of life situations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infer_life_stage: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<bool>,
}

impl Consents {
    /// What was said about `purpose`.
    pub fn said(&self, purpose: Purpose) -> Option<bool> {
        match purpose {
            Purpose::Personalise => self.personalise,
            Purpose::InferLifeStage => self.infer_life_stage,
            Purpose::Contact => self.contact,
            Purpose::Train => self.train,
        }
    }

    /// Records what was said about `purpose`.
    pub fn set(&mut self, purpose: Purpose, said: Option<bool>) {
        match purpose {
            Purpose::Personalise => self.personalise = said,
            Purpose::InferLifeStage => self.infer_life_stage = said,
            Purpose::Contact => self.contact = said,
            Purpose::Train => self.train = said,
        }
    }

    /// Consents of two identities of one person: an explicit no wins, then an explicit yes.
    pub fn merge(self, other: Consents) -> Consents {
        let mut merged = Consents::default();
        for purpose in Purpose::ALL {
            let said = match (self.said(purpose), other.said(purpose)) {
                (Some(a), Some(b)) => Some(a && b),
                (a, b) => a.or(b),
            };
            merged.set(purpose, said);
        }
        merged
    }

    /// Whether `purpose` is allowed, given the `defaults` of the shop; absent there too it is allowed, except
    /// [`Purpose::Contact`], which takes a yes.
    ///
    /// Inference is personal: whoever refuses [`Purpose::Personalise`] refuses [`Purpose::InferLifeStage`] with it.
    pub fn allows(&self, purpose: Purpose, defaults: &Consents) -> bool {
        let said = self.said(purpose).or(defaults.said(purpose));
        let implied =
            purpose != Purpose::InferLifeStage || self.allows(Purpose::Personalise, defaults);
        said.unwrap_or(purpose != Purpose::Contact) && implied
    }

    /// These consents with every purpose they are silent about as in `others`.
    pub fn or(self, others: Consents) -> Consents {
        let mut filled = self;
        for purpose in Purpose::ALL {
            filled.set(purpose, self.said(purpose).or(others.said(purpose)));
        }
        filled
    }

    /// Whether nothing was said.
    pub fn is_silent(&self) -> bool {
        *self == Consents::default()
    }
}

/// One customer, as in the `customers` table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Customer {
    /// The shop's id, byte-exact.
    pub customer_id: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub registered_at: Option<i64>,
    pub facts: Vec<Fact>,
    /// BCP 47 tag.
    pub locale: Option<String>,
    pub consents: Consents,
    /// Other ids of the same person (visitor, card, e-mail hash).
    pub identities: Vec<String>,
    /// When the person said what this row says; milliseconds since 1970-01-01 UTC.
    #[serde(skip_serializing)]
    pub said_at: Option<i64>,
    pub attributes: std::collections::BTreeMap<String, serde_json::Value>,
}

impl Customer {
    /// Returns one person's profile over the rows of their identities, of which the first is that of `root_id`.
    ///
    /// The earliest registration, the facts of all (equal ones once), the locale and the attributes of the first that has
    /// them, and for consents an explicit no of any.
    pub fn merged(root_id: &str, identities: Vec<String>, rows: Vec<Customer>) -> Customer {
        let mut person = Customer {
            customer_id: root_id.to_string(),
            identities,
            ..Customer::default()
        };
        for row in rows {
            person.registered_at = match (person.registered_at, row.registered_at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            person.locale = person.locale.or(row.locale);
            person.consents = person.consents.merge(row.consents);
            for fact in row.facts {
                if !person.facts.contains(&fact) {
                    person.facts.push(fact);
                }
            }
            for (key, value) in row.attributes {
                person.attributes.entry(key).or_insert(value);
            }
        }
        person
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_read_as_clock_or_free() {
        let facts: Vec<Fact> = serde_json::from_str(
            r#"[{"clock":"child","anchor":"2024-05-01"},{"key":"vegan","value":true}]"#,
        )
        .unwrap();
        assert!(matches!(&facts[0], Fact::Clock { clock, .. } if clock == "child"));
        assert!(matches!(&facts[1], Fact::Free { key, .. } if key == "vegan"));
    }

    #[test]
    fn an_explicit_no_wins_over_yes_and_default() {
        let yes = Consents {
            train: Some(true),
            ..Consents::default()
        };
        let no = Consents {
            train: Some(false),
            ..Consents::default()
        };
        assert_eq!(yes.merge(no).train, Some(false));
        assert_eq!(yes.merge(Consents::default()).train, Some(true));
        assert!(!no.allows(Purpose::Train, &yes));
        assert!(Consents::default().allows(Purpose::Train, &Consents::default()));
        assert!(!Consents::default().allows(Purpose::Contact, &Consents::default()));
    }

    #[test]
    fn inference_needs_personal_answers_too() {
        let said = Consents {
            personalise: Some(false),
            infer_life_stage: Some(true),
            ..Consents::default()
        };
        let silent = Consents::default();
        assert!(!said.allows(Purpose::InferLifeStage, &silent));
        assert!(said.allows(Purpose::Train, &silent));
        // The shop's default reaches it the same way.
        assert!(!silent.allows(Purpose::InferLifeStage, &said));
        assert!(silent.allows(Purpose::InferLifeStage, &silent));
    }

    #[test]
    fn what_was_not_said_is_filled_from_elsewhere() {
        let own = Consents {
            train: Some(false),
            ..Consents::default()
        };
        let filled = own.or(Consents {
            train: Some(true),
            contact: Some(false),
            ..Consents::default()
        });
        assert_eq!((filled.train, filled.contact), (Some(false), Some(false)));
        assert!(!filled.is_silent() && Consents::default().is_silent());
    }
}
