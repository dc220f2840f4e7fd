//! How long after one product its complement is bought.

use serde::{Deserialize, Serialize};

/// The lag from one product to the next, over customers who bought both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// Share of those customers who bought both in one basket, 0…1.
    pub together: f32,
    /// Median of the later purchases' lag, days; 0 where all bought together.
    pub median_days: f32,
    /// Spread: half the distance of the quartiles of ln(1 + days), at least .5.
    pub spread: f32,
}

/// Half-life of "goes with what you just bought", days.
const TOGETHER_HALF_LIFE_DAYS: f64 = 15.0;

impl Lag {
    /// Of two products that are only bought in one basket.
    pub const TOGETHER: Lag = Lag {
        together: 1.0,
        median_days: 0.0,
        spread: 1.0,
    };

    /// From the days between first purchases, b after a, 0 = same basket; negative ones are left out.
    pub fn of(days: impl IntoIterator<Item = i32>) -> Lag {
        let mut together = 0u32;
        let mut later: Vec<f64> = Vec::new();
        for day in days {
            match day {
                0 => together += 1,
                day if day > 0 => later.push(f64::from(day)),
                _ => {}
            }
        }
        let all = f64::from(together) + later.len() as f64;
        if later.is_empty() {
            return Lag {
                together: if all > 0.0 { 1.0 } else { 0.0 },
                median_days: 0.0,
                spread: 1.0,
            };
        }
        later.sort_by(f64::total_cmp);
        let quantile = |q: f64| later[((later.len() - 1) as f64 * q).round() as usize];
        let spread = (quantile(0.75).ln_1p() - quantile(0.25).ln_1p()) / 1.35;
        Lag {
            together: (f64::from(together) / all) as f32,
            median_days: quantile(0.5) as f32,
            spread: spread.clamp(0.5, 2.0) as f32,
        }
    }

    /// How well the moment suits, 0…1, `days` after the purchase of the first product.
    ///
    /// A mixture of "bought together", which fades with a half-life of 15 days, and a log-normal bump at the median lag.
    pub fn due(&self, days: f64) -> f64 {
        let days = days.max(0.0);
        let fading = 0.5f64.powf(days / TOGETHER_HALF_LIFE_DAYS);
        let away = (days.ln_1p() - f64::from(self.median_days).ln_1p()) / f64::from(self.spread);
        let bump = (-0.5 * away * away).exp();
        let together = f64::from(self.together);
        together * fading + (1.0 - together) * bump
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refill_is_due_around_its_usual_lag() {
        let lag = Lag::of([28, 30, 30, 31, 35, 29, 0]);
        assert_eq!(lag.median_days, 30.0);
        assert!(lag.due(30.0) > 3.0 * lag.due(3.0));
        assert!(lag.due(30.0) > 3.0 * lag.due(200.0));
    }

    #[test]
    fn what_is_bought_together_fades() {
        let lag = Lag::of([0, 0, 0]);
        assert_eq!(lag.due(0.0), 1.0);
        assert!((lag.due(15.0) - 0.5).abs() < 1e-9);
        assert!(Lag::of([]).due(1.0).is_finite());
        assert!((0.0..=1.0).contains(&Lag::of([-3, 2]).due(f64::from(u16::MAX))));
    }
}
