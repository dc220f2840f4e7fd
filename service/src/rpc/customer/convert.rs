//! Customers, facts and consents.

use serendib_proto::v1;
use serendib_shop::{check_identities, Consents, Customer, Fact};

use crate::rpc::fields::{checked, given, in_milliseconds, Invalid};
use crate::rpc::value::{struct_from_map, struct_to_map, value_from_json, value_to_json};

/// Checks and converts a customer; the error's field is relative to the customer.
pub fn customer_from_proto(customer: &v1::Customer) -> Result<Customer, Invalid> {
    in_milliseconds([("registered_at_ms", customer.registered_at_ms)])?;
    let facts = customer.facts.iter().enumerate();
    let row = Customer {
        customer_id: customer.customer_id.clone(),
        registered_at: customer.registered_at_ms,
        facts: facts
            .map(|(ix, fact)| fact_from_proto(fact).map_err(|e| e.under(format!("facts[{ix}]"))))
            .collect::<Result<_, _>>()?,
        locale: given(&customer.locale),
        consents: customer
            .consents
            .as_ref()
            .map_or_else(Consents::default, |said| Consents {
                personalise: said.personalise,
                infer_life_stage: said.infer_life_stage,
                contact: said.contact,
                train: said.train,
            }),
        identities: customer.identities.clone(),
        said_at: customer.said_at_ms,
        attributes: struct_to_map("attributes", customer.attributes.as_ref())?,
    };
    let row = checked(row)?;
    check_identities(&row)?;
    Ok(row)
}

fn fact_from_proto(fact: &v1::Fact) -> Result<Fact, Invalid> {
    match &fact.fact {
        None => Err(Invalid::new(
            "fact",
            "neither a clock nor a free fact is set",
        )),
        Some(v1::fact::Fact::Clock(clock)) => Ok(Fact::Clock {
            clock: clock.clock.clone(),
            anchor: clock.anchor.clone(),
            name: given(&clock.name),
            kind: given(&clock.kind),
        }),
        Some(v1::fact::Fact::Free(free)) => Ok(Fact::Free {
            key: free.key.clone(),
            value: match &free.value {
                None => serde_json::Value::Null,
                Some(value) => value_to_json("free.value", value)?,
            },
        }),
    }
}

/// The message for what was said.
pub fn consents_to_proto(consents: &Consents) -> v1::Consents {
    v1::Consents {
        personalise: consents.personalise,
        infer_life_stage: consents.infer_life_stage,
        contact: consents.contact,
        train: consents.train,
    }
}

/// The message for a customer.
pub fn customer_to_proto(customer: &Customer) -> v1::Customer {
    v1::Customer {
        customer_id: customer.customer_id.clone(),
        registered_at_ms: customer.registered_at,
        facts: customer.facts.iter().map(fact_to_proto).collect(),
        locale: customer.locale.clone(),
        consents: Some(consents_to_proto(&customer.consents)),
        identities: customer.identities.clone(),
        attributes: struct_from_map(&customer.attributes),
        said_at_ms: customer.said_at,
    }
}

fn fact_to_proto(fact: &Fact) -> v1::Fact {
    let fact = match fact {
        Fact::Clock {
            clock,
            anchor,
            name,
            kind,
        } => v1::fact::Fact::Clock(v1::ClockFact {
            clock: clock.clone(),
            anchor: anchor.clone(),
            name: name.clone(),
            kind: kind.clone(),
        }),
        Fact::Free { key, value } => v1::fact::Fact::Free(v1::FreeFact {
            key: key.clone(),
            value: Some(value_from_json(value)),
        }),
    };
    v1::Fact { fact: Some(fact) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_survives_and_wrong_facts_are_named() {
        let customer = Customer {
            customer_id: "ada".into(),
            facts: vec![
                Fact::Clock {
                    clock: "child".into(),
                    anchor: "2024-05-01".into(),
                    name: Some("Noa".into()),
                    kind: None,
                },
                Fact::Clock {
                    clock: "pet".into(),
                    anchor: "2025-03-01".into(),
                    name: None,
                    kind: Some("cat".into()),
                },
                Fact::Free {
                    key: "vegan".into(),
                    value: serde_json::json!(true),
                },
            ],
            identities: vec!["visitor-1".into()],
            ..Customer::default()
        };
        let mut message = customer_to_proto(&customer);
        assert_eq!(customer_from_proto(&message), Ok(customer));
        for anchor in ["1 May 2024", "1850-01-01", "2024-13-01", ""] {
            message.facts[0].fact = Some(v1::fact::Fact::Clock(v1::ClockFact {
                clock: "child".into(),
                anchor: anchor.into(),
                ..v1::ClockFact::default()
            }));
            let error = customer_from_proto(&message).unwrap_err();
            assert_eq!(error.field, "facts[0].clock.anchor", "{anchor}");
        }
        message.facts[0].fact = None;
        assert_eq!(
            customer_from_proto(&message).unwrap_err().field,
            "facts[0].fact"
        );
    }
}
