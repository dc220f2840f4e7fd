//! The engagement index: 0 to 100, how alive the contact with a customer is between purchases.
//!
//! index = 100 · S / (S + s½), where S ≥ 0 sums the points of all active touches, faded by a half-life and capped by day,
//! and s½ is the S at which the index is 50 (fitted: the median customer's). Points are never negative, so another
//! active touch never lowers the index; and as the index is a function of a sum, each source's part is
//! index · S_source / S: the parts add up to the index exactly.

use serde::{Deserialize, Serialize};

use super::decayed::{EngagementState, Source};
use serendib_shop::{Kind, KindClass, Kinds, Touch, DAY_MS};

/// Who acts in a kind, in the model's own words so that they can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Active,
    ByShop,
    /// Nobody: something was shown or sent.
    Passive,
}

/// What one kind of touch is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KindWeight {
    /// Name of the kind.
    pub kind: String,
    /// Points of one touch of no depth, ≥ 0.
    pub weight: f64,
    pub role: Role,
}

/// Everything the index is computed with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexModel {
    /// Weights by kind number.
    pub kinds: Vec<KindWeight>,
    /// Weight of a kind beyond the list, ≥ 0.
    pub other_kind: f64,
    /// Factors by channel number, ≥ 0; 1 beyond the list.
    pub channels: Vec<f64>,
    /// Factors by product line number, ≥ 0; 1 beyond the list.
    pub lines: Vec<f64>,
    /// Days in which a touch loses half its points, > 0.
    pub half_life_days: f64,
    /// Most touches of a kind that count on one day.
    pub kind_cap: f64,
    /// Most points of one day.
    pub day_cap: f64,
    /// Points at which the index is 50, > 0.
    pub half_points: f64,
    /// Money of an ordinary line, for the depth of a purchase; 0 = unknown.
    pub typical_value: f64,
    /// Touches wanted between two purchases.
    pub minimum_touches: u32,
    /// Whether weights were learned from the shop's data.
    pub learned: bool,
}

/// Points of the known kinds before anything is learned: effort and closeness, in units of one visit.
fn first_weight(kind: Kind) -> f64 {
    match kind {
        Kind::PURCHASE | Kind::EVENT_ATTENDED | Kind::REFERRAL => 5.0,
        Kind::REVIEW | Kind::SHARE => 4.0,
        Kind::RATING | Kind::REGISTRATION | Kind::LEAD | Kind::STORE_VISIT => 3.0,
        Kind::ADVICE | Kind::SURVEY => 3.0,
        Kind::ADD_TO_CART | Kind::WISHLIST | Kind::CHECK_IN | Kind::CONTEST => 2.0,
        Kind::CALL | Kind::CHAT | Kind::STOCK_ENQUIRY | Kind::DELIVERY_FEEDBACK => 2.0,
        Kind::PICKUP | Kind::TECHNICIAN_VISIT | Kind::COUPON_REDEEMED | Kind::BOX_KEPT => 2.0,
        Kind::PRODUCT_SCAN | Kind::CONTENT_READ | Kind::EMAIL_CLICK | Kind::SMS_CLICK => 1.5,
        Kind::ASSEMBLY => 1.5,
        Kind::SEARCH | Kind::EMAIL_OPEN | Kind::PUSH_OPEN => 0.7,
        Kind::VIEW | Kind::DELIVERY | Kind::CANCEL | Kind::CANCEL_INTENT => 0.5,
        Kind::REMOVE_FROM_CART => 0.3,
        Kind::NOT_INTERESTED | Kind::HIDE | Kind::DISLIKE | Kind::INTERESTED | Kind::UNHIDE => 0.1,
        _ => 1.0,
    }
}

fn finite_or(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() {
        value
    } else {
        otherwise
    }
}

/// 0 at nothing, 1 from `full` on, logarithmic between.
fn depth_part(amount: f32, full: f64) -> f64 {
    let amount = finite_or(f64::from(amount), 0.0).max(0.0);
    ((1.0 + amount).ln() / (1.0 + full).ln()).min(1.0)
}

impl IndexModel {
    /// Sensible weights for the kinds of a shop from which nothing was learned yet.
    pub fn first(kinds: &Kinds) -> IndexModel {
        let weights = (0..kinds.len())
            .map(|number| {
                let kind = Kind(number as u16);
                let role = match kinds.class(kind) {
                    KindClass::Active => Role::Active,
                    KindClass::ByShop => Role::ByShop,
                    KindClass::Passive => Role::Passive,
                };
                KindWeight {
                    kind: kinds.name(kind).to_owned(),
                    weight: if role == Role::Active {
                        first_weight(kind)
                    } else {
                        0.0
                    },
                    role,
                }
            })
            .collect();
        IndexModel {
            kinds: weights,
            other_kind: 1.0,
            channels: Vec::new(),
            lines: Vec::new(),
            half_life_days: 45.0,
            kind_cap: 3.0,
            day_cap: 15.0,
            half_points: 6.0,
            typical_value: 0.0,
            minimum_touches: 3,
            learned: false,
        }
    }

    /// The same for `kinds`, in which the shop may have more kinds of its own, or says of others now that they are passive.
    ///
    /// What the model knows by number it keeps, but for who acts.
    pub fn with_kinds(&self, kinds: &Kinds) -> IndexModel {
        let mut out = self.clone();
        for (number, (name, class)) in (Kinds::known()..).zip(kinds.own()) {
            let role = match class {
                KindClass::Active => Role::Active,
                KindClass::ByShop => Role::ByShop,
                KindClass::Passive => Role::Passive,
            };
            let weight = match (role, out.kinds.get(number)) {
                (Role::Active, Some(known)) if known.role == Role::Active => known.weight,
                (Role::Active, _) => self.other_kind,
                _ => 0.0,
            };
            let own = KindWeight {
                kind: name.to_owned(),
                weight,
                role,
            };
            match out.kinds.get_mut(number) {
                Some(known) => *known = own,
                None => out.kinds.push(own),
            }
        }
        out
    }

    /// Puts the weights of a model that was fitted when fewer kinds were known by name into today's order.
    pub(crate) fn align(&mut self) {
        let known = Kinds::default();
        let in_place = (0..known.len())
            .all(|n| matches!(self.kinds.get(n), Some(k) if k.kind == known.name(Kind(n as u16))));
        if in_place {
            return;
        }
        let first = IndexModel::first(&known).kinds;
        let mut theirs = std::mem::take(&mut self.kinds);
        self.kinds = first
            .into_iter()
            .map(|own| match theirs.iter().position(|k| k.kind == own.kind) {
                Some(at) => theirs.remove(at),
                None => own,
            })
            .collect();
        self.kinds.append(&mut theirs);
    }

    /// Who acts in `kind`; the customer, for a kind the model does not know.
    pub fn role(&self, kind: Kind) -> Role {
        self.kinds
            .get(usize::from(kind.0))
            .map_or(Role::Active, |known| known.role)
    }

    /// Points of one touch of `kind`, ≥ 0.
    pub fn weight(&self, kind: Kind) -> f64 {
        let weight = self
            .kinds
            .get(usize::from(kind.0))
            .map_or(self.other_kind, |known| known.weight);
        finite_or(weight, 0.0).max(0.0)
    }

    /// Depth of a touch, 1 to 2.5: half each for up to 30 minutes, 20 pages and ten times the ordinary value.
    pub fn depth(&self, touch: &Touch) -> f64 {
        let value = if self.typical_value > 0.0 && touch.kind == Kind::PURCHASE {
            touch.value / self.typical_value as f32
        } else {
            0.0
        };
        1.0 + 0.5
            * (depth_part(touch.duration_s / 60.0, 30.0)
                + depth_part(f32::from(touch.pages), 20.0)
                + depth_part(value, 10.0))
    }

    /// Points of one touch, ≥ 0.
    pub fn points(&self, touch: &Touch) -> f64 {
        let factor = |list: &[f64], number: u16| {
            let factor = list.get(usize::from(number)).copied().unwrap_or(1.0);
            finite_or(factor, 1.0).max(0.0)
        };
        self.weight(touch.kind)
            * factor(&self.channels, touch.channel)
            * factor(&self.lines, touch.line)
            * self.depth(touch)
    }

    /// Most points of `kind` on one day.
    pub(crate) fn kind_cap(&self, kind: Kind) -> f64 {
        self.kind_cap * self.weight(kind)
    }

    /// What is left of a point after `days`; days before count as none.
    pub(crate) fn fade(&self, days: f64) -> f64 {
        (-days.max(0.0) * std::f64::consts::LN_2 / self.half_life_days.max(1e-3)).exp()
    }

    /// The index of `points`, 0 ≤ index < 100.
    pub fn index(&self, points: f64) -> f64 {
        let points = finite_or(points, 0.0).max(0.0);
        100.0 * points / (points + self.half_points.max(1e-9))
    }

    /// Folds a whole history up to `now`, in order of time.
    pub fn fold(&self, history: &[Touch], now: i64) -> EngagementState {
        let mut state = EngagementState::default();
        if history.windows(2).all(|pair| pair[0].at <= pair[1].at) {
            for touch in history {
                state.push(self, touch, now);
            }
        } else {
            let mut sorted: Vec<&Touch> = history.iter().collect();
            sorted.sort_by_key(|touch| touch.at);
            for touch in sorted {
                state.push(self, touch, now);
            }
        }
        state
    }

    /// The engagement of a folded state at `now` (milliseconds).
    pub fn measure(&self, state: &EngagementState, now: i64) -> Engagement {
        let reading = state.read(self, now);
        let points: f64 = reading.points.iter().map(|(_, p)| p).sum();
        let index = self.index(points);
        let days = |at: i64| now.saturating_sub(at).max(0) as f64 / DAY_MS as f64;
        let active = f64::from(reading.active_days);
        Engagement {
            index,
            points,
            parts: reading
                .points
                .iter()
                .map(|(source, p)| Part {
                    source: *source,
                    points: *p,
                    index: if points > 0.0 {
                        index * p / points
                    } else {
                        0.0
                    },
                })
                .collect(),
            trend: index - self.index(reading.points_before),
            days_since_active: reading.last_active.map(days),
            days_since_purchase: reading.last_purchase.map(days),
            touches_since_purchase: reading.since_purchase,
            below_minimum: reading.since_purchase < self.minimum_touches,
            confidence: active / (active + if self.learned { 4.0 } else { 8.0 }),
        }
    }
}

/// What one source adds to the index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Kind, channel and product line.
    pub source: Source,
    /// Points, ≥ 0.
    pub points: f64,
    /// Part of the index, ≥ 0; the parts add up to it.
    pub index: f64,
}

/// How alive the contact with one customer is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Engagement {
    /// 0 to 100.
    pub index: f64,
    /// The sum the index is made of, ≥ 0.
    pub points: f64,
    /// What adds up to the index, in order of kind, channel and line.
    pub parts: Vec<Part>,
    /// Index now less the index four weeks ago.
    pub trend: f64,
    /// Days since the customer last did something; `None` = never did.
    pub days_since_active: Option<f64>,
    /// Days since the last purchase.
    pub days_since_purchase: Option<f64>,
    /// Active touches since the last purchase (since ever without one), purchases aside.
    pub touches_since_purchase: u32,
    /// Whether these are fewer than the shop wants.
    pub below_minimum: bool,
    /// 0 to below 1: how much is known of the customer, by days with a touch.
    pub confidence: f64,
}
