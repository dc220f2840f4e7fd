//! The 360° card of a customer.

use std::collections::{BTreeMap, HashSet};

use chrono::Datelike;
use serendib_proto::v1;
use serendib_proto::v1::{GetCustomerRequest, GetCustomerResponse};
use serendib_shop::{Kind, Kinds, Touchpoint};
use tonic::Status;

use crate::answer::Answering;
use crate::clock::now_ms;
use crate::rpc::boxes::convert::box_to_proto;
use crate::rpc::customer::convert::customer_to_proto;
use crate::rpc::customer::effective;
use crate::rpc::customer::engagement;
use crate::rpc::fields::{bounded, id};
use crate::rpc::touchpoint::convert::touchpoint_to_proto;
use crate::store::{BoxQuery, LinkedIdentity, ServedOutcome};

/// Boxes on a card.
const BOXES: usize = 12;

pub(super) async fn get(
    answering: &Answering,
    request: &GetCustomerRequest,
    request_id: String,
) -> Result<GetCustomerResponse, Status> {
    let customer = id("customer_id", &request.customer_id)?;
    let touchpoints = bounded("touchpoints", request.touchpoints, 20, 1_000)? as usize;
    let recommendations = bounded("recommendations", request.recommendations, 5, 100)? as usize;
    let (store, config) = (&answering.keeping.store, &answering.keeping.config);
    let state = answering.known(&customer, None).await?;
    store.flush_served().await?;
    let served = store.served(customer.clone(), recommendations).await?;
    let boxes = BoxQuery::Customer(customer, BOXES);
    let boxes = store.boxes(boxes, now_ms()).await?;
    let view = answering.keeping.views.get();
    let secret = answering.spoilers.of(state.ids(), now_ms());
    let is_secret = |product: &str| secret.iter().any(|(id, _)| id == product);
    let rows = &state.touchpoints;
    let shown = engagement::show(answering, &view, &state, now_ms() + 1);
    let times = || rows.iter().filter_map(|row| row.at);
    let (life, occasions) = crate::rpc::customer::life::on_card(answering, &state);
    Ok(GetCustomerResponse {
        request_id,
        model_id: answering.keeping.model_id(),
        customer: Some(customer_to_proto(&state.profile)),
        identities: state
            .identities
            .iter()
            .cloned()
            .map(identity_to_proto)
            .collect(),
        effective_consents: Some(effective(&state.profile.consents, &config.consent)),
        touchpoints: state.total,
        channels: channels(rows, touchpoints),
        years: years(rows),
        open_complaints: open_complaints(rows, &shown.care.holds),
        recommendations: served
            .into_iter()
            .map(served_to_proto)
            .map(|mut summary| {
                // what was put into a box is told when it is opened
                summary
                    .items
                    .retain(|item| item.list != "box" || !is_secret(&item.product_id));
                summary
            })
            .collect(),
        boxes: boxes
            .into_iter()
            .map(|stored| box_to_proto(&stored, &view, true))
            .collect(),
        first_at_ms: times().min(),
        last_at_ms: times().max(),
        truncated: state.truncated(),
        life,
        occasions,
        engagement: shown.engagement,
        care: Some(shown.care),
        offers: Some(shown.offers),
    })
}

/// The message for a linked id.
pub(super) fn identity_to_proto(linked: LinkedIdentity) -> v1::LinkedIdentity {
    v1::LinkedIdentity {
        identity: linked.identity,
        linked_to: linked.linked_to,
        linked_at_ms: linked.linked_at,
    }
}

/// Contact by channel, most first; the newest `show` of all touchpoints stand with their channel.
fn channels(rows: &[Touchpoint], show: usize) -> Vec<v1::ChannelSummary> {
    let mut by_channel: BTreeMap<&str, v1::ChannelSummary> = BTreeMap::new();
    for (age, row) in rows.iter().rev().enumerate() {
        let name = row.channel.as_deref().unwrap_or_default();
        let summary = by_channel.entry(name).or_default();
        summary.touchpoints += 1;
        summary.last_at_ms = summary.last_at_ms.max(row.at);
        if age < show {
            summary.recent.push(touchpoint_to_proto(row));
        }
    }
    let mut channels: Vec<_> = by_channel
        .into_iter()
        .map(|(channel, summary)| v1::ChannelSummary {
            channel: channel.into(),
            ..summary
        })
        .collect();
    channels.sort_by_key(|summary| std::cmp::Reverse(summary.touchpoints));
    channels
}

/// Orders by year, newest first. Lines with one basket id make one order; others one for each day.
fn years(rows: &[Touchpoint]) -> Vec<v1::YearSummary> {
    let mut years: BTreeMap<i32, v1::YearSummary> = BTreeMap::new();
    let mut orders: HashSet<(i32, &str, i64)> = HashSet::new();
    for row in rows {
        let Some(kind) = Kinds::known_by_name(&row.kind) else {
            continue;
        };
        let kind = row.kind_as_booked(kind);
        let bought = matches!(kind, Kind::PURCHASE | Kind::BOX_KEPT);
        if !bought && !kind.takes_back() {
            continue;
        }
        let day = row.at.and_then(chrono::DateTime::from_timestamp_millis);
        let year = day.map_or(0, |at| at.year());
        let summary = years.entry(year).or_default();
        let value = row.value.unwrap_or(0.0).abs();
        if !bought {
            summary.returned += value;
            continue;
        }
        let order = match row.basket_id.as_deref() {
            Some(basket) => (0, basket, 0),
            None => (year, "", day.map_or(0, |at| i64::from(at.ordinal()))),
        };
        if orders.insert(order) {
            summary.orders += 1;
        }
        summary.packs += row.quantity;
        summary.value += value;
    }
    years
        .into_iter()
        .rev()
        .map(|(year, summary)| v1::YearSummary { year, ..summary })
        .collect()
}

/// Complaints that no `complaint_resolved` after them ends: one about the same product ends those about it, one about
/// no product ends all. Only those that care still counts, as `holds` say: after some days none is open.
fn open_complaints(rows: &[Touchpoint], holds: &[v1::CareHold]) -> Vec<v1::OpenComplaint> {
    let mut open: Vec<&Touchpoint> = Vec::new();
    for row in rows {
        match Kinds::known_by_name(&row.kind) {
            Some(Kind::COMPLAINT) => open.push(row),
            Some(Kind::COMPLAINT_RESOLVED) => {
                open.retain(|c| row.product_id.is_some() && c.product_id != row.product_id);
            }
            _ => {}
        }
    }
    let counts = |at: i64| {
        let is_it = |hold: &v1::CareHold| hold.reason == "open_complaint" && hold.at_ms == at;
        holds.iter().any(is_it)
    };
    open.into_iter()
        .filter(|row| counts(row.at.unwrap_or(0)))
        .map(|row| v1::OpenComplaint {
            at_ms: row.at,
            product_id: row.product_id.clone(),
            channel: row.channel.clone().unwrap_or_default(),
        })
        .collect()
}

fn served_to_proto(outcome: ServedOutcome) -> v1::ServedSummary {
    let request = outcome.request;
    let came_of_it = |product: &str| -> Vec<String> {
        outcome
            .came_of_it
            .iter()
            .filter(|(_, about, _)| about.as_deref() == Some(product))
            .map(|(kind, _, _)| kind.clone())
            .collect()
    };
    let items = request
        .lists
        .iter()
        .flat_map(|list| {
            list.items
                .iter()
                .enumerate()
                .map(|(place, item)| v1::ServedItem {
                    list: list.kind.clone(),
                    rank: place as u32 + 1,
                    came_of_it: came_of_it(&item.product_id),
                    product_id: item.product_id.clone(),
                })
        })
        .collect();
    v1::ServedSummary {
        items,
        request_id: request.request_id,
        at_ms: request.at,
        model_id: request.model,
        placement: request.placement.unwrap_or_default(),
        reported: outcome.reported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(kind: &str, product: Option<&str>, at: i64) -> Touchpoint {
        Touchpoint {
            product_id: product.map(Into::into),
            at: Some(at),
            ..Touchpoint::new("ada", kind)
        }
    }

    #[test]
    fn a_complaint_is_open_until_its_end() {
        let hold = |at_ms| v1::CareHold {
            reason: "open_complaint".into(),
            at_ms,
            ..v1::CareHold::default()
        };
        let holds = [hold(2), hold(3)];
        let mut rows = vec![
            touch("complaint_resolved", None, 1),
            touch("complaint", Some("p"), 2),
            touch("complaint", None, 3),
            touch("complaint_resolved", Some("p"), 4),
        ];
        assert_eq!(open_complaints(&rows, &holds).len(), 1);
        assert_eq!(open_complaints(&rows, &holds)[0].at_ms, Some(3));
        // too long ago for care
        assert!(open_complaints(&rows, &holds[..1]).is_empty());
        rows.push(touch("complaint_resolved", None, 5));
        assert!(open_complaints(&rows, &holds).is_empty());
    }

    #[test]
    fn a_year_counts_orders_by_basket_else_by_day() {
        const DAY: i64 = 86_400_000;
        let mut rows = vec![
            touch("purchase", Some("a"), 0),
            touch("purchase", Some("b"), 1_000),
            touch("purchase", Some("c"), DAY),
            touch("return", Some("a"), 2 * DAY),
            touch("purchase", Some("d"), 400 * DAY),
            touch("view", Some("e"), 401 * DAY),
        ];
        rows[0].value = Some(5.0);
        rows[3].value = Some(-5.0);
        rows[4].basket_id = Some("x".into());
        let years = years(&rows);
        let short: Vec<_> = years
            .iter()
            .map(|y| (y.year, y.orders, y.value, y.returned))
            .collect();
        assert_eq!(short, [(1971, 1, 0.0, 0.0), (1970, 2, 5.0, 5.0)]);
    }

    #[test]
    fn channels_show_the_newest() {
        let mut rows: Vec<_> = (0..5).map(|at| touch("view", None, at)).collect();
        rows[4].channel = Some("app".into());
        let channels = channels(&rows, 2);
        assert_eq!(channels[0].touchpoints, 4);
        assert_eq!(channels[0].recent.len(), 1);
        assert_eq!(
            (channels[1].channel.as_str(), channels[1].last_at_ms),
            ("app", Some(4))
        );
    }
}
