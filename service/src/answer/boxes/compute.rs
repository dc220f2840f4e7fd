//! What a pack computes, wherever its boxes come from and wherever they go: values, the search, and what is told of each
//! box. The server reads subscribers from its store, an offline pack from shop data.

use rayon::prelude::*;
use std::collections::HashMap;

use serendib_engine::boxes::{
    BoxRequest, Fault, Job, JobError, JobPacking, Lot, Options, Order, Progress, Rules, Shortfall,
};

use crate::answer::boxes::order::Bench;
use crate::answer::boxes::subscriber::Subscribers;
use crate::answer::boxes::BoxAsk;
use crate::answer::refusal::Refusal;
use crate::store::StoredBox;

/// Subscribers who are in memory at one time.
const CHUNK: usize = 256;

/// The boxes of a pack with their candidates.
#[derive(Debug, Default)]
pub struct Scored {
    pub orders: Vec<Order>,
    /// Of each box the exclusions that mean nothing in this shop.
    pub unknown_exclusions: Vec<Vec<String>>,
    /// The boxes that stay unpacked for that, by their number.
    pub held: HashMap<usize, Held>,
}

/// A box that stays unpacked, for a person to look at.
#[derive(Debug, Default)]
pub struct Held {
    regular: usize,
    surprise: usize,
    words: Vec<String>,
}

/// What is to be said of the exclusions among `unknown` for which the box of `ask` stays unpacked: those that mean nothing,
/// unless the caller passes them over, which nobody does with what may be an allergen. Contents that are settled stay.
pub(super) fn held_for(bench: Bench, ask: &BoxAsk, unknown: &[String]) -> Vec<String> {
    let passes_over = |name: &&String| {
        !ask.locked.is_empty() || (ask.lenient_exclusions && !bench.shelf.is_like_allergen(name))
    };
    let mut held: Vec<&String> = unknown.iter().filter(|name| !passes_over(name)).collect();
    held.sort_unstable();
    held.dedup();
    held.into_iter()
        .map(|name| bench.shelf.words_for(&bench.live.catalogue, name))
        .collect()
}

/// Gives every box its candidates. `go_on` is told how many boxes are done, and says whether anybody still waits.
///
/// # Errors
/// Subscribers cannot be read, or nobody waits.
pub fn score(
    bench: Bench,
    subscribers: &dyn Subscribers,
    asks: &[BoxAsk],
    go_on: &dyn Fn(usize) -> bool,
) -> Result<Scored, Refusal> {
    let mut scored = Scored::default();
    for chunk in asks.chunks(CHUNK) {
        if !go_on(scored.orders.len()) {
            return Err(Refusal::Cancelled("nobody waits for the pack any more"));
        }
        let read = subscribers.read(chunk, true)?;
        let boxes = chunk.par_iter().zip(&read);
        let made: Vec<_> = boxes
            .map(|(ask, of)| {
                let (order, unknown) = bench.order(ask, of);
                let words = held_for(bench, ask, &unknown);
                (order, unknown, words)
            })
            .collect();
        for (mut order, unknown, words) in made {
            if !words.is_empty() {
                let held = Held {
                    regular: order.request.regular,
                    surprise: order.request.surprise,
                    words,
                };
                order = unpacked(order);
                scored.held.insert(scored.orders.len(), held);
            }
            scored.orders.push(order);
            scored.unknown_exclusions.push(unknown);
        }
    }
    go_on(scored.orders.len());
    Ok(scored)
}

/// `order` of a box that gets nothing.
fn unpacked(order: Order) -> Order {
    Order {
        request: BoxRequest {
            id: order.request.id,
            locked: Some(Vec::new()),
            ..BoxRequest::default()
        },
        candidates: Vec::new(),
        ..order
    }
}

/// How a packing is searched for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// Seed of the surprises that are drawn at random.
    pub seed: u64,
    /// Prices by item of an earlier search.
    pub warm: Option<&'a [f64]>,
}

/// The packing of the boxes of `scored` from `lots`, and how many slots were open; the best so far once `stop` says so.
///
/// # Errors
/// A box or lot that contradicts the others.
pub fn search(
    bench: Bench,
    rules: &Rules,
    scored: &Scored,
    lots: Vec<Lot>,
    search: Search,
    stop: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<(JobPacking, u64), JobError> {
    let options = Options {
        seed: search.seed,
        random_one_in: bench.rules.random_one_in,
        near_equal: bench.rules.near_equal,
        warm: search.warm,
        ..Options::default()
    };
    let job = Job::new(bench.shelf.items(), rules, &scored.orders, lots)?;
    let mut packing = job.run(&options, stop, progress)?;
    let held = say_held(&mut packing, &scored.held);
    Ok((packing, job.problem().open_slots() + held))
}

/// Says in `packing` what the boxes that stay unpacked lack, and why; answers their slots.
fn say_held(packing: &mut JobPacking, held: &HashMap<usize, Held>) -> u64 {
    let mut slots = 0;
    for (number, held) in held {
        slots += (held.regular + held.surprise) as u64;
        packing.orders[*number].packed.shortfall = Some(Shortfall {
            regular: held.regular,
            surprise: held.surprise,
            fault: Fault::UnknownExclusion,
            pins: Vec::new(),
            removed: Vec::new(),
            below_floor: 0,
            words: held.words.clone(),
        });
    }
    if !held.is_empty() {
        let fault = (Fault::UnknownExclusion, held.len() as u64);
        packing.whole.faults.push(fault);
        packing.whole.empty_slots += slots;
    }
    slots
}

/// The boxes of `packing` as they are kept, with reasons in the language `locale`, else in each subscriber's; and whether
/// their customers may be named where that is not for the boxes' sake. `told` is told how many boxes are done.
///
/// # Errors
/// Subscribers cannot be read.
pub fn filled(
    bench: Bench,
    subscribers: &dyn Subscribers,
    asks: &[BoxAsk],
    packing: &JobPacking,
    lots: &[Lot],
    locale: Option<&str>,
    told: &dyn Fn(usize),
) -> Result<Vec<(StoredBox, bool)>, Refusal> {
    let mut boxes = Vec::with_capacity(asks.len());
    for (chunk, packed) in asks.chunks(CHUNK).zip(packing.orders.chunks(CHUNK)) {
        let read = subscribers.read(chunk, false)?;
        let together = chunk.par_iter().zip(&read).zip(packed);
        let made = together.map(|((ask, of), order)| {
            let labels: Vec<&str> = order.lots.iter().map(|lot| &*lots[*lot].label).collect();
            let stored = bench.stored(ask, of, &order.packed, &labels, locale);
            (
                stored,
                of.known && of.customer(bench.consents).allowed.personalise,
            )
        });
        boxes.extend(made.collect::<Vec<_>>());
        told(boxes.len());
    }
    Ok(boxes)
}
