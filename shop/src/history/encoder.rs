//! Turns rows into touches, the same way in training and in serving.

use std::collections::HashSet;

use super::cause::Cause;
use super::touch::{basket_hash, sort_history, Channels};
use crate::money::currency_of;
use crate::noise::{is_pooled, without_noise};
use crate::time::Zone;
use crate::{Catalogue, Kind, KindClass, Kinds, ProductIx, Touch, Touchpoint, NO_PRODUCT};

/// Turns rows into [`Touch`]es; the same code in training and in serving.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    /// Kinds seen so far.
    pub kinds: Kinds,
    /// Channels seen so far.
    pub channels: Channels,
    /// Product lines seen so far.
    pub lines: Channels,
    /// The currency in which values count; a row that names another one has none. `None` = every value counts.
    pub currency: Option<String>,
    /// The zone by whose days what was acquired without a basket is one order; UTC days where there is none.
    pub zone: Option<Zone>,
}

impl Encoder {
    /// The basket of `row`, a `kind` of touch: the one that it names, else the local day of what was acquired or sent back from a
    /// box, so that an evening is one order wherever the shop is.
    fn basket(&self, row: &Touchpoint, kind: Kind) -> u64 {
        if let Some(id) = row.basket_id.as_deref() {
            return basket_hash(id);
        }
        let of_order = kind.acquires() || kind == Kind::BOX_RETURNED;
        match (self.zone, row.at) {
            (Some(zone), Some(at)) if of_order && at != 0 && !row.customer_id.is_empty() => {
                basket_hash(&format!("\0day {}", zone.day(at)))
            }
            _ => 0,
        }
    }

    /// What was paid, where it was paid in the currency in which values count.
    fn value(&self, row: &Touchpoint) -> f64 {
        let other = match (&self.currency, currency_of(row)) {
            (Some(own), Some(named)) => *own != named,
            _ => false,
        };
        row.value.filter(|_| !other).unwrap_or(0.0)
    }

    /// The compact form of `row`; a product that `catalogue` does not know becomes [`NO_PRODUCT`].
    pub fn encode(&mut self, row: &Touchpoint, catalogue: &Catalogue) -> Touch {
        let product = row
            .product_id
            .as_deref()
            .and_then(|id| catalogue.find(id))
            .unwrap_or(NO_PRODUCT);
        let named = self.kinds.intern(&row.kind).unwrap_or(Kind(u16::MAX));
        let kind = row.kind_as_booked(named);
        Touch {
            at: row.at.unwrap_or(0),
            basket: self.basket(row, kind),
            product,
            quantity: row.quantity.abs() as f32,
            value: self.value(row) as f32,
            duration_s: row.duration_s.unwrap_or(0.0) as f32,
            kind,
            channel: self.channels.intern(row.channel.as_deref()),
            line: self.lines.intern(row.product_line.as_deref()),
            pages: row.pages.unwrap_or(0).min(u32::from(u16::MAX)) as u16,
            rating: row.rating.map_or(0, |stars| (stars * 10.0).round() as u8),
            cause: row.reason().map_or(Cause::Unsaid, Cause::of_reason),
            gift: row.is_gift(),
        }
    }
}

impl Encoder {
    /// Returns one customer's history: their `rows` in compact form and in order of time, without those that say nothing
    /// about taste (see [`noise`](crate::noise)).
    pub fn history<'a>(
        &mut self,
        rows: impl Iterator<Item = &'a Touchpoint> + Clone,
        catalogue: &Catalogue,
    ) -> Vec<Touch> {
        let pooled = rows.clone().filter(|row| is_pooled(row));
        let pooled = pooled.filter_map(|row| row.basket_id.as_deref().map(basket_hash));
        let pooled: HashSet<u64> = pooled.collect();
        let non_product = |product: ProductIx| catalogue.is_non_product(product);
        let mut history: Vec<Touch> = rows
            .map(|row| self.encode(row, catalogue))
            .filter_map(|touch| without_noise(touch, non_product, &pooled))
            .collect();
        sort_history(&mut history);
        history
    }
}

/// The names an [`Encoder`] gave numbers to, so that a model and those who read it use the same numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// The shop's own kinds in order; true = passive.
    pub own_kinds: Vec<(String, bool)>,
    /// Channels in order, without "none".
    pub channels: Vec<String>,
    /// Product lines in order, without "none".
    pub lines: Vec<String>,
    /// The currency in which values count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// IANA name of the shop's time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

impl Encoder {
    /// The names of this encoder.
    pub fn vocabulary(&self) -> Vocabulary {
        Vocabulary {
            own_kinds: self
                .kinds
                .own()
                .map(|(name, class)| (name.to_owned(), class == KindClass::Passive))
                .collect(),
            channels: self.channels.names().map(str::to_owned).collect(),
            lines: self.lines.names().map(str::to_owned).collect(),
            currency: self.currency.clone(),
            time_zone: self.zone.map(|zone| zone.name().to_owned()),
        }
    }

    /// An encoder that gives the names of `vocabulary` the numbers they had there.
    pub fn with_vocabulary(vocabulary: &Vocabulary) -> Encoder {
        let mut encoder = Encoder {
            currency: vocabulary.currency.clone(),
            zone: vocabulary.time_zone.as_deref().and_then(Zone::named),
            ..Encoder::default()
        };
        for (name, passive) in &vocabulary.own_kinds {
            let class = if *passive {
                KindClass::Passive
            } else {
                KindClass::Active
            };
            // letter for letter, so that every name keeps the number it had
            encoder.kinds.declare(name, class);
        }
        for name in &vocabulary.channels {
            encoder.channels.intern(Some(name));
        }
        for name in &vocabulary.lines {
            encoder.lines.intern(Some(name));
        }
        encoder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_time;
    use crate::{kept_orders, Product};

    #[test]
    fn what_was_bought_on_one_day_of_the_shop_is_one_order() {
        let catalogue = Catalogue::new(vec![Product::bare("pot")]).unwrap();
        let bought = |time: &str| Touchpoint {
            customer_id: "ada".into(),
            product_id: Some("pot".into()),
            kind: "purchase".into(),
            at: parse_time(time, Zone::default()),
            ..Touchpoint::default()
        };
        // an evening in New York, on both sides of midnight in London, and the next morning
        let rows = [
            bought("2026-01-10 23:59 Z"),
            bought("2026-01-11 00:01 Z"),
            bought("2026-01-11 14:00 Z"),
        ];
        let orders = |zone: Option<&str>| -> Vec<u32> {
            let mut encoder = Encoder {
                zone: zone.and_then(Zone::named),
                ..Encoder::default()
            };
            encoder = Encoder::with_vocabulary(&encoder.vocabulary());
            let history = encoder.history(rows.iter(), &catalogue);
            let orders = kept_orders(&history, i64::MAX);
            orders.iter().map(|order| order.lines).collect()
        };
        assert_eq!(orders(Some("America/New_York")), [2, 1]);
        assert_eq!(orders(None), [1, 2]);
    }

    #[test]
    fn a_vocabulary_keeps_every_number() {
        let mut encoder = Encoder::default();
        encoder.kinds.declare_passive("billboard");
        encoder.kinds.intern("tasting");
        encoder.channels.intern(Some("web"));
        encoder.lines.intern(Some("toys"));
        let copy = Encoder::with_vocabulary(&encoder.vocabulary());
        assert_eq!(copy.vocabulary(), encoder.vocabulary());
        let billboard = copy.kinds.get("billboard").unwrap();
        assert_eq!(Some(billboard), encoder.kinds.get("billboard"));
        assert_eq!(copy.kinds.class(billboard), KindClass::Passive);
        assert_eq!(copy.channels.name(1), "web");
    }
}
