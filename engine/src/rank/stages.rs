//! The stages that a list is made of.

use super::{Filter, Item, ListKind, Note, Query, Removed};
use serendib_shop::ProductIx;

/// Proposes candidates for a list.
pub trait Source: Sync {
    /// Name in marks and metrics.
    fn name(&self) -> &'static str;

    /// Whether it applies to this query; a source that does not is not marked as skipped.
    fn enabled(&self, _query: &Query) -> bool {
        true
    }

    /// Proposals with scores, any order; `Err` says why it was skipped.
    fn propose(&self, query: &Query) -> Result<Vec<(ProductIx, f32)>, &'static str>;
}

/// Fills in numbers of candidates; it neither drops nor reorders.
pub trait Scorer: Sync {
    /// Name in metrics.
    fn name(&self) -> &'static str;

    /// Whether it applies to this query.
    fn enabled(&self, _query: &Query) -> bool {
        true
    }

    /// Sets numbers and reasons of each candidate.
    fn score(&self, query: &Query, candidates: &mut [Item]);
}

/// What an [`Arranger`] made of the candidates: chosen and removed together are all of them.
#[derive(Debug, Default)]
pub struct Arranged {
    /// The list, best first, at most as long as asked for.
    pub chosen: Vec<Item>,
    /// The others, with the rule that left each out.
    pub removed: Vec<Removed>,
    /// What the caller should know.
    pub notes: Vec<Note>,
    /// What the drawn slot was drawn from, with the probability of each; they sum to 1. Empty where nothing was drawn.
    pub draw: Vec<(ProductIx, f64)>,
}

/// Cuts and orders the scored candidates into a list.
pub trait Arranger: Sync {
    /// Chooses at most `slots` of `candidates` to follow the `pins`; every candidate comes out once.
    fn arrange(
        &self,
        query: &Query,
        candidates: Vec<Item>,
        pins: &[ProductIx],
        slots: usize,
    ) -> Arranged;
}

/// The stages of one kind of list.
pub struct Plan {
    /// What the list is for.
    pub kind: ListKind,
    /// Whether the list is worth less without a customer or session.
    pub needs_customer: bool,
    /// Sources, in order.
    pub sources: Vec<&'static dyn Source>,
    /// Filters beyond eligibility, in order.
    pub filters: Vec<&'static dyn Filter>,
    /// Scorers, in order; the last word on `score` is the last scorer's.
    pub scorers: Vec<&'static dyn Scorer>,
    /// Whether the scorers tell relevance of every candidate; otherwise it is told of what is shown.
    pub tells_relevance: bool,
    /// Cuts and orders.
    pub arranger: &'static dyn Arranger,
    /// What the caller should know whatever comes out.
    pub notes: Vec<Note>,
}
