//! Coarse tuning of each family by successive halving on the held-out cases.

use crate::learn::vectors::cooccurrence::Shape;
use serendib_engine::represent::{IalsOptions, Weighting};

use crate::learn::corpus::Case;
use crate::learn::vectors::families::{Family, Workbench};
use crate::learn::vectors::scorers::{gain_per_case, mean, Fitted};
use crate::learn::vectors::split::Regime;

/// One family at its best settings.
#[derive(Debug, Clone)]
pub struct Tuned {
    pub family: Family,
    /// Fitted on the corpus without the slice.
    pub fitted: Fitted,
    /// Mean gain over the cases of the last rung it reached.
    pub ndcg: f64,
    pub tried: usize,
}

/// Everything tuning looks at.
pub struct Tuner<'a, 'b> {
    /// Fitted on the corpus without the slice.
    pub bench: &'a Workbench<'b>,
    pub cases: Vec<&'a Case>,
    /// How it was held out.
    pub regime: Regime,
    /// Memory that fitting may use, bytes.
    pub memory: usize,
    /// Told what is being done.
    pub say: &'a dyn Fn(&str),
}

/// Settings are given with the plainest first, and a plainer one yields only to something better by this factor.
const NEAR_TIE: f64 = 1.003;

/// Cases on the first rung of the halving; each rung has three times as many.
const FIRST_RUNG: usize = 333;

impl Tuner<'_, '_> {
    fn score(&self, fitted: &Fitted, cases: usize) -> f64 {
        let cases = self.spread_cases(cases);
        mean(&gain_per_case(fitted, &cases, self.bench.n()))
    }

    /// About `count` cases spread evenly over all.
    fn spread_cases(&self, count: usize) -> Vec<&Case> {
        let step = self.cases.len().div_ceil(count.max(1)).max(1);
        self.cases.iter().step_by(step).copied().collect()
    }

    /// The best of `settings`: all on few cases, the better third on three times as many, and so on.
    pub fn halve(&self, settings: Vec<Family>) -> Option<Tuned> {
        self.tell(&settings)?;
        let tried = settings.len();
        let mut rung = FIRST_RUNG;
        let mut field = settings;
        loop {
            let (scores, best) = self.rung(&field, rung)?;
            if field.len() == 1 || rung >= self.cases.len() {
                return Some(Tuned { tried, ..best });
            }
            let mut order: Vec<usize> = (0..field.len()).collect();
            // a stable sort: equal scores keep the order given, which begins with the plainest
            order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            order.truncate(field.len().div_ceil(3).max(1));
            field = order.into_iter().map(|at| field[at].clone()).collect();
            rung *= 3;
        }
    }

    /// The best of `settings`, each fitted once: for families that cost more to fit than to score.
    fn once(&self, settings: Vec<Family>) -> Option<Tuned> {
        self.tell(&settings)?;
        let (_, best) = self.rung(&settings, 1000)?;
        Some(Tuned {
            tried: settings.len(),
            ..best
        })
    }

    fn tell(&self, settings: &[Family]) -> Option<()> {
        let name = settings.first()?.name();
        (self.say)(&format!("tuning {name}: {} settings", settings.len()));
        Some(())
    }

    /// Scores every setting on about `cases` cases; holds on to the best only.
    fn rung(&self, field: &[Family], cases: usize) -> Option<(Vec<f64>, Tuned)> {
        let mut best: Option<Tuned> = None;
        let mut scores = Vec::with_capacity(field.len());
        for family in field {
            let Some(fitted) = self.bench.fit(family) else {
                scores.push(f64::NEG_INFINITY);
                continue;
            };
            let ndcg = self.score(&fitted, cases);
            scores.push(ndcg);
            if best.as_ref().is_none_or(|b| ndcg > b.ndcg * NEAR_TIE) {
                best = Some(Tuned {
                    family: family.clone(),
                    fitted,
                    ndcg,
                    tried: 1,
                });
            }
        }
        best.map(|best| (scores, best))
    }

    /// Item–item: power first, then the normalisation of either side.
    pub fn item_item(&self, weighting: Weighting) -> Option<Tuned> {
        let of = |customer_power: f32, power: f32, source: f32, target: f32| Family::ItemItem {
            customer_power,
            shape: Shape {
                power,
                source: source * power,
                target: target * power,
            },
            keep: 300,
            weighting,
        };
        let mut settings = Vec::new();
        for customer_power in [0.5, 0.0] {
            for power in [0.6, 0.8, 1.0] {
                settings.push(of(customer_power, power, 0.5, 0.5));
            }
        }
        let first = self.halve(settings)?;
        let Family::ItemItem {
            customer_power,
            shape,
            ..
        } = first.family
        else {
            return None;
        };
        let more = [(0.5, 0.5), (0.5, 0.3), (0.5, 0.7), (0.3, 0.5), (0.8, 0.4)]
            .map(|(source, target)| of(customer_power, shape.power, source, target));
        let second = self.halve(more.to_vec())?;
        Some(Tuned {
            tried: first.tried + second.tried,
            ..second
        })
    }

    /// How the history is best weighed by `family`, one setting after the other; flat stays where nothing is better.
    pub fn weighting(&self, tuned: &Tuned) -> Weighting {
        let (mut family, fitted) = (tuned.family.clone(), &tuned.fitted);
        let Some(mut best) = family.weighting_mut().copied() else {
            return Weighting::default();
        };
        let mut fitted = fitted.clone();
        (self.say)("tuning how age, order and browsing weigh");
        let cases = self.spread_cases(1500);
        let mut score = |weighting: Weighting| {
            if let Fitted::Sparse { weighting: own, .. } = &mut fitted {
                *own = weighting;
            }
            mean(&gain_per_case(&fitted, &cases, self.bench.n()))
        };
        let mut value = score(best);
        let mut try_all = |best: &mut Weighting, value: &mut f64, options: Vec<Weighting>| {
            for option in options {
                let found = score(option);
                // flat is the plainer story: anything else must earn its place
                if found > *value * 1.002 {
                    *value = found;
                    *best = option;
                }
            }
        };
        if self.bench.corpus.has_browsing() {
            let options = [0.0, 0.3, 3.0].map(|browse| Weighting { browse, ..best });
            try_all(&mut best, &mut value, options.to_vec());
        }
        if self.regime != Regime::Random {
            let options = [0.97, 0.93, 0.87, 0.8, 0.7, 0.55].map(|order_decay| Weighting {
                order_decay,
                ..best
            });
            try_all(&mut best, &mut value, options.to_vec());
            if self.bench.corpus.timed {
                let options = [720.0, 360.0, 180.0, 90.0, 45.0, 20.0, 7.0].map(|days| Weighting {
                    half_life_days: Some(days),
                    ..best
                });
                try_all(&mut best, &mut value, options.to_vec());
            }
        }
        let options = [0.3, 0.6].map(|repeats| Weighting { repeats, ..best });
        try_all(&mut best, &mut value, options.to_vec());
        best
    }

    /// Directed short-lag counts; only where order or time say something.
    pub fn lag(&self, weighting: Weighting) -> Option<Tuned> {
        if self.regime == Regime::Random {
            return None;
        }
        let of = |lag: usize, shape: Shape, order_decay: f32| Family::Lag {
            lag,
            decay: 0.8,
            shape,
            keep: 300,
            weighting: Weighting {
                order_decay: order_decay.min(weighting.order_decay),
                ..weighting
            },
        };
        let mut settings = Vec::new();
        for lag in [3, 1] {
            for (power, source, target) in [(1.0, 0.5, 0.5), (1.0, 0.5, 0.2), (0.7, 0.35, 0.2)] {
                settings.push(of(
                    lag,
                    Shape {
                        power,
                        source,
                        target,
                    },
                    0.7,
                ));
            }
        }
        let first = self.halve(settings)?;
        let Family::Lag { lag, shape, .. } = first.family else {
            return None;
        };
        let second = self.halve([0.7, 0.85, 0.5].map(|decay| of(lag, shape, decay)).to_vec())?;
        Some(Tuned {
            tried: first.tried + 2,
            ..second
        })
    }

    /// Spectral vectors: dimension, power of the singular values, popularity of what is recommended.
    pub fn spectral(&self, weighting: Weighting) -> Option<Tuned> {
        (self.say)("decomposing the interactions");
        let most = self.bench.svd().sigma.len();
        let mut dims: Vec<usize> = [32, 64, 128, 256, 512, 1024]
            .into_iter()
            .filter(|k| *k < most)
            .collect();
        dims.push(most);
        let of = |k: usize, power: f32, source: f32, target: f32| Family::Spectral {
            k,
            power,
            source,
            target,
            weighting,
        };
        let first = self.halve(dims.iter().map(|k| of(*k, 0.5, 0.5, 0.5)).collect())?;
        let Family::Spectral { k, .. } = first.family else {
            return None;
        };
        let mut settings = Vec::new();
        let at = dims.iter().position(|d| *d == k).unwrap_or(0);
        for k in &dims[at.saturating_sub(1)..(at + 2).min(dims.len())] {
            for power in [0.5, 0.0, 1.0, 2.0] {
                settings.push(of(*k, power, 0.5, 0.5));
            }
        }
        let second = self.halve(settings)?;
        let Family::Spectral { k, power, .. } = second.family else {
            return None;
        };
        let settings = [
            (0.5, 0.5),
            (0.5, 0.4),
            (0.5, 0.6),
            (0.4, 0.5),
            (0.6, 0.5),
            (0.4, 0.4),
            (0.6, 0.6),
        ]
        .map(|(source, target)| of(k, power, source, target));
        let mut last = self.halve(settings.to_vec())?;
        last.tried += first.tried + second.tried;
        Some(last)
    }

    /// EASE^R where the memory allows it, its neighbourhood form beyond.
    pub fn ease(&self, weighting: Weighting, exact: bool) -> Option<Tuned> {
        let n = self.bench.n();
        let bench = self.bench;
        if !exact {
            let of = |lambda: f32| Family::LocalEase {
                customer_power: 0.0,
                lambda,
                neighbours: 100,
                weighting,
            };
            return self.once([30.0, 150.0].map(of).to_vec());
        }
        let keep = ease_keep(n);
        let of = |customer_power: f32, lambda: f32| Family::Ease {
            customer_power,
            lambda,
            keep,
            weighting,
        };
        // the best λ on the most popular products is near the best on all, for a fraction of |products|³
        let few = bench.most_popular(3500);
        let mut tried = Vec::new();
        for customer_power in [0.0, 0.25] {
            // λ is in units of a customer's weight
            let unit = self.mean_weight(customer_power);
            for lambda in [200.0, 40.0, 90.0, 450.0, 1000.0] {
                tried.push(of(customer_power, lambda * unit));
            }
        }
        (self.say)(&format!(
            "tuning EASE^R: {} settings on {} products",
            tried.len(),
            few.len()
        ));
        let mut best: Option<(f64, Family)> = None;
        for family in &tried {
            let Some(fitted) = bench.fit_ease_on(family, &few) else {
                continue;
            };
            let ndcg = self.score(&fitted, 1000);
            if best.as_ref().is_none_or(|b| ndcg > b.0) {
                best = Some((ndcg, family.clone()));
            }
        }
        let tuned = self.once(vec![best?.1])?;
        Some(Tuned {
            tried: tried.len(),
            ..tuned
        })
    }

    /// Mean n^(−2a) per interaction.
    fn mean_weight(&self, power: f32) -> f32 {
        let interactions = &self.bench.interactions;
        let (mut sum, mut count) = (0f64, 0f64);
        for u in 0..interactions.rows() {
            let n = interactions.row(u).0.len() as f64;
            if n > 0.0 {
                sum += n * n.powf(-2.0 * f64::from(power));
                count += n;
            }
        }
        (sum / f64::max(count, 1.0)) as f32
    }

    /// iALS++: weight of the unobserved and regularisation at few dimensions, then more dimensions.
    pub fn ials(&self, weighting: Weighting) -> Option<Tuned> {
        let interactions = &self.bench.interactions;
        let (customers, n) = (interactions.rows(), self.bench.n());
        if interactions.nnz() < 2000 || customers < 50 || n < 50 {
            return None;
        }
        let heavy = interactions.nnz() + 20 * (customers + n) > 1_500_000;
        let of = |dim: usize, epochs: usize, unobserved: f32, regularisation: f32| Family::Ials {
            options: IalsOptions {
                dim,
                epochs,
                block: 64,
                unobserved,
                regularisation,
                exponent: 1.0,
                seed: self.bench.seed,
            },
            weighting,
        };
        // the unobserved mass per customer, relative to what they own, is what matters: scale it to the data
        let density = interactions.nnz() as f32 / (customers.max(1) as f32 * n.max(1) as f32);
        let mut settings = Vec::new();
        let (masses, ridges): (&[f32], &[f32]) = if heavy {
            (&[4.0], &[0.003, 0.01])
        } else {
            (&[4.0, 1.0, 20.0], &[0.003, 0.01, 0.03])
        };
        for mass in masses {
            for ridge in ridges {
                settings.push(of(32, 4, (mass * density).min(1.0), *ridge));
            }
        }
        let first = self.once(settings)?;
        let Family::Ials { options, .. } = first.family.clone() else {
            return None;
        };
        if heavy {
            return Some(first);
        }
        let grown = [(64, 8, 1.0), (128, 8, 2.0)].map(|(dim, epochs, more)| {
            of(
                dim,
                epochs,
                options.unobserved,
                options.regularisation * more,
            )
        });
        let second = self.once(grown.to_vec())?;
        Some(if second.ndcg > first.ndcg {
            Tuned {
                tried: first.tried + second.tried,
                ..second
            }
        } else {
            first
        })
    }

    /// Attribute similarity; `None` where products say nothing about themselves.
    pub fn content(&self, weighting: Weighting) -> Option<Tuned> {
        if self.bench.content().0.is_empty() {
            return None;
        }
        let mut settings = vec![Family::Content {
            keep: 300,
            weighting,
        }];
        if self.regime != Regime::Random {
            for order_decay in [0.85, 0.7, 0.5] {
                if order_decay < weighting.order_decay {
                    settings.push(Family::Content {
                        keep: 300,
                        weighting: Weighting {
                            order_decay,
                            ..weighting
                        },
                    });
                }
            }
        }
        self.halve(settings)
    }
}

/// Entries per row of EASE^R: all of a small catalogue, and about 16 million in all of a large one.
pub fn ease_keep(n: usize) -> usize {
    (16_000_000 / n.max(1)).clamp(300, n.max(300))
}
