//! Engagement, propensity and value as one part of a model.

use serde::{Deserialize, Serialize};

use super::features::{feature_name, features, is_known, last_active, GapPrior};
use super::index::{Engagement, IndexModel, Role};
use super::mbgnbd::{MbgNbd, Orders};
use super::propensity::Propensity;
use super::value::GammaGamma;
use super::EngagementState;
use crate::bundle::{read_json, write_json, Bundle, BundleError, BundleWriter};
use serendib_shop::{kept_orders, Kind, Kinds, Touch, DAY_MS};

/// Name of the part in a bundle.
const FILE: &str = "engagement.json";

/// Everything learned about engagement and purchases. No customer rows: parameters only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngagementModel {
    pub index: IndexModel,
    /// How often customers order, and whether they still do.
    pub orders: Option<MbgNbd>,
    /// What an order is worth.
    pub value: Option<GammaGamma>,
    /// Gaps between orders over all customers.
    pub gaps: GapPrior,
    /// P(purchase) within 30 and within 90 days.
    pub purchase: Vec<Propensity>,
    /// Whether the plain model of two features was kept, as the larger one did not beat it.
    pub plain: bool,
}

/// What is expected of one customer's purchases.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outlook {
    /// Probability of a purchase within 30 days, between 0 and 1.
    pub p_purchase_30d: f64,
    /// Probability of a purchase within 90 days, not below that of 30.
    pub p_purchase_90d: f64,
    /// Probability that the customer still orders; `None` without an order.
    pub p_alive: Option<f64>,
    /// Orders expected within a year, ≥ 0; `None` without an order or a fitted model.
    pub orders_per_year: Option<f64>,
    /// Value of one order; `None` where unknown.
    pub order_value: Option<f64>,
    /// Orders × value within a year: what the shop's people call lifetime value.
    pub value_per_year: Option<f64>,
    /// (feature, what it adds to the 30-day log-odds of an average customer), largest first; none for a stranger.
    pub effects: Vec<(String, f64)>,
}

impl EngagementModel {
    /// A model of the first day: sensible weights, nothing learned.
    pub fn first(index: IndexModel) -> EngagementModel {
        EngagementModel {
            index,
            orders: None,
            value: None,
            gaps: GapPrior::default(),
            purchase: vec![
                Propensity::constant(0.1, 30.0),
                Propensity::constant(0.2, 90.0),
            ],
            plain: true,
        }
    }

    /// The engagement of a time-ordered history at `now`; later touches are not seen.
    pub fn engagement(&self, history: &[Touch], now: i64) -> Engagement {
        self.index.measure(&self.index.fold(history, now), now)
    }

    /// The engagement of a state that was kept up to date touch by touch.
    pub fn engagement_of(&self, state: &EngagementState, now: i64) -> Engagement {
        self.index.measure(state, now)
    }

    /// The features of a history at `now`, for [`Propensity::probability`].
    pub fn features(&self, history: &[Touch], now: i64) -> Vec<f64> {
        let passive = |kind| self.passive(kind);
        features(history, now, self.orders.as_ref(), &self.gaps, &passive)
    }

    /// Whether a customer is merely shown what `kind` says.
    fn passive(&self, kind: Kind) -> bool {
        self.index.role(kind) == Role::Passive
    }

    /// The same for `kinds`; see [`IndexModel::with_kinds`].
    pub fn with_kinds(&self, kinds: &Kinds) -> EngagementModel {
        EngagementModel {
            index: self.index.with_kinds(kinds),
            ..self.clone()
        }
    }

    /// What is expected of a history at `now`, with the `top` largest effects.
    ///
    /// A customer who has done nothing yet gets what strangers do, without effects: there is nothing to tell them by.
    pub fn outlook(&self, history: &[Touch], now: i64, top: usize) -> Outlook {
        let known = is_known(history, now, &|kind| self.passive(kind));
        let features = self.features(history, now);
        let chance = |days: f64| {
            let model = self
                .purchase
                .iter()
                .find(|model| model.horizon_days == days);
            model.map_or(0.0, |model| match known {
                true => self.chance(model, history, &features, now),
                false => model.stranger,
            })
        };
        let p_purchase_30d = chance(30.0);
        let summary = Orders::of(history, now);
        let orders_per_year = match (&self.orders, &summary) {
            (Some(model), Some(c)) => Some(model.expected(c, 365.25 / 7.0)),
            _ => None,
        };
        let order_value = summary.and_then(|_| {
            let (orders, mean) = spending(history, now);
            match &self.value {
                Some(model) => Some(model.expected(orders, mean)),
                None => (mean > 0.0).then_some(mean),
            }
        });
        let mut effects: Vec<(usize, f64)> = match self.purchase.first() {
            Some(model) if known => model
                .contributions(&features)
                .map(|(at, effect)| (at, model.scale * effect))
                .collect(),
            _ => Vec::new(),
        };
        effects.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        effects.truncate(top);
        Outlook {
            p_purchase_30d,
            p_purchase_90d: chance(90.0).max(p_purchase_30d),
            p_alive: match (&self.orders, &summary) {
                (Some(model), Some(c)) => Some(model.alive(c)),
                _ => None,
            },
            orders_per_year,
            order_value,
            value_per_year: orders_per_year.zip(order_value).map(|(n, v)| n * v),
            effects: effects
                .into_iter()
                .map(|(at, effect)| (feature_name(at), effect))
                .collect(),
        }
    }

    /// What `model` says of a history with `features` at `now`, above 0 to 1, where silence is never good news: of a customer
    /// who is silent for longer than those whom it was fitted on, the least that it said since then (looked up each time that
    /// the silence had doubled), falling further as the chance that they still order does, or, where nothing is known of that,
    /// in proportion to the silence.
    fn chance(&self, model: &Propensity, history: &[Touch], features: &[f64], now: i64) -> f64 {
        let said = model.probability(features);
        let passive = |kind| self.passive(kind);
        let last = last_active(history, now, &passive);
        let (Some(longest), Some(last)) = (model.longest_silence_days, last) else {
            return said;
        };
        let (longest, silence) = (longest.max(1.0), days_between(last, now));
        if silence <= longest {
            return said;
        }
        let after = |days: f64| last.saturating_add(days_ms(days));
        let mut least = f64::INFINITY;
        let mut days = longest;
        while days <= silence {
            least = least.min(model.probability(&self.features(history, after(days))));
            days *= 2.0;
        }
        let alive = |at: i64| Some(self.orders.as_ref()?.alive(&Orders::of(history, at)?));
        let left = match (alive(now), alive(after(longest))) {
            (Some(now), Some(then)) if then > 0.0 => (now / then).min(1.0),
            _ => longest / silence,
        };
        (least * left).max(f64::MIN_POSITIVE)
    }

    /// Writes the part.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, bundle: &mut BundleWriter) -> Result<(), BundleError> {
        write_json(bundle, FILE, self)
    }

    /// Reads the part; `None` where the bundle has none.
    ///
    /// # Errors
    /// The part is damaged, or holds a number that is not finite.
    pub fn read(bundle: &Bundle) -> Result<Option<EngagementModel>, BundleError> {
        if !bundle.has(FILE) {
            return Ok(None);
        }
        let mut model: EngagementModel = read_json(bundle, FILE)?;
        model.index.align();
        let lengths = model.purchase.iter().all(|p| {
            let n = p.used.len();
            p.means.len() == n && p.deviations.len() == n && p.effects.len() == n
        });
        let stranger = |p: &Propensity| (0.0..=1.0).contains(&p.stranger);
        let positive = model
            .purchase
            .iter()
            .flat_map(|p| &p.deviations)
            .all(|d| *d > 0.0);
        if !lengths || !positive || !model.purchase.iter().all(stranger) {
            return Err(BundleError::content(
                FILE,
                "the effects do not fit their features",
            ));
        }
        Ok(Some(model))
    }
}

/// (orders, mean value of an order) of the purchases up to `now` that were kept by then.
pub fn spending(history: &[Touch], now: i64) -> (f64, f64) {
    let orders = kept_orders(history, now);
    let count = orders.len() as f64;
    let spent: f64 = orders.iter().map(|order| order.value).sum();
    (count, if count > 0.0 { spent / count } else { 0.0 })
}

/// Days after the end of what is known for which purchases are foretold: a year of seasons.
const FORETOLD_DAYS: f64 = 365.0;

/// Returns how many days `now` is later than all that is known, where that is too far for purchases to be foretold: later than
/// the data up to `until` that the model was fitted on, and than what is known of the customer since.
pub fn days_out_of_sight(until: Option<i64>, history: &[Touch], now: i64) -> Option<f64> {
    let since = history.iter().map(|touch| touch.at).filter(|at| *at <= now);
    let end = since.max().max(until)?;
    Some(days_between(end, now)).filter(|days| *days > FORETOLD_DAYS)
}

/// Milliseconds of `days`.
pub fn days_ms(days: f64) -> i64 {
    (days * DAY_MS as f64) as i64
}

fn days_between(from: i64, to: i64) -> f64 {
    to.saturating_sub(from) as f64 / DAY_MS as f64
}

/// Days of silence at `now`: since the customer last did something; `None` where they never did.
pub fn silence_days(history: &[Touch], now: i64, passive: &dyn Fn(Kind) -> bool) -> Option<f64> {
    last_active(history, now, passive).map(|last| days_between(last, now))
}
