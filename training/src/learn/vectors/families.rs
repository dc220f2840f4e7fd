//! The families of models with their settings, and fitting one of them on a corpus.

use serendib_shop::ProductIx;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::learn::vectors::cooccurrence::{
    content_similarity, cooccurrence, directed_lag, CooccurrenceOptions, Shape,
};
use crate::learn::vectors::ease::{ease, neighbourhood_ease};
use crate::learn::vectors::ials;
use crate::learn::vectors::svd::{truncated_svd, Svd, SvdOptions};
use serde::{Deserialize, Serialize};
use serendib_engine::represent::{Csr, Dense, IalsOptions, Vocabulary, Weighting};

use crate::learn::corpus::Corpus;
use crate::learn::vectors::scorers::Fitted;

/// A family with everything needed to fit it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "snake_case")]
pub enum Family {
    /// Most popular: ln(1 + buyers).
    Popular {
        /// Half-life of a buyer, days; absent = all count alike.
        half_life_days: Option<f32>,
    },
    /// Sparse item–item from co-occurrence.
    ItemItem {
        customer_power: f32,
        /// From counts to scores.
        shape: Shape,
        /// Entries per row.
        keep: usize,
        /// How the history is weighed.
        weighting: Weighting,
    },
    /// Directed item–item: what comes soon after.
    Lag {
        lag: usize,
        /// Factor per further position.
        decay: f32,
        /// From counts to scores.
        shape: Shape,
        /// Entries per row.
        keep: usize,
        /// How the history is weighed.
        weighting: Weighting,
    },
    /// Spectral vectors of the normalised interactions.
    Spectral {
        k: usize,
        /// Power of the singular values.
        power: f32,
        /// Owned products are divided by their buyers to this power.
        source: f32,
        /// Recommended products are multiplied by their buyers to this power.
        target: f32,
        /// How the history is weighed.
        weighting: Weighting,
    },
    Ease {
        /// A customer with n products counts n^(−2·this).
        customer_power: f32,
        /// Strength λ of the regularisation.
        lambda: f32,
        /// Entries per row.
        keep: usize,
        /// How the history is weighed.
        weighting: Weighting,
    },
    /// EASE^R restricted to co-occurring neighbourhoods.
    LocalEase {
        /// A customer with n products counts n^(−2·this).
        customer_power: f32,
        /// Strength λ of the regularisation.
        lambda: f32,
        /// Neighbours per product.
        neighbours: usize,
        /// How the history is weighed.
        weighting: Weighting,
    },
    Ials {
        options: IalsOptions,
        /// How the history is weighed.
        weighting: Weighting,
    },
    /// Cosine of idf-weighted attributes.
    Content {
        /// Entries per row.
        keep: usize,
        /// How the history is weighed.
        weighting: Weighting,
    },
}

impl Family {
    /// What people call it.
    pub fn name(&self) -> &'static str {
        match self {
            Family::Popular {
                half_life_days: None,
            } => "most popular",
            Family::Popular { .. } => "popular lately",
            Family::ItemItem { .. } => "item-item",
            Family::Lag { .. } => "next item",
            Family::Spectral { .. } => "spectral",
            Family::Ease { .. } => "EASE^R",
            Family::LocalEase { .. } => "EASE^R, neighbourhoods",
            Family::Ials { .. } => "iALS++",
            Family::Content { .. } => "content",
        }
    }

    /// Its settings in a few words.
    pub fn settings(&self) -> String {
        match self {
            Family::Popular { half_life_days } => {
                half_life_days.map_or_else(String::new, |days| format!("half-life {days:.0} d"))
            }
            Family::ItemItem {
                customer_power,
                shape,
                weighting,
                ..
            } => format!(
                "customer^-{customer_power} count^{} source^-{} target^-{}{}",
                shape.power,
                shape.source,
                shape.target,
                words(weighting)
            ),
            Family::Lag {
                lag,
                shape,
                weighting,
                ..
            } => format!(
                "lag {lag} count^{} source^-{} target^-{}{}",
                shape.power,
                shape.source,
                shape.target,
                words(weighting)
            ),
            Family::Spectral {
                k,
                power,
                source,
                target,
                weighting,
            } => format!(
                "k {k} sigma^{power} source^-{source} target^{target}{}",
                words(weighting)
            ),
            Family::Ease {
                customer_power,
                lambda,
                weighting,
                ..
            } => {
                format!(
                    "lambda {} customer^-{customer_power}{}",
                    short(*lambda),
                    words(weighting)
                )
            }
            Family::LocalEase {
                customer_power,
                lambda,
                neighbours,
                weighting,
            } => format!(
                "lambda {} neighbours {neighbours} customer^-{customer_power}{}",
                short(*lambda),
                words(weighting)
            ),
            Family::Ials { options, weighting } => format!(
                "d {} epochs {} unobserved {} lambda {}{}",
                options.dim,
                options.epochs,
                short(options.unobserved),
                short(options.regularisation),
                words(weighting)
            ),
            Family::Content { weighting, .. } => words(weighting).trim_start().to_owned(),
        }
    }

    /// How the history is weighed; `None` where it is not looked at.
    pub fn weighting_mut(&mut self) -> Option<&mut Weighting> {
        match self {
            Family::Popular { .. } => None,
            Family::ItemItem { weighting, .. }
            | Family::Lag { weighting, .. }
            | Family::Spectral { weighting, .. }
            | Family::Ease { weighting, .. }
            | Family::LocalEase { weighting, .. }
            | Family::Ials { weighting, .. }
            | Family::Content { weighting, .. } => Some(weighting),
        }
    }

    /// The same family with another weighting of the history.
    pub fn with_weighting(&self, new: Weighting) -> Family {
        let mut out = self.clone();
        if let Some(weighting) = out.weighting_mut() {
            *weighting = new;
        }
        out
    }
}

/// `number` with three digits that count, without zeros behind them.
fn short(number: f32) -> String {
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let digits = (2.0 - number.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    let text = format!("{number:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn words(weighting: &Weighting) -> String {
    let mut out = String::new();
    if weighting.order_decay < 1.0 {
        out += &format!(" order decay {}", weighting.order_decay);
    }
    if let Some(days) = weighting.half_life_days {
        out += &format!(" half-life {days:.0} d");
    }
    if weighting.last > 0 {
        out += &format!(" last {}", weighting.last);
    }
    if weighting.browse != 1.0 {
        out += &format!(" browse {}", weighting.browse);
    }
    if weighting.repeats > 0.0 {
        out += &format!(" repeats^{}", weighting.repeats);
    }
    out
}

/// A corpus with everything that several families share, computed once.
pub struct Workbench<'a> {
    pub corpus: &'a Corpus<'a>,
    /// Customers × products.
    pub interactions: Csr,
    /// Customers per product.
    pub buyers: Vec<f32>,
    /// Seed of everything random.
    pub seed: u64,
    /// Largest number of singular triplets wanted by anybody.
    pub most_k: usize,
    counts: RefCell<HashMap<u32, Rc<Csr>>>,
    svd: RefCell<Option<Rc<Svd>>>,
    ease: RefCell<HashMap<String, Option<Rc<Csr>>>>,
    content: RefCell<Option<Rc<(Vocabulary, Csr)>>>,
}

/// Counted co-occurrences kept per row, and the customers' last products that make pairs.
const COUNTS_KEPT: usize = 400;
const PAIRS_FROM_LAST: usize = 500;

impl<'a> Workbench<'a> {
    pub fn new(corpus: &'a Corpus<'a>, most_k: usize, seed: u64) -> Workbench<'a> {
        let interactions = corpus.interactions();
        let buyers = interactions
            .col_counts()
            .iter()
            .map(|c| *c as f32)
            .collect();
        Workbench {
            corpus,
            interactions,
            buyers,
            seed,
            most_k,
            counts: RefCell::default(),
            svd: RefCell::default(),
            ease: RefCell::default(),
            content: RefCell::default(),
        }
    }

    /// Products of the catalogue.
    pub fn n(&self) -> usize {
        self.corpus.products()
    }

    /// Co-occurrence counts with the given say per customer.
    pub fn counts(&self, customer_power: f32) -> Rc<Csr> {
        self.counts
            .borrow_mut()
            .entry(customer_power.to_bits())
            .or_insert_with(|| {
                Rc::new(cooccurrence(
                    &self.interactions,
                    CooccurrenceOptions {
                        customer_power,
                        keep: COUNTS_KEPT,
                        last: PAIRS_FROM_LAST,
                    },
                ))
            })
            .clone()
    }

    /// Lets go of counts and of EASE^R's rows, which are large.
    pub fn forget_rows(&self) {
        self.counts.borrow_mut().clear();
        self.ease.borrow_mut().clear();
    }

    /// Decomposition of D_u^(−½) R D_i^(−½), as far as anybody needs it.
    pub fn svd(&self) -> Rc<Svd> {
        self.svd
            .borrow_mut()
            .get_or_insert_with(|| {
                let root: Vec<f32> = self
                    .buyers
                    .iter()
                    .map(|d| d.max(1.0).sqrt().recip())
                    .collect();
                let normalised = Csr::from_rows(
                    self.n(),
                    (0..self.interactions.rows()).map(|u| {
                        let n = self.interactions.row(u).0.len().max(1) as f32;
                        self.interactions
                            .iter_row(u)
                            .map(|(i, r)| (i, r * root[i as usize] / n.sqrt()))
                            .collect::<Vec<_>>()
                    }),
                );
                Rc::new(truncated_svd(
                    &normalised,
                    SvdOptions {
                        k: self.most_k,
                        oversample: 20,
                        iterations: 4,
                        seed: self.seed,
                    },
                ))
            })
            .clone()
    }

    /// Features of all products.
    pub fn content(&self) -> Rc<(Vocabulary, Csr)> {
        self.content
            .borrow_mut()
            .get_or_insert_with(|| Rc::new(Vocabulary::with_rows(self.corpus.catalogue.products())))
            .clone()
    }

    /// Weighted buyers per product: the diagonal that belongs to [`Workbench::counts`].
    fn mass(&self, customer_power: f32) -> Vec<f32> {
        let mut mass = vec![0f32; self.n()];
        for u in 0..self.interactions.rows() {
            let (row, _) = self.interactions.row(u);
            let n = row.len().clamp(1, PAIRS_FROM_LAST) as f32;
            for product in row {
                mass[*product as usize] += n.powf(-2.0 * customer_power);
            }
        }
        mass
    }

    /// EASE^R rows, kept for the last few settings.
    fn ease(&self, key: String, make: impl FnOnce() -> Option<Csr>) -> Option<Rc<Csr>> {
        if let Some(known) = self.ease.borrow().get(&key) {
            return known.clone();
        }
        let made = make().map(Rc::new);
        let mut cache = self.ease.borrow_mut();
        if cache.len() >= 3 {
            cache.clear();
        }
        cache.insert(key, made.clone());
        made
    }

    /// The `most` products with the most buyers, ascending.
    pub fn most_popular(&self, most: usize) -> Vec<ProductIx> {
        let mut products: Vec<ProductIx> = ProductIx::all(self.n()).collect();
        products.sort_by(|a, b| {
            self.buyers[b.index()]
                .total_cmp(&self.buyers[a.index()])
                .then(a.cmp(b))
        });
        products.truncate(most);
        products.sort_unstable();
        products
    }

    /// EASE^R as if only `products` (ascending) existed; the others have empty rows and are never recommended.
    pub fn fit_ease_on(&self, family: &Family, products: &[ProductIx]) -> Option<Fitted> {
        let Family::Ease {
            customer_power,
            lambda,
            weighting,
            ..
        } = family
        else {
            return None;
        };
        if products.len() == self.n() {
            return self.fit(family);
        }
        let mut small = vec![u32::MAX; self.n()];
        for (at, product) in products.iter().enumerate() {
            small[product.index()] = at as u32;
        }
        let part = Csr::from_rows(
            products.len(),
            (0..self.interactions.rows()).map(|u| {
                self.interactions
                    .iter_row(u)
                    .map(|(product, value)| (small[product as usize], value))
                    .collect::<Vec<_>>()
            }),
        );
        let rows = ease(&part, *customer_power, *lambda, 1000)?;
        let full = Csr::from_rows(
            self.n(),
            small.iter().map(|at| {
                if *at == u32::MAX {
                    return Vec::new();
                }
                rows.iter_row(*at as usize)
                    .map(|(column, value)| (products[column as usize].0, value))
                    .collect()
            }),
        );
        Some(Fitted::Sparse {
            rows: full,
            weighting: *weighting,
        })
    }

    /// Fits one family; `None` where the data does not allow it.
    pub fn fit(&self, family: &Family) -> Option<Fitted> {
        Some(match family {
            Family::Popular { half_life_days } => {
                let buyers = match half_life_days {
                    Some(days) => self.corpus.buyers_lately(Some(*days)),
                    None => self.buyers.clone(),
                };
                Fitted::Prior(buyers.iter().map(|b| b.ln_1p()).collect())
            }
            Family::ItemItem {
                customer_power,
                shape,
                keep,
                weighting,
            } => Fitted::Sparse {
                rows: shape.apply(&self.counts(*customer_power), &self.buyers, *keep),
                weighting: *weighting,
            },
            Family::Lag {
                lag,
                decay,
                shape,
                keep,
                weighting,
            } => {
                let counts = directed_lag(&self.interactions, *lag, *decay, COUNTS_KEPT);
                Fitted::Sparse {
                    rows: shape.apply(&counts, &self.buyers, *keep),
                    weighting: *weighting,
                }
            }
            Family::Spectral {
                k,
                power,
                source,
                target,
                weighting,
            } => {
                let svd = self.svd();
                let k = (*k).min(svd.sigma.len());
                if k == 0 {
                    return None;
                }
                let mut vectors = svd.v.prefix(k);
                let half: Vec<f32> = svd.sigma[..k].iter().map(|s| s.powf(power / 2.0)).collect();
                for row in 0..vectors.rows {
                    for (x, s) in vectors.row_mut(row).iter_mut().zip(&half) {
                        *x *= s;
                    }
                }
                let gain = |exponent: f32| -> Vec<f32> {
                    self.buyers
                        .iter()
                        .map(|d| d.max(1.0).powf(exponent))
                        .collect()
                };
                Fitted::Spectral {
                    vectors,
                    source: gain(-source),
                    target: gain(*target),
                    weighting: *weighting,
                }
            }
            Family::Ease {
                customer_power,
                lambda,
                keep,
                weighting,
            } => {
                let rows = self.ease(format!("exact {customer_power} {lambda} {keep}"), || {
                    ease(&self.interactions, *customer_power, *lambda, *keep)
                })?;
                Fitted::Sparse {
                    rows: (*rows).clone(),
                    weighting: *weighting,
                }
            }
            Family::LocalEase {
                customer_power,
                lambda,
                neighbours,
                weighting,
            } => {
                let rows = self.ease(
                    format!("local {customer_power} {lambda} {neighbours}"),
                    || {
                        Some(neighbourhood_ease(
                            &self.counts(*customer_power),
                            &self.mass(*customer_power),
                            *lambda,
                            *neighbours,
                        ))
                    },
                )?;
                Fitted::Sparse {
                    rows: (*rows).clone(),
                    weighting: *weighting,
                }
            }
            Family::Ials { options, weighting } => Fitted::Ials {
                model: ials::fit(&self.interactions, *options, None),
                weighting: *weighting,
            },
            Family::Content { keep, weighting } => {
                let content = self.content();
                if content.0.is_empty() {
                    return None;
                }
                Fitted::Sparse {
                    rows: content_similarity(&content.1, *keep, 2000),
                    weighting: *weighting,
                }
            }
        })
    }

    /// Product vectors for distances: spectral ones with singular values to the power ½, `k` at most.
    pub fn vectors(&self, k: usize, power: f32) -> Dense {
        let svd = self.svd();
        let k = k.min(svd.sigma.len());
        let mut vectors = svd.v.prefix(k);
        for row in 0..vectors.rows {
            for (x, s) in vectors.row_mut(row).iter_mut().zip(&svd.sigma) {
                *x *= s.powf(power / 2.0);
            }
        }
        vectors
    }
}
