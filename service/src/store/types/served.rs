//! The serve log: what was recommended, and what came of it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use serendib_engine::rank::ListKind;
use serendib_shop::{Arm, Served, Touchpoint};

/// Why an item was served: a reason of the engine with ids for numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServedReason {
    /// Kind of reason (`because_you_bought`).
    #[serde(rename = "c")]
    pub code: String,
    /// The product it refers to.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The clock it refers to.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// Its part of the score.
    #[serde(rename = "w")]
    pub contribution: f32,
}

/// What a request was answered for, beside the customer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The time asked for, where it was not the time of the answer, ms.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// The product on the page.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub viewed: Option<String>,
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    pub basket: Vec<String>,
    /// What was done in the visit: product, kind and time, oldest first.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub session: Vec<(String, String, Option<i64>)>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub dial: Option<f32>,
}

/// One recommended item.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServedItem {
    #[serde(rename = "p")]
    pub product_id: String,
    /// Probability of the draw, for a sampled slot.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub propensity: Option<f64>,
    /// Why it was served, strongest first; none in logs of older servers and for candidates of a draw.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<ServedReason>,
}

/// One list of a response, best first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ServedList {
    /// Kind of list (`for-you`, `surprise`, …).
    #[serde(rename = "k")]
    pub kind: String,
    /// Items in the order shown.
    #[serde(rename = "i")]
    pub items: Vec<ServedItem>,
    /// The candidates of the draw with their propensities, where a slot was sampled.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<ServedItem>,
}

impl ServedList {
    /// Whether it is a list of surprises with anything in it.
    pub fn surprises(&self) -> bool {
        self.kind == ListKind::Surprise.as_str() && !self.items.is_empty()
    }
}

/// One answered request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServedRequest {
    /// The response's id.
    pub request_id: String,
    /// To whom; absent for a visitor nobody knows and for customers who do not allow personal answers.
    pub customer_id: Option<String>,
    /// Time, milliseconds since 1970-01-01 UTC.
    pub at: i64,
    /// Model that answered.
    pub model: String,
    /// Where on the page, if said.
    pub placement: Option<String>,
    /// What it was answered for.
    pub asked: Asked,
    /// The customer's arm when it was decided; `None` for nobody, and for what the holdout does not govern.
    pub arm: Option<Arm>,
    pub lists: Vec<ServedList>,
}

impl ServedRequest {
    /// Whether a surprise list with anything in it was served.
    pub fn surprises(&self) -> bool {
        self.lists.iter().any(ServedList::surprises)
    }

    /// Everything that the log holds of it, item by item, ranks from 1 in each list.
    pub fn in_full(&self) -> Vec<ServedInFull> {
        let items = self.lists.iter().flat_map(|list| &list.items);
        let asked = (self.asked != Asked::default()).then(|| self.asked.clone());
        let mut asked = asked.into_iter();
        self.rows()
            .into_iter()
            .zip(items)
            .map(|(row, item)| ServedInFull {
                row,
                reasons: item.reasons.clone(),
                asked: asked.next(),
            })
            .collect()
    }

    /// The request as rows of the `served` table, ranks from 1 in each list.
    pub fn rows(&self) -> Vec<Served> {
        let mut rows = Vec::new();
        for list in &self.lists {
            let candidates = (!list.candidates.is_empty()).then(|| {
                serde_json::Value::Array(
                    list.candidates
                        .iter()
                        .map(|c| serde_json::json!({"product_id": c.product_id, "propensity": c.propensity}))
                        .collect(),
                )
                .to_string()
            });
            for (rank, item) in list.items.iter().enumerate() {
                rows.push(Served {
                    request_id: self.request_id.clone(),
                    customer_id: self.customer_id.clone(),
                    at: Some(self.at),
                    model: Some(self.model.clone()),
                    list: Some(list.kind.clone()),
                    rank: Some(rank as u32 + 1),
                    product_id: Some(item.product_id.clone()),
                    propensity: item.propensity,
                    candidates: item.propensity.and(candidates.clone()),
                    arm: self.arm.map(|arm| arm.as_str().to_owned()),
                });
            }
        }
        rows
    }
}

/// One served item with everything that the log holds of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServedInFull {
    pub row: Served,
    /// Why it was served.
    pub reasons: Vec<ServedReason>,
    /// What its request was answered for: with the first item of a request, where there is anything to tell.
    pub asked: Option<Asked>,
}

/// A served request and whether anything came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServedOutcome {
    /// What was served.
    pub request: ServedRequest,
    /// Whether a touchpoint came back with its request id (an impression is one).
    pub reported: bool,
    /// Touchpoints of this customer that name the request: kind, product and time, oldest first.
    pub came_of_it: Vec<(String, Option<String>, i64)>,
}

impl ServedOutcome {
    /// Joins served requests (with whether anything was reported) to a person's touchpoints by request id.
    pub(crate) fn joined(
        requests: Vec<(ServedRequest, bool)>,
        touchpoints: &[Touchpoint],
    ) -> Vec<ServedOutcome> {
        let mut by_request: HashMap<&str, Vec<&Touchpoint>> = HashMap::new();
        for row in touchpoints {
            if let Some(id) = row.request_id.as_deref() {
                by_request.entry(id).or_default().push(row);
                if let Some((request, ..)) = parse_served_id(id) {
                    by_request.entry(request).or_default().push(row);
                }
            }
        }
        requests
            .into_iter()
            .map(|(request, reported)| {
                let rows = by_request.get(request.request_id.as_str());
                let mut came_of_it: Vec<_> = rows
                    .into_iter()
                    .flatten()
                    .map(|row| {
                        (
                            row.kind.clone(),
                            row.product_id.clone(),
                            row.at.unwrap_or(0),
                        )
                    })
                    .collect();
                came_of_it.sort_by_key(|(_, _, at)| *at);
                ServedOutcome {
                    reported: reported || !came_of_it.is_empty(),
                    request,
                    came_of_it,
                }
            })
            .collect()
    }
}

/// The opaque id of one served item: the request's id, the list's position and the rank from 1.
pub fn served_id(request_id: &str, list: usize, rank: usize) -> String {
    format!("{request_id}.{list}.{rank}")
}

/// Request id, list position and rank of a [`served_id`]; `None` if it is not one.
pub fn parse_served_id(id: &str) -> Option<(&str, usize, usize)> {
    let (rest, rank) = id.rsplit_once('.')?;
    let (request, list) = rest.rsplit_once('.')?;
    (!request.is_empty()).then_some(())?;
    Some((request, list.parse().ok()?, rank.parse().ok()?))
}

/// Where a touchpoint keeps the served id that came with it.
pub const SERVED_ID: &str = "served_id";

/// The served id that came with a touchpoint.
pub fn served_id_of(row: &serendib_shop::Touchpoint) -> Option<&str> {
    row.attributes.get(SERVED_ID)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_served_id_leads_back_to_its_slot() {
        assert_eq!(
            parse_served_id(&served_id("r.1-x", 2, 11)),
            Some(("r.1-x", 2, 11))
        );
        assert_eq!(parse_served_id("r.1"), None);
        assert_eq!(parse_served_id(".1.2"), None);
        assert_eq!(parse_served_id("r.one.2"), None);
    }

    #[test]
    fn candidates_stand_on_sampled_rows_only() {
        let item = |id: &str, propensity| ServedItem {
            product_id: id.into(),
            propensity,
            ..ServedItem::default()
        };
        let rows = ServedRequest {
            request_id: "r".into(),
            at: 5,
            lists: vec![ServedList {
                kind: "for-you".into(),
                items: vec![item("a", None), item("b", Some(0.25))],
                candidates: vec![item("b", Some(0.25)), item("c", Some(0.75))],
            }],
            ..ServedRequest::default()
        }
        .rows();
        assert_eq!(
            (rows[0].rank, rows[0].candidates.as_deref()),
            (Some(1), None)
        );
        assert!(rows[1].candidates.as_deref().unwrap().contains("\"c\""));
    }
}
