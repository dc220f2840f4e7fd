//! Care, fatigue and the budget of offers in lists.

use std::sync::Arc;

use super::*;
use crate::bundle::Manifest;
use crate::engagement::HandOver;
use crate::model::Model;
use crate::represent::Representation;
use serendib_shop::{Catalogue, Encoder, Kind, Product, ProductIx, Touch, DAY_MS, NO_PRODUCT};

const NOW: i64 = 20_000 * DAY_MS;

/// Eight products in two categories, in order of popularity and of price; number 3 is out of stock.
fn model() -> Model {
    let mut products: Vec<Product> = (0..8)
        .map(|ix| Product {
            category: Some(if ix < 4 { "a" } else { "b" }.into()),
            price: Some(10.0 + 5.0 * f64::from(ix)),
            ..Product::bare(format!("p{ix}"))
        })
        .collect();
    products[3].stock = Some(0);
    let buyers = (0..8).map(|ix| 100.0 - ix as f32).collect();
    Model::new(
        Manifest::default(),
        Arc::new(Catalogue::new(products).unwrap()),
        Encoder::default(),
        Representation::of_popularity(buyers),
    )
}

fn touch(kind: Kind, product: u32, days: i64) -> Touch {
    Touch::new(kind, ProductIx(product), NOW - days * DAY_MS)
}

fn ask(history: &[Touch], request: &Request) -> Answer {
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let customer = CustomerState {
        history,
        ..CustomerState::NOBODY
    };
    recommend(&model, &live, customer, request, &|| false).unwrap()
}

fn products(answer: &Answer) -> Vec<u32> {
    answer.lists[0].items.iter().map(|i| i.product.0).collect()
}

#[test]
fn an_open_complaint_withholds_surprises_pins_and_outreach_and_nothing_else() {
    let mut history = vec![touch(Kind::COMPLAINT, NO_PRODUCT.0, 3)];
    let surprise = Request::one(ListKind::Surprise, 3, NOW);
    let answer = ask(&history, &surprise);
    assert!(products(&answer).is_empty() && answer.hand_over.is_none());
    assert_eq!(answer.lists[0].notes, [Note::OpenComplaint]);

    let mut plain = Request::one(ListKind::ForYou, 3, NOW);
    plain.lists[0].pins = vec![ProductIx(7)];
    let answer = ask(&history, &plain);
    assert_eq!(products(&answer), [0, 1, 2], "the pin lost its place");
    assert!(answer.lists[0].notes.contains(&Note::OpenComplaint));
    let sent = Request {
        outreach: true,
        ..plain.clone()
    };
    assert!(products(&ask(&history, &sent)).is_empty());

    let mut patient = plain.clone();
    patient.contact.care.complaint_days = 2.0;
    assert_eq!(products(&ask(&history, &patient))[0], 7, "long enough ago");
    history.push(touch(Kind::COMPLAINT_RESOLVED, NO_PRODUCT.0, 1));
    assert_eq!(products(&ask(&history, &plain))[0], 7);
    let notes = &ask(&history, &surprise).lists[0].notes;
    assert!(!notes.contains(&Note::OpenComplaint));
}

#[test]
fn who_thinks_of_leaving_gets_a_person_and_no_offers_whatever_they_allow() {
    let history = [touch(Kind::CANCEL_INTENT, NO_PRODUCT.0, 1)];
    for kind in ListKind::ALL {
        let mut request = Request::one(kind, 3, NOW);
        request.lists[0].pins = vec![ProductIx(7)];
        let answer = ask(&history, &request);
        assert!(products(&answer).is_empty(), "{kind:?}");
        assert_eq!(answer.lists[0].notes, [Note::CancelIntent]);
        assert_eq!(answer.hand_over, Some(HandOver::Person));
    }
    let model = model();
    let live = Live::of_catalogue(model.catalogue.clone());
    let customer = CustomerState {
        history: &history,
        facts: &[],
        allowed: Allowed {
            personalise: false,
            infer_life_stage: false,
            ..Allowed::ALL
        },
    };
    let request = Request::one(ListKind::Popular, 3, NOW);
    let answer = recommend(&model, &live, customer, &request, &|| false).unwrap();
    assert_eq!(answer.hand_over, Some(HandOver::Person));
    let before = Request::one(ListKind::Popular, 3, NOW - 2 * DAY_MS);
    assert!(ask(&history, &before).hand_over.is_none(), "not yet");
}

#[test]
fn what_was_shown_often_sinks_by_as_much_as_configured() {
    let mut history: Vec<Touch> = (0..12).map(|_| touch(Kind::IMPRESSION, 0, 0)).collect();
    history.iter_mut().for_each(|t| t.at -= 1);
    let mut request = Request::one(ListKind::Popular, 7, NOW);
    let sunk = products(&ask(&history, &request));
    assert_eq!(sunk[0], 1);
    assert!(sunk.iter().position(|p| *p == 0).unwrap() > 3);
    request.contact.fatigue.share = 0.0;
    assert_eq!(products(&ask(&history, &request))[0], 0);
    request.contact.fatigue.share = 0.15;
    history.push(Touch {
        at: NOW - 1,
        ..touch(Kind::VIEW, 0, 0)
    });
    assert_eq!(products(&ask(&history, &request))[0], 0, "it was answered");
}

#[test]
fn offers_are_sent_in_proportion_to_what_was_given() {
    let mut history: Vec<Touch> = (1..6)
        .rev()
        .map(|day| touch(Kind::EMAIL_SENT, NO_PRODUCT.0, day))
        .collect();
    let mut request = Request::one(ListKind::Popular, 3, NOW);
    assert_eq!(products(&ask(&history, &request)).len(), 3);
    request.outreach = true;
    let answer = ask(&history, &request);
    assert_eq!(answer.lists[0].notes, [Note::OfferBudget]);
    history.push(touch(Kind::ADVICE, NO_PRODUCT.0, 0));
    history.push(touch(Kind::EVENT_ATTENDED, NO_PRODUCT.0, 0));
    history.iter_mut().for_each(|t| t.at -= 1);
    assert_eq!(products(&ask(&history, &request)).len(), 3);
    request.contact.pressure.per_value_contact = 0.0;
    assert!(products(&ask(&history, &request)).is_empty());
}

#[test]
fn an_enquiry_brings_the_substitute_and_a_visit_the_step_up() {
    let request = Request::one(ListKind::ForYou, 3, NOW);
    let asked = [touch(Kind::STOCK_ENQUIRY, 3, 1)];
    let answer = ask(&asked, &request);
    let first = &answer.lists[0].items[0];
    assert!(
        first.product < ProductIx(3),
        "in stock, of the same category"
    );
    assert_eq!(
        (first.reasons[0].code, first.reasons[0].product),
        (ReasonCode::InsteadOf, Some(ProductIx(3)))
    );
    let available = ask(&[touch(Kind::STOCK_ENQUIRY, 6, 1)], &request);
    assert_eq!(
        available.lists[0].items[0].reasons[0].code,
        ReasonCode::AvailableAgain
    );
    for kind in [Kind::TECHNICIAN_VISIT, Kind::ADVICE] {
        let answer = ask(&[touch(kind, 5, 1)], &request);
        let first = &answer.lists[0].items[0];
        assert!([6, 7].contains(&first.product.0), "dearer, same category");
        assert_eq!(
            (first.reasons[0].code, first.reasons[0].product),
            (ReasonCode::Upgrade, Some(ProductIx(5)))
        );
        let sum: f32 = first.reasons.iter().map(|r| r.contribution).sum();
        assert!(sum <= first.score + 1e-5);
    }
}
