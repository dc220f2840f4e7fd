//! Fitting and judging what comes next in life: clocks, buying again and the next basket.

pub mod calibrate;
pub mod density;
pub mod existence;
pub mod fit;
mod from_words;
pub mod gate;
pub mod ties;

pub use from_words::from_words;
use serde_json::Value;
use serendib_engine::life::{ClockError, ClockType, Life, LifeModel};
use serendib_engine::model::Model;
use serendib_shop::{
    baskets, Basket, Catalogue, Consents, Customer, CustomerIx, Fact, Kind, Purpose, Touch,
};

use crate::learn::buy_again;

/// Neighbours tried in the next basket.
pub const NEIGHBOURS: usize = 300;

/// What the parts are fitted from.
pub struct Sources<'a> {
    pub catalogue: &'a Catalogue,
    /// Each customer's touches in order of time, without postage and pooled orders.
    pub histories: Vec<&'a [Touch]>,
    /// Rows of the `customers` table by customer number; may be shorter than `histories`.
    pub profiles: &'a [Option<Customer>],
    /// What holds for customers who said nothing.
    pub default_consents: Consents,
    /// Whether touches have times.
    pub timed: bool,
    /// First moment after the last touch, milliseconds.
    pub until: i64,
    /// Clock types of the `shop` document.
    pub clock_types: Option<&'a Value>,
}

impl Sources<'_> {
    /// What customer number `customer` declared.
    pub fn facts(&self, customer: CustomerIx) -> &[Fact] {
        self.profile(customer).map_or(&[], |p| &p.facts)
    }

    fn profile(&self, customer: CustomerIx) -> Option<&Customer> {
        self.profiles.get(customer.index()).and_then(Option::as_ref)
    }

    /// Whether customer number `customer` allows `purpose`.
    pub fn allows(&self, customer: CustomerIx, purpose: Purpose) -> bool {
        let said = self.profile(customer).map(|p| p.consents);
        said.unwrap_or_default()
            .allows(purpose, &self.default_consents)
    }

    /// Rows for the life model: customers who allow training.
    pub fn rows(&self) -> Vec<fit::LifeRow<'_>> {
        CustomerIx::all(self.histories.len())
            .filter(|&c| self.allows(c, Purpose::Train))
            .map(|c| fit::LifeRow {
                history: self.histories[c.index()],
                facts: self.facts(c),
                infer: self.allows(c, Purpose::InferLifeStage),
            })
            .collect()
    }

    /// Every training customer's baskets; empty for a shop that does not sell in baskets (ratings, check-ins).
    pub fn baskets(&self) -> Vec<Vec<Basket>> {
        let (mut lines, mut orders, mut bought, mut all) = (0usize, 0usize, 0usize, 0usize);
        let lists: Vec<Vec<Basket>> = CustomerIx::all(self.histories.len())
            .filter(|&c| self.allows(c, Purpose::Train))
            .map(|c| {
                let history = self.histories[c.index()];
                all += history.iter().filter(|t| t.kind.acquires()).count();
                bought += history.iter().filter(|t| t.kind == Kind::PURCHASE).count();
                let list = baskets(history, self.timed);
                orders += list.len();
                lines += list.iter().map(|b| b.lines.len()).sum::<usize>();
                list
            })
            .collect();
        let sells_baskets = 2 * bought >= all && lines as f64 >= 1.05 * orders as f64;
        if sells_baskets {
            lists
        } else {
            Vec::new()
        }
    }

    /// Fits the life model; `None` in a shop without times.
    ///
    /// # Errors
    /// Clock types of the shop that are out of range.
    pub fn life(&self, settings: &fit::LifeSettings) -> Result<Option<LifeModel>, ClockError> {
        let clocks = ClockType::with_shop(self.clock_types)?;
        if !self.timed {
            return Ok(None);
        }
        Ok(fit::fit(
            &self.rows(),
            self.catalogue,
            clocks,
            self.until,
            settings,
        ))
    }
}

/// Fits the life model, buying again and the next basket into `model`; each is left out where there is nothing to learn.
///
/// # Errors
/// Clock types of the shop that are out of range.
pub fn fit_into(
    sources: &Sources,
    model: &mut Model,
    seed: u64,
    say: &dyn Fn(&str),
) -> Result<(), ClockError> {
    say("fitting life situations");
    model.life = sources
        .life(&fit::LifeSettings::default())?
        .map(|life| Life::new(life, &model.catalogue));
    if sources.timed {
        say("fitting buying again");
        let histories: Vec<&[Touch]> = CustomerIx::all(sources.histories.len())
            .filter(|&c| sources.allows(c, Purpose::Train))
            .map(|c| sources.histories[c.index()])
            .collect();
        let replaces = |a, b| model.replaces(a, b);
        let (catalogue, until) = (sources.catalogue, sources.until);
        let fitted = buy_again::fit(&histories, catalogue, until, &replaces, seed);
        if let Some((buy_again, verdict)) = fitted {
            say(&verdict.to_string());
            verdict.keep(&mut model.manifest);
            model.buy_again = Some(buy_again);
        }
    }
    say("choosing settings of the next basket");
    model.next_basket =
        crate::learn::next_basket::fit(&sources.baskets(), sources.catalogue.len(), NEIGHBOURS);
    if let Some(next) = &model.next_basket {
        record(
            model_settings(&mut model.manifest.settings),
            "next_basket",
            &next.settings,
        );
    }
    if model.life.is_some() {
        let settings = fit::LifeSettings::default();
        record(
            model_settings(&mut model.manifest.settings),
            "life",
            &settings,
        );
    }
    Ok(())
}

fn model_settings(settings: &mut Value) -> &mut Value {
    if !settings.is_object() {
        *settings = Value::Object(serde_json::Map::new());
    }
    settings
}

fn record(settings: &mut Value, name: &str, value: &impl serde::Serialize) {
    if let (Some(object), Ok(value)) = (settings.as_object_mut(), serde_json::to_value(value)) {
        object.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_inferred_who_refused_or_for_whom_the_shop_takes_a_no_for_granted() {
        let said = |consents: Consents| {
            Some(Customer {
                consents,
                ..Customer::default()
            })
        };
        let profiles = [
            said(Consents {
                infer_life_stage: Some(true),
                ..Consents::default()
            }),
            said(Consents {
                personalise: Some(false),
                infer_life_stage: Some(true),
                ..Consents::default()
            }),
            None,
        ];
        let catalogue = Catalogue::default();
        let mut sources = Sources {
            catalogue: &catalogue,
            histories: vec![&[], &[], &[]],
            profiles: &profiles,
            default_consents: Consents::default(),
            timed: true,
            until: 0,
            clock_types: None,
        };
        let inferred =
            |sources: &Sources| -> Vec<bool> { sources.rows().iter().map(|r| r.infer).collect() };
        assert_eq!(inferred(&sources), [true, false, true]);
        sources.default_consents.infer_life_stage = Some(false);
        assert_eq!(inferred(&sources), [true, false, false]);
    }
}
