//! Care and fatigue in lists: what is withheld, what comes first, and what sinks.
//!
//! Care does not ask for consent to personal answers: that somebody complained or wants to leave is answered, not
//! profiled. What comes first and what sinks is personal, and needs it.

use super::replacements::{alike, replacements};
use super::{Allowed, Context, ListKind, Live, Note, ReasonCode, Request};
use crate::engagement::{CareReason, ContactState, HandOver};
use crate::model::Model;
use crate::surprise::hurt;
use serendib_shop::{ProductIx, Touch};
use std::collections::HashSet;
use std::sync::LazyLock;

/// Products at hand (a visit, advice, an enquiry) that are looked at, latest first.
const AT_HAND: usize = 3;
/// Favoured products of one kind for each of them.
const PER_PRODUCT: usize = 5;
/// An upgrade costs at least so many times the product at hand.
const UPGRADE_FROM: f64 = 1.1;
/// An upgrade costs at most so many times the product at hand.
const UPGRADE_TO: f64 = 4.0;

/// What the contacts of a customer ask of the lists of one request.
#[derive(Debug, Default)]
pub struct Contact {
    pub(crate) state: ContactState,
    /// Whether the customer was disappointed within the model's pause.
    hurt: bool,
    /// Whether the shop may not reach out to them.
    refuses_contact: bool,
    pub(crate) favoured: Vec<Favoured>,
    /// The products of `favoured`.
    pub(crate) products: HashSet<ProductIx>,
}

/// A product that comes first, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Favoured {
    pub(crate) product: ProductIx,
    pub(crate) code: ReasonCode,
    pub(crate) about: ProductIx,
}

static NONE: LazyLock<Contact> = LazyLock::new(Contact::default);

impl Contact {
    /// Of somebody without contacts.
    pub(crate) fn none() -> &'static Contact {
        &NONE
    }

    /// Of all of a `history` that is before `request`; as far as the customer allows.
    pub(crate) fn of(
        model: &Model,
        live: &Live,
        history: &[Touch],
        allowed: Allowed,
        request: &Request,
    ) -> Contact {
        let mut state =
            ContactState::of(history, request.now, &request.contact, &model.encoder.kinds);
        let pause = model.surprises.as_ref().map(|s| s.settings.pause_days);
        let said = request.context.let_down_at;
        let hurt = pause.is_some_and(|days| hurt(history, request.now, days, said));
        let mut favoured = Vec::new();
        if allowed.personalise {
            favoured = find_favoured(model, live, &state, request);
        } else {
            state.fatigue.clear();
        }
        Contact {
            products: favoured.iter().map(|f| f.product).collect(),
            state,
            hurt,
            refuses_contact: !allowed.contact,
            favoured,
        }
    }

    /// Who should take over from the shop's lists.
    pub(crate) fn hand_over(&self) -> Option<HandOver> {
        self.state.care.hand_over
    }

    /// Why no list of `kind` is made; `None` = it is.
    pub(crate) fn withholds(&self, kind: ListKind, request: &Request) -> Option<Note> {
        let care = &self.state.care;
        if request.outreach && self.refuses_contact {
            return Some(Note::NoContact);
        }
        if care.no_offers {
            return Some(Note::CancelIntent);
        }
        let why = || {
            if care.holds(CareReason::OpenComplaint) {
                Note::OpenComplaint
            } else {
                Note::ComplaintJustResolved
            }
        };
        if kind == ListKind::Surprise && care.pause_surprises {
            return Some(why());
        }
        if kind == ListKind::Surprise && self.hurt {
            return Some(Note::AfterDisappointment);
        }
        if request.outreach && care.pause_promotions {
            return Some(why());
        }
        (request.outreach && self.state.pressure.exhausted).then_some(Note::OfferBudget)
    }

    /// Whether something comes first in a list of `kind`; not where the page or the basket already says what it is about.
    pub(crate) fn favours(&self, context: &Context, kind: ListKind) -> bool {
        let open = context.viewed.is_none() && context.basket.is_empty();
        // advice and enquiries were about the customer, not about who gets a present
        let own = context.occasion.is_none();
        own && !self.favoured.is_empty() && (open || kind != ListKind::GoesWith)
    }

    /// Why the shop's pins lose their places; `None` = they keep them.
    pub(crate) fn unpins(&self) -> Option<Note> {
        self.state
            .care
            .pause_promotions
            .then_some(Note::OpenComplaint)
    }
}

/// What comes first, in order: substitutes of what was asked for in vain, then upgrades and complements of what a visit or
/// advice was about, in turns. Only what is on sale.
fn find_favoured(
    model: &Model,
    live: &Live,
    state: &ContactState,
    request: &Request,
) -> Vec<Favoured> {
    let now = request.now;
    let sells = |product: ProductIx| live.sells(product, now);
    let mut out: Vec<Favoured> = Vec::new();
    let care = &state.care;
    for &about in care.favour_substitute_of.iter().take(AT_HAND) {
        let mut add = |product, code| {
            out.push(Favoured {
                product,
                code,
                about,
            })
        };
        if sells(about) {
            add(about, ReasonCode::AvailableAgain);
            continue;
        }
        let mut instead: Vec<ProductIx> = replacements(model, live, about, now)
            .into_iter()
            .map(|(product, _)| product)
            .collect();
        if instead.is_empty() {
            instead = alike(model, live, about, &|product| live.sells(product, now));
        }
        for product in instead.into_iter().take(PER_PRODUCT) {
            add(product, ReasonCode::InsteadOf);
        }
    }
    for &about in care.favour_beside.iter().take(AT_HAND) {
        let mut upgrades = upgrades(model, live, about, now).into_iter();
        let complements: Vec<ProductIx> = model
            .complements
            .as_ref()
            .map_or(Vec::new(), |c| {
                c.goes_with(&[(about, 0.0)], PER_PRODUCT, &sells)
            })
            .into_iter()
            .map(|(product, ..)| product)
            .collect();
        let mut complements = complements.into_iter();
        for _ in 0..PER_PRODUCT {
            let pair = [
                (complements.next(), ReasonCode::GoesWith),
                (upgrades.next(), ReasonCode::Upgrade),
            ];
            for (product, code) in pair {
                out.extend(product.map(|product| Favoured {
                    product,
                    code,
                    about,
                }));
            }
        }
    }
    let mut known = HashSet::new();
    out.retain(|f| known.insert(f.product));
    out
}

/// Products that are a step up from `about`: like it or in its place, and dearer within reason; most alike first.
fn upgrades(model: &Model, live: &Live, about: ProductIx, now: i64) -> Vec<ProductIx> {
    let price = |product: ProductIx| live.catalogue.product(product).price;
    let Some(base) = price(about).filter(|price| *price > 0.0) else {
        return Vec::new();
    };
    let substitutes = model
        .complements
        .as_ref()
        .map_or(Vec::new(), |c| c.substitutes(about));
    let mut out: Vec<ProductIx> = substitutes
        .into_iter()
        .map(|(product, _)| product)
        .filter(|product| live.sells(*product, now))
        .collect();
    out.extend(alike(model, live, about, &|product| {
        live.sells(product, now)
    }));
    let mut known = HashSet::new();
    out.retain(|product| {
        let dearer =
            price(*product).is_some_and(|p| p >= UPGRADE_FROM * base && p <= UPGRADE_TO * base);
        dearer && known.insert(*product)
    });
    out.truncate(PER_PRODUCT);
    out
}
