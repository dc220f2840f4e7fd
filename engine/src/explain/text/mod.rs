//! What an answer says in words. A language is one file ([`en`], [`he`]) that holds all its sentences.
//!
//! Titles are put between Unicode isolates (U+2068, U+2069), so that an English title inside a Hebrew sentence, or the other way
//! round, cannot reorder the words around it.

use chrono::{DateTime, Datelike};

use self::isolate::isolated;
use super::counterfactual::Counterfactual;
use super::{Discretion, Sensitivity};
use crate::life::{title_in, LifeModel, LifeState};
use crate::rank::{ListKind, Note, Reason};
use serendib_shop::{Catalogue, ProductIx};

mod en;
mod he;
mod isolate;
#[cfg(test)]
mod tests;

/// A language that reasons are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Hebrew,
}

impl Language {
    /// Of a BCP 47 tag: Hebrew for `he` and the old `iw`, English for anything else or nothing.
    pub fn of(locale: Option<&str>) -> Language {
        let primary = locale
            .and_then(|tag| tag.split(['-', '_']).next())
            .unwrap_or("");
        if primary.eq_ignore_ascii_case("he") || primary.eq_ignore_ascii_case("iw") {
            Language::Hebrew
        } else {
            Language::English
        }
    }

    /// All there are.
    pub const ALL: [Language; 2] = [Language::English, Language::Hebrew];

    /// Whether there are sentences in the language of the BCP 47 tag `locale`.
    pub fn is_spoken(locale: &str) -> bool {
        let primary = locale.split(['-', '_']).next().unwrap_or("");
        Language::of(Some(locale)) != Language::English || primary.eq_ignore_ascii_case("en")
    }

    /// Its BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Hebrew => "he",
        }
    }
}

/// A life situation that may be named.
struct Situation<'a> {
    /// The child's, pet's or trip's own name, where one was declared.
    name: Option<&'a str>,
    /// What its clock type is called.
    title: &'a str,
    /// What its present stage is called, where that is more likely than not.
    stage: Option<&'a str>,
}

/// The end of a sentence that says what something is timely for.
///
/// The supplied types have phrases; a shop's own is called by its title.
fn occasion(reason: &Reason, language: Language) -> Option<String> {
    let clock = reason.clock.as_deref()?;
    let phrase = match language {
        Language::English => en::occasion(clock),
        Language::Hebrew => he::occasion(clock),
    };
    if let Some(phrase) = phrase {
        return Some(phrase.to_owned());
    }
    let title = title_in(&reason.clock_title, language.tag(), "");
    (!title.is_empty()).then(|| format!(": {}", isolated(title)))
}

/// The sentence of `reason` in `language`.
///
/// A product that is too sensitive to be named is left out: the sentence then says the same without it.
///
/// ```
/// use serendib_engine::explain::{sentence, Language, Sensitivity};
/// use serendib_engine::rank::{Reason, ReasonCode};
/// use serendib_shop::{Catalogue, Product, ProductIx};
///
/// let pot = Product { title: Some("Tea pot".into()), ..Product::bare("p1") };
/// let catalogue = Catalogue::new(vec![pot]).unwrap();
/// let reason = Reason::about(ReasonCode::GoesWith, ProductIx(0), 0.4);
/// let text = sentence(&reason, &catalogue, Language::English, &Sensitivity::default());
/// assert_eq!(text, "Goes with \u{2068}Tea pot\u{2069}");
/// ```
pub fn sentence(
    reason: &Reason,
    catalogue: &Catalogue,
    language: Language,
    sensitivity: &Sensitivity,
) -> String {
    let named = |product: ProductIx| {
        (product.index() < catalogue.len() && !sensitivity.hides(catalogue, product))
            .then(|| isolated(catalogue.product(product).label()))
    };
    let product = reason.product.and_then(named);
    let occasion = occasion(reason, language);
    match language {
        Language::English => en::reason(reason.code, product.as_deref(), occasion.as_deref()),
        Language::Hebrew => he::reason(reason.code, product.as_deref(), occasion.as_deref()),
    }
}

/// The sentence behind a need: it names `clock`, number of one of `state`, and its stage where `discretion` allows it, and
/// is neutral without one.
///
/// Hebrew for Hebrew locales, English for all others; titles of clocks and stages in the language of `locale` itself.
pub fn need_sentence(
    discretion: &Discretion,
    model: &LifeModel,
    state: &LifeState,
    clock: Option<usize>,
    locale: &str,
) -> String {
    let named = clock.filter(|&ix| discretion.may_name(model, state, ix));
    let situation = named.map(|ix| {
        let posterior = &state.clocks[ix];
        let kind = &model.clocks[posterior.clock].kind;
        let stage = model
            .stage_at(posterior, state.now_day())
            .filter(|(_, p)| *p >= 0.5)
            .map(|(s, _)| title_in(&kind.stages[s].title, locale, &kind.stages[s].name));
        Situation {
            name: posterior.name.as_deref(),
            title: title_in(&kind.title, locale, &kind.name),
            stage,
        }
    });
    match Language::of(Some(locale)) {
        Language::English => en::need(situation.as_ref()),
        Language::Hebrew => he::need(situation.as_ref()),
    }
}

/// `found` as a sentence for readers at `now` (ms). It names the product: whether that may be named is up to the caller (see
/// [`Sensitivity`]).
pub fn counterfactual_sentence(
    found: &Counterfactual,
    catalogue: &Catalogue,
    language: Language,
    now: i64,
) -> String {
    let product = if found.without.index() < catalogue.len() {
        isolated(catalogue.product(found.without).label())
    } else {
        String::new()
    };
    let when = found.touched_at.and_then(|at| month(at, now, language));
    match language {
        Language::English => en::counterfactual(found, &product, when.as_deref()),
        Language::Hebrew => he::counterfactual(found, &product, when.as_deref()),
    }
}

/// What `note` of a list of `kind` means, in English: operators read it, not customers.
pub fn note_text(note: &Note, kind: ListKind) -> String {
    en::note(note, kind)
}

/// The month of `at`, with its year where that is not the year of `now`.
fn month(at: i64, now: i64, language: Language) -> Option<String> {
    let names = match language {
        Language::English => &en::MONTHS,
        Language::Hebrew => &he::MONTHS,
    };
    let date = DateTime::from_timestamp_millis(at)?;
    let name = names[date.month0() as usize];
    let this_year = DateTime::from_timestamp_millis(now).map(|now| now.year());
    Some(if this_year == Some(date.year()) {
        name.to_owned()
    } else {
        format!("{name} {}", date.year())
    })
}
