//! What of a history predicts a purchase, as numbers.
//!
//! Counts are faded with three half-lives and taken as log(1 + x): sums of exponentials approximate any smooth memory,
//! and the logarithm keeps ten thousand touches in a day from meaning ten thousand times as much.

use super::mbgnbd::{MbgNbd, Orders};
use serendib_shop::{kept_orders, KeptOrder, Kind, Kinds, Touch, DAY_MS, NO_PRODUCT};

/// Days in which each memory fades to one half.
pub const HALF_LIVES: [f64; 3] = [7.0, 30.0, 120.0];

/// What touches are counted together.
const GROUPS: [&str; 11] = [
    "orders",
    "lines",
    "browsing",
    "intent",
    "service",
    "displeasure",
    "messages",
    "community",
    "shop_faults",
    "shown",
    "other",
];

/// The features that are not faded counts.
const SINGLE: [&str; 22] = [
    "log_recency",
    "log_orders",
    "log_recency_squared",
    "log_recency_x_log_orders",
    "bought_within_2_weeks",
    "bought_within_5_weeks",
    "bought_within_13_weeks",
    "never_bought",
    "log_tenure",
    "order_rate",
    "log_active_recency",
    "alive",
    "expected_30d",
    "expected_90d",
    "rhythm",
    "irregularity",
    "has_rhythm",
    "breadth",
    "lines_per_order",
    "order_value",
    "season_sin",
    "season_cos",
];

/// How many features there are.
pub const FEATURES: usize = GROUPS.len() * HALF_LIVES.len() + SINGLE.len();

/// Positions of log recency and log orders, the two features of the plain model.
pub const PLAIN: [usize; 2] = [
    GROUPS.len() * HALF_LIVES.len(),
    GROUPS.len() * HALF_LIVES.len() + 1,
];

/// Name of feature `at`; empty beyond the last.
pub fn feature_name(at: usize) -> String {
    let faded = GROUPS.len() * HALF_LIVES.len();
    if at < faded {
        format!("{}_{}d", GROUPS[at / 3], HALF_LIVES[at % 3])
    } else {
        SINGLE.get(at - faded).copied().unwrap_or("").to_owned()
    }
}

/// Whether the customer acts in `kind`; a kind that `passive` names is the shop's own and merely shown.
fn acts(kind: Kind, passive: &dyn Fn(Kind) -> bool) -> bool {
    !matches!(group(kind, passive), FAULTS | SHOWN)
}

/// When the customer last did something, up to `now`.
pub(crate) fn last_active(
    history: &[Touch],
    now: i64,
    passive: &dyn Fn(Kind) -> bool,
) -> Option<i64> {
    let done = |touch: &&Touch| touch.at <= now && acts(touch.kind, passive);
    history.iter().filter(done).map(|touch| touch.at).max()
}

/// Whether anything before `now` or at it was the customer's own doing: what makes a customer known.
pub fn is_known(history: &[Touch], now: i64, passive: &dyn Fn(Kind) -> bool) -> bool {
    history
        .iter()
        .any(|touch| touch.at <= now && acts(touch.kind, passive))
}

/// Positions in [`GROUPS`] of what is not the customer's doing.
const FAULTS: usize = 8;
const SHOWN: usize = 9;

fn group(kind: Kind, passive: &dyn Fn(Kind) -> bool) -> usize {
    match kind {
        Kind::PURCHASE => 1,
        Kind::VIEW | Kind::SEARCH | Kind::SITE_VISIT | Kind::APP_OPEN | Kind::STORE_VISIT => 2,
        Kind::CHECK_IN | Kind::PRODUCT_SCAN | Kind::CONTENT_READ => 2,
        Kind::ADD_TO_CART | Kind::WISHLIST | Kind::LEAD | Kind::STOCK_ENQUIRY => 3,
        Kind::DELIVERY_SLOT_CHOSEN | Kind::COUPON_REDEEMED | Kind::REGISTRATION => 3,
        Kind::CALL | Kind::CHAT | Kind::ADVICE | Kind::TECHNICIAN_VISIT | Kind::ASSEMBLY => 4,
        Kind::COMPLAINT_RESOLVED | Kind::DELIVERY | Kind::PICKUP | Kind::DELIVERY_FEEDBACK => 4,
        Kind::RETURN | Kind::CANCEL | Kind::COMPLAINT | Kind::CANCEL_INTENT => 5,
        Kind::REMOVE_FROM_CART | Kind::BOX_RETURNED => 5,
        Kind::NOT_INTERESTED | Kind::HIDE | Kind::DISLIKE => 5,
        Kind::EMAIL_OPEN | Kind::EMAIL_CLICK | Kind::SMS_CLICK | Kind::PUSH_OPEN => 6,
        Kind::RATING | Kind::REVIEW | Kind::SHARE | Kind::REFERRAL | Kind::CONTEST => 7,
        Kind::EVENT_ATTENDED | Kind::SURVEY | Kind::BOX_KEPT => 7,
        Kind::DELIVERY_LATE | Kind::CALLBACK_MISSED => FAULTS,
        Kind::IMPRESSION | Kind::EMAIL_SENT | Kind::SMS_SENT | Kind::PUSH_SENT => SHOWN,
        Kind::MAILER | Kind::EVENT_INVITED => SHOWN,
        kind if usize::from(kind.0) < Kinds::known() => 4,
        kind if passive(kind) => SHOWN,
        _ => 10,
    }
}

/// Log-normal gaps between orders over all customers: (mean of logs, deviation of logs), in days.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GapPrior {
    /// Mean of ln(days).
    pub mean: f64,
    /// Standard deviation of ln(days), > 0.
    pub deviation: f64,
}

impl Default for GapPrior {
    /// About two months, within a factor of e.
    fn default() -> Self {
        GapPrior {
            mean: 4.0,
            deviation: 1.0,
        }
    }
}

/// The days of `orders`, each once, oldest first.
fn order_days(orders: &[KeptOrder]) -> Vec<i64> {
    let mut days: Vec<i64> = orders.iter().map(|o| o.at.div_euclid(DAY_MS)).collect();
    days.sort_unstable();
    days.dedup();
    days
}

/// Days between the days of the orders of `history` that were kept by `until`, oldest first.
pub fn order_gaps(history: &[Touch], until: i64) -> Vec<f64> {
    gaps(&order_days(&kept_orders(history, until))).collect()
}

fn gaps(days: &[i64]) -> impl Iterator<Item = f64> + '_ {
    days.windows(2).map(|pair| (pair[1] - pair[0]) as f64)
}

/// Customers' own gaps against the population's: weight of the latter in orders.
const PRIOR_GAPS: f64 = 2.0;

/// (probability of an order within 30 days by rhythm, deviation of the customer's log gaps).
fn rhythm(days: &[i64], since: f64, prior: &GapPrior) -> (f64, f64) {
    let logs: Vec<f64> = gaps(days).map(f64::ln).collect();
    let n = logs.len() as f64;
    let mean = (logs.iter().sum::<f64>() + PRIOR_GAPS * prior.mean) / (n + PRIOR_GAPS);
    let spread: f64 = logs.iter().map(|g| (g - mean).powi(2)).sum();
    let deviation = ((spread + PRIOR_GAPS * prior.deviation.powi(2)) / (n + PRIOR_GAPS))
        .sqrt()
        .max(0.05);
    // the log-normal distribution of gaps
    let before = |days: f64| {
        let z = (days.max(0.5).ln() - mean) / deviation;
        0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
    };
    let left = 1.0 - before(since);
    let chance = if left > 1e-9 {
        (before(since + 30.0) - before(since)) / left
    } else {
        0.0
    };
    (chance.clamp(0.0, 1.0), deviation)
}

/// The features of a history at `now`, all finite; touches after `now` are not seen. Any order of touches will do.
///
/// They describe customers who are known ([`is_known`]); of others there is nothing to describe. `passive` tells which of
/// the shop's own kinds are merely shown.
pub fn features(
    history: &[Touch],
    now: i64,
    orders: Option<&MbgNbd>,
    prior: &GapPrior,
    passive: &dyn Fn(Kind) -> bool,
) -> Vec<f64> {
    let mut faded = [0.0f64; GROUPS.len() * HALF_LIVES.len()];
    let kept = kept_orders(history, now);
    let days = order_days(&kept);
    // the lines of an order share their time, and so what is left of them
    let mut last_fades = (f64::NAN, [0.0; HALF_LIVES.len()]);
    let mut add = |group: usize, age: f64| {
        if age != last_fades.0 {
            let fades = HALF_LIVES.map(|h| (-age * std::f64::consts::LN_2 / h).exp());
            last_fades = (age, fades);
        }
        for (memory, fade) in last_fades.1.iter().enumerate() {
            faded[group * HALF_LIVES.len() + memory] += fade;
        }
    };
    let (mut first, mut last_active) = (None::<i64>, None::<i64>);
    let mut products = std::collections::HashSet::new();
    let lines: f64 = kept.iter().map(|order| f64::from(order.lines)).sum();
    let spent: f64 = kept.iter().map(|order| order.value).sum();
    for touch in history.iter().filter(|t| t.at <= now) {
        let age = now.saturating_sub(touch.at) as f64 / DAY_MS as f64;
        let group = group(touch.kind, passive);
        add(group, age);
        if !matches!(group, FAULTS | SHOWN) {
            first = Some(first.map_or(touch.at, |at| at.min(touch.at)));
            last_active = last_active.max(Some(touch.at));
        }
        if touch.kind == Kind::PURCHASE && touch.product != NO_PRODUCT {
            products.insert(touch.product);
        }
    }
    let today = now as f64 / DAY_MS as f64;
    for day in &days {
        add(0, (today - *day as f64).max(0.0));
    }
    let count = kept.len() as f64;
    let age_of = |at: Option<i64>| at.map(|at| now.saturating_sub(at) as f64 / DAY_MS as f64);
    let tenure = age_of(first).unwrap_or(0.0);
    // a customer who never bought counts as one whose last order is as old as the acquaintance
    let since = days
        .last()
        .map_or(tenure, |day| (today - *day as f64).max(0.0));
    let recency = (1.0 + since).ln();
    let log_orders = (1.0 + count).ln();
    let within = |limit: f64| f64::from(u8::from(!days.is_empty() && since <= limit));
    let summary = Orders::of(history, now);
    let (alive, month, quarter) = match (orders, summary) {
        (Some(model), Some(c)) => (
            model.alive(&c),
            model.expected(&c, 30.0 / 7.0),
            model.expected(&c, 90.0 / 7.0),
        ),
        _ => (0.5, 0.0, 0.0),
    };
    let (chance, deviation) = if days.is_empty() {
        (0.0, prior.deviation)
    } else {
        rhythm(&days, since, prior)
    };
    let season = std::f64::consts::TAU * today / 365.25;
    let per_order = |x: f64| {
        if count > 0.0 {
            (1.0 + x / count).ln()
        } else {
            0.0
        }
    };
    let single = [
        recency,
        log_orders,
        recency * recency,
        recency * log_orders,
        within(14.0),
        within(35.0),
        within(91.0),
        f64::from(u8::from(days.is_empty())),
        (1.0 + tenure).ln(),
        (1.0 + 365.0 * count / (tenure + 30.0)).ln(),
        age_of(last_active).map_or(0.0, |age| (1.0 + age).ln()),
        alive,
        (1.0 + month).ln(),
        (1.0 + quarter).ln(),
        chance,
        deviation,
        f64::from(u8::from(days.len() >= 3)),
        (1.0 + products.len() as f64).ln(),
        per_order(lines),
        per_order(spent),
        season.sin(),
        season.cos(),
    ];
    let counts = faded.iter().map(|x| (1.0 + x).ln());
    counts
        .chain(single)
        .map(|x| if x.is_finite() { x } else { 0.0 })
        .collect()
}
