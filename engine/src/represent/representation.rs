//! The representation that is served: sparse item–item rows and vectors, blended linearly.

use std::sync::OnceLock;

use super::dense::{add_scaled, length, Dense};
use super::ials::Normal;
use super::{AlikeGraph, ColdProduct, ContentPart, Csr, Ials, Weighting};
use crate::index::{dot, dot_rows, rescored, top_of, Codes, GraphOptions, Top};
use serendib_shop::{Product, ProductIx, Touch};

/// Sparse item–item scores with their own weighting of the history. The blend weight is in the values.
#[derive(Debug, Clone, PartialEq)]
pub struct SparsePart {
    /// How the history is weighed for this part.
    pub weighting: Weighting,
    /// Row j: what owning j says about the others.
    pub rows: Csr,
}

/// How spectral vectors score: ⟨Σ_j w_j·source_j·unit_j, target_i·unit_i⟩. The blend weight is in `target`.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectralPart {
    /// How the history is weighed for this part.
    pub weighting: Weighting,
    /// Gain of an owned product.
    pub source: Vec<f32>,
    /// Gain of a recommended product.
    pub target: Vec<f32>,
}

/// iALS vectors with their blend weight.
#[derive(Debug, Clone, PartialEq)]
pub struct IalsPart {
    /// How the history is weighed for this part.
    pub weighting: Weighting,
    /// Item vectors and Gram matrix.
    pub model: Ials,
    pub weight: f32,
}

/// Everything that a [`Representation`] is made of; n = products of the catalogue.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parts {
    /// Customers who acquired each product; n numbers ≥ 0.
    pub buyers: Vec<f32>,
    /// The same with recent acquisitions counting more; n numbers ≥ 0.
    pub lately: Vec<f32>,
    /// Added to every customer's scores; n numbers, or empty.
    pub prior: Vec<f32>,
    pub sparse: Vec<SparsePart>,
    /// Unit vector per product, or a row of zeros where nothing is known; n × k.
    pub units: Dense,
    /// How the unit vectors score, if they do.
    pub spectral: Option<SpectralPart>,
    /// iALS, if it is in the blend.
    pub ials: Option<IalsPart>,
    /// Where products that came later are placed; absent where products say nothing about themselves.
    pub content: Option<ContentPart>,
    /// A graph for finding products alike; absent where a scan is as fast.
    pub alike: Option<AlikeGraph>,
    /// Whether candidates always come from the exact scan, because codes would miss too many of them.
    pub exact: bool,
}

/// Why parts do not make a representation.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RepresentError {
    /// An array has the wrong length.
    #[error("{what} has {found} entries, expected {expected}")]
    Shape {
        what: &'static str,
        found: usize,
        expected: usize,
    },
    /// A number is NaN or infinite.
    #[error("{what} holds a number that is not finite")]
    NotFinite { what: &'static str },
    /// A vector is neither of unit length nor zero.
    #[error("vector of product {product} has length {length}, expected 1 or 0")]
    NotUnit { product: usize, length: f32 },
}

/// One customer, session or basket folded into the representation.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    /// Weighted products per distinct weighting.
    weights: Vec<Vec<(ProductIx, f32)>>,
    spectral: Vec<f32>,
    latent: Vec<f32>,
    /// What every product gets from the prior and the sparse parts, once somebody asked.
    base: OnceLock<Box<[f32]>>,
    /// The customer's factored iALS equations, once somebody asked.
    normal: OnceLock<Option<Normal>>,
}

impl PartialEq for Folded {
    fn eq(&self, other: &Folded) -> bool {
        self.weights == other.weights
            && self.spectral == other.spectral
            && self.latent == other.latent
    }
}

impl Folded {
    /// Whether nothing of the history counted: scores are then the same for everybody.
    pub fn is_empty(&self) -> bool {
        self.weights.iter().all(Vec::is_empty)
    }

    /// The weighted products behind it, the latest first.
    pub fn products(&self) -> &[(ProductIx, f32)] {
        self.weights.first().map_or(&[], |weights| weights)
    }

    /// The customer's vector before it is scaled to unit length; `None` where there is nothing to go by.
    pub fn raw_vector(&self) -> Option<&[f32]> {
        self.spectral
            .iter()
            .any(|x| *x != 0.0)
            .then_some(&self.spectral)
    }

    /// A unit vector for the customer in the space of the products' vectors; `None` where there is nothing to go by.
    pub fn vector(&self) -> Option<Vec<f32>> {
        let length = length(&self.spectral);
        (length > 1e-12 && length.is_finite())
            .then(|| self.spectral.iter().map(|x| x / length).collect())
    }
}

/// Products as vectors and sparse rows; customers are folded in from their own touches. No customer is inside.
#[derive(Debug, Clone, Default)]
pub struct Representation {
    parts: Parts,
    /// Distinct weightings; the first is the one that customer vectors use.
    weightings: Vec<Weighting>,
    sparse_weighting: Vec<usize>,
    ials_weighting: usize,
    /// Popularity of the last resort, scaled to at most 1.
    fallback: Vec<f32>,
    /// 8-bit codes of spectral (with target gain) and iALS vectors side by side.
    codes: Codes,
    /// What iALS vectors are multiplied by before they are coded, and customers' divided by: see [`balance`].
    latent_scale: f32,
}

/// Below this many products every list comes from the exact scan.
const CODES_FROM: usize = 4000;
/// From this many products on a graph finds products alike clearly faster than a scan: on gowalla's unit vectors of 256
/// dimensions 211 against 229 µs at 10,000, 309 against 734 µs at 20,000, at a recall@20 of .996 (`benches`, `inner_product`).
const GRAPH_FROM: usize = 20_000;

impl Representation {
    /// Checks the parts and puts them together.
    ///
    /// # Errors
    /// Lengths that do not fit, numbers that are not finite, vectors that are neither unit nor zero.
    pub fn new(parts: Parts) -> Result<Representation, RepresentError> {
        let n = parts.buyers.len();
        check("buyers", &parts.buyers, n)?;
        check("lately", &parts.lately, n)?;
        if !parts.prior.is_empty() {
            check("prior", &parts.prior, n)?;
        }
        check("vectors", &parts.units.data, n * parts.units.cols)?;
        for product in 0..n {
            let length = length(parts.units.row(product));
            if length != 0.0 && (length - 1.0).abs() > 1e-3 {
                return Err(RepresentError::NotUnit { product, length });
            }
        }
        let mut weightings = Vec::new();
        let mut number = |weighting: Weighting| {
            weightings
                .iter()
                .position(|known| *known == weighting)
                .unwrap_or_else(|| {
                    weightings.push(weighting);
                    weightings.len() - 1
                })
        };
        if let Some(spectral) = &parts.spectral {
            check("source gains", &spectral.source, n)?;
            check("target gains", &spectral.target, n)?;
            number(spectral.weighting);
        } else {
            number(
                parts
                    .sparse
                    .first()
                    .map(|p| p.weighting)
                    .unwrap_or_default(),
            );
        }
        let mut sparse_weighting = Vec::new();
        for part in &parts.sparse {
            for (what, found) in [
                ("sparse rows", part.rows.rows()),
                ("sparse columns", part.rows.cols()),
            ] {
                if found != n {
                    return Err(RepresentError::Shape {
                        what,
                        found,
                        expected: n,
                    });
                }
            }
            sparse_weighting.push(number(part.weighting));
        }
        if let Some(content) = &parts.content {
            let expected = content.vocabulary.len() * parts.units.cols;
            check("content map", &content.map.data, expected)?;
            check("content gain", &[content.gain, content.level], 2)?;
            check("content appeal", &content.appeal, content.vocabulary.len())?;
        }
        let mut ials_weighting = 0;
        if let Some(ials) = &parts.ials {
            check(
                "latent vectors",
                &ials.model.items.data,
                n * ials.model.items.cols,
            )?;
            ials_weighting = number(ials.weighting);
        }
        let most = parts
            .lately
            .iter()
            .copied()
            .fold(0.0f32, f32::max)
            .max(1e-9);
        let all = parts
            .buyers
            .iter()
            .copied()
            .fold(0.0f32, f32::max)
            .max(1e-9);
        let fallback = parts
            .lately
            .iter()
            .zip(&parts.buyers)
            .map(|(lately, buyers)| 0.999 * lately / most + 0.001 * buyers / all)
            .collect();
        let latent_scale = balance(&parts);
        let codes = code(&parts, n, latent_scale);
        Ok(Representation {
            codes,
            latent_scale,
            parts,
            weightings,
            sparse_weighting,
            ials_weighting,
            fallback,
        })
    }

    /// Knows no product.
    pub fn empty() -> Representation {
        Representation::default()
    }

    /// Knows only how many customers acquired each product; numbers that are not finite count as 0.
    pub fn of_popularity(popularity: Vec<f32>) -> Representation {
        let buyers: Vec<f32> = popularity
            .into_iter()
            .map(|b| if b.is_finite() { b } else { 0.0 })
            .collect();
        let parts = Parts {
            lately: buyers.clone(),
            units: Dense::zeros(buyers.len(), 0),
            buyers,
            ..Parts::default()
        };
        Representation::new(parts).unwrap_or_default()
    }

    /// The parts, as written to a bundle.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// How many products there are.
    pub fn len(&self) -> usize {
        self.parts.buyers.len()
    }

    /// Whether there are no products.
    pub fn is_empty(&self) -> bool {
        self.parts.buyers.is_empty()
    }

    /// Dimension of [`Representation::vector`].
    pub fn dim(&self) -> usize {
        self.parts.units.cols
    }

    /// Customers who acquired each product.
    pub fn popularity(&self) -> &[f32] {
        &self.parts.buyers
    }

    /// The same with recent acquisitions counting more; equal to [`Representation::popularity`] in a shop without times.
    pub fn popularity_lately(&self) -> &[f32] {
        &self.parts.lately
    }

    /// Folds in a time-ordered history as seen at `now` (ms).
    pub fn fold_in(&self, history: &[Touch], now: i64) -> Folded {
        let weights = self
            .weightings
            .iter()
            .map(|weighting| {
                let mut weights = weighting.weigh(history, now);
                weights.retain(|(product, _)| product.index() < self.len());
                weights
            })
            .collect();
        self.fold(weights)
    }

    /// Folds in weighted products, such as a session or a basket; weights that are not above 0 are dropped.
    pub fn fold_in_products(&self, products: &[(ProductIx, f32)]) -> Folded {
        let weights: Vec<(ProductIx, f32)> = products
            .iter()
            .copied()
            .filter(|(product, w)| product.index() < self.len() && *w > 0.0 && w.is_finite())
            .collect();
        self.fold(vec![weights; self.weightings.len()])
    }

    fn fold(&self, mut weights: Vec<Vec<(ProductIx, f32)>>) -> Folded {
        let latent = self.parts.ials.as_ref().map_or_else(Vec::new, |ials| {
            let own = &weights[self.ials_weighting];
            let mut vector = ials.model.fold_in(own);
            let scale = ials.weight / mass_root(own);
            vector.iter_mut().for_each(|x| *x *= scale);
            vector
        });
        // a long history must not outweigh the prior without bound: every linear part sees weights of mass √Σw
        for own in &mut weights {
            let scale = 1.0 / mass_root(own);
            own.iter_mut().for_each(|(_, w)| *w *= scale);
        }
        let mut spectral = vec![0.0; self.dim()];
        match &self.parts.spectral {
            Some(part) => {
                for (product, weight) in &weights[0] {
                    let gain = weight * part.source[product.index()];
                    add_scaled(&mut spectral, self.parts.units.row(product.index()), gain);
                }
            }
            None => {
                for (product, weight) in &weights[0] {
                    add_scaled(
                        &mut spectral,
                        self.parts.units.row(product.index()),
                        *weight,
                    );
                }
            }
        }
        Folded {
            weights,
            spectral,
            latent,
            ..Folded::default()
        }
    }

    /// The exact blend over the full catalogue, one score per product; `out` has [`Representation::len`] places.
    ///
    /// Without any history the scores are popularity lately, so that there is always an order.
    pub fn scores(&self, folded: &Folded, out: &mut [f32]) {
        if folded.is_empty() {
            out.copy_from_slice(&self.fallback);
            return;
        }
        if self.parts.spectral.is_some() && self.dim() > 0 {
            dot_rows(&folded.spectral, &self.parts.units.data, out);
        } else {
            out.fill(0.0);
        }
        if let Some(part) = &self.parts.spectral {
            for (score, gain) in out.iter_mut().zip(&part.target) {
                *score *= gain;
            }
        }
        if let Some(ials) = &self.parts.ials {
            let items = &ials.model.items;
            for (product, score) in out.iter_mut().enumerate() {
                *score += dot(&folded.latent, items.row(product));
            }
        }
        for (score, prior) in out.iter_mut().zip(&self.parts.prior) {
            *score += prior;
        }
        self.add_sparse(folded, out);
    }

    fn add_sparse(&self, folded: &Folded, out: &mut [f32]) {
        for (part, weighting) in self.parts.sparse.iter().zip(&self.sparse_weighting) {
            for (owned, weight) in &folded.weights[*weighting] {
                let (columns, values) = part.rows.row(owned.index());
                for (column, value) in columns.iter().zip(values) {
                    out[*column as usize] += weight * value;
                }
            }
        }
    }

    /// The part of every product's score that does not come from vectors: computed once for one folded customer.
    fn base<'a>(&self, folded: &'a Folded) -> &'a [f32] {
        folded.base.get_or_init(|| {
            let mut base = match &self.parts.prior[..] {
                [] => vec![0.0; self.len()],
                prior => prior.to_vec(),
            };
            self.add_sparse(folded, &mut base);
            base.into()
        })
    }

    /// The numbers of [`Representation::scores`] for some products; 0 for one that the catalogue does not have.
    pub fn score(&self, folded: &Folded, products: &[ProductIx]) -> Vec<f32> {
        if folded.is_empty() {
            return products
                .iter()
                .map(|p| self.fallback.get(p.index()).copied().unwrap_or(0.0))
                .collect();
        }
        let base = self.base(folded);
        products
            .iter()
            .map(|product| match base.get(product.index()) {
                Some(base) => self.vector_score(folded, *product) + base,
                None => 0.0,
            })
            .collect()
    }

    /// The part of the score that comes from vectors.
    fn vector_score(&self, folded: &Folded, product: ProductIx) -> f32 {
        let at = product.index();
        let mut score = 0.0;
        if let Some(part) = &self.parts.spectral {
            if part.target[at] != 0.0 {
                score += part.target[at] * dot(&folded.spectral, self.parts.units.row(at));
            }
        }
        if let Some(ials) = &self.parts.ials {
            score += dot(&folded.latent, ials.model.items.row(at));
        }
        score
    }

    /// The best `k` products that `allowed` lets through: score descending, ties by product number.
    pub fn candidates(
        &self,
        folded: &Folded,
        k: usize,
        allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Vec<(ProductIx, f32)> {
        if self.codes.is_empty() || folded.is_empty() || rescored(k) >= self.len() / 2 {
            let mut scores = vec![0.0; self.len()];
            self.scores(folded, &mut scores);
            return top_of(&scores, k, allowed);
        }
        let base = self.base(folded);
        let mut query = Vec::with_capacity(self.codes.dim());
        if self.parts.spectral.is_some() {
            query.extend_from_slice(&folded.spectral);
        }
        query.extend(folded.latent.iter().map(|x| x / self.latent_scale));
        let mut first = Top::new(rescored(k));
        self.codes.scan(&query, &mut |start, scores| {
            for (at, (score, base)) in scores.iter().zip(&base[start..]).enumerate() {
                let score = score + base;
                let product = ProductIx::of_index(start + at);
                if first.admits(score) && allowed(product) {
                    first.push(product, score);
                }
            }
        });
        let mut top = Top::new(k);
        for product in first.into_numbers() {
            let score = base[product.index()] + self.vector_score(folded, product);
            top.push(product, score);
        }
        top.finish()
    }

    /// The products most alike in vector (cosine), without the product itself; empty where it has no vector.
    pub fn similar(
        &self,
        product: ProductIx,
        k: usize,
        allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Vec<(ProductIx, f32)> {
        let others = |other: ProductIx| other != product && allowed(other);
        match self.vector(product) {
            Some(vector) => self.nearest(vector, k, &others),
            None => Vec::new(),
        }
    }

    /// The same by a scan of all vectors.
    pub fn similar_exactly(
        &self,
        product: ProductIx,
        k: usize,
        allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Vec<(ProductIx, f32)> {
        let others = |other: ProductIx| other != product && allowed(other);
        match self.vector(product) {
            Some(vector) => self.nearest_exactly(vector, k, &others),
            None => Vec::new(),
        }
    }

    /// The products nearest to a unit vector in their space, such as [`ColdProduct::vector`], with their cosines.
    pub fn nearest(
        &self,
        vector: &[f32],
        k: usize,
        allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Vec<(ProductIx, f32)> {
        if let Some(graph) = &self.parts.alike {
            if let Some(found) = graph.search(&self.parts.units, vector, k, allowed) {
                let mut top = Top::new(k);
                for (other, cosine) in found {
                    top.push(other, cosine);
                }
                return top.finish();
            }
        }
        self.nearest_exactly(vector, k, allowed)
    }

    fn nearest_exactly(
        &self,
        vector: &[f32],
        k: usize,
        allowed: &(dyn Fn(ProductIx) -> bool + Sync),
    ) -> Vec<(ProductIx, f32)> {
        if vector.len() != self.dim() || vector.is_empty() {
            return Vec::new();
        }
        let mut scores = vec![0.0; self.len()];
        dot_rows(vector, &self.parts.units.data, &mut scores);
        top_of(&scores, k, &|other| {
            self.vector(other).is_some() && allowed(other)
        })
    }

    /// Whether candidates come from a first look at 8-bit codes.
    pub fn has_codes(&self) -> bool {
        !self.codes.is_empty()
    }

    /// The same with a graph for [`Representation::similar`] where the catalogue is large enough for one.
    pub fn with_alike_graph(mut self) -> Representation {
        if self.len() >= GRAPH_FROM && self.dim() > 0 {
            let graph = AlikeGraph::build(&self.parts.units, GraphOptions::default());
            self.parts.alike = Some(graph);
        }
        self
    }

    /// The same without the fast searches that find too little of what the exact ones find; see
    /// [`IndexFigures`](super::IndexFigures).
    pub fn with_sure_searches(mut self) -> Representation {
        let Some(figures) = self.index_figures() else {
            return self;
        };
        if !figures.finds_candidates() {
            self.parts.exact = true;
            self.codes = Codes::default();
        }
        if !figures.finds_alike() {
            self.parts.alike = None;
        }
        self
    }

    /// The content vector of a product that came later; `None` where nothing is known but its id.
    pub fn embed(&self, product: &Product) -> Option<ColdProduct> {
        self.parts.content.as_ref()?.embed(product)
    }

    /// The score of a product that came later, on the scale of [`Representation::score`].
    ///
    /// 0 for a customer of whom nothing is known.
    pub fn score_cold(&self, folded: &Folded, cold: &ColdProduct) -> f32 {
        let gain = self.parts.content.as_ref().map_or(0.0, |part| part.gain);
        if folded.is_empty() {
            return 0.0;
        }
        cold.appeal + gain * dot(&folded.spectral, &cold.unit)
    }

    /// The product's unit vector; `None` where nothing is known about it.
    pub fn vector(&self, product: ProductIx) -> Option<&[f32]> {
        if product.index() >= self.len() || self.dim() == 0 {
            return None;
        }
        let row = self.parts.units.row(product.index());
        row.iter().any(|x| *x != 0.0).then_some(row)
    }

    /// The `top` products of the history that speak most for `product`, with their additive share of its score,
    /// largest first; only those that speak for it.
    pub fn contributions(
        &self,
        folded: &Folded,
        product: ProductIx,
        top: usize,
    ) -> Vec<(ProductIx, f32)> {
        if product.index() >= self.len() {
            return Vec::new();
        }
        let mut parts: Vec<(ProductIx, f32)> = Vec::new();
        for (part, weighting) in self.parts.sparse.iter().zip(&self.sparse_weighting) {
            for (owned, weight) in &folded.weights[*weighting] {
                let (columns, values) = part.rows.row(owned.index());
                if let Ok(at) = columns.binary_search(&product.0) {
                    parts.push((*owned, weight * values[at]));
                }
            }
        }
        if let Some(part) = &self.parts.spectral {
            let target = part.target[product.index()];
            let unit = self.parts.units.row(product.index());
            if target != 0.0 {
                parts.extend(folded.weights[0].iter().map(|(owned, weight)| {
                    let own = self.parts.units.row(owned.index());
                    let gain = weight * part.source[owned.index()] * target;
                    (*owned, gain * dot(own, unit))
                }));
            }
        }
        if let Some(ials) = &self.parts.ials {
            let own = &folded.weights[self.ials_weighting];
            // the weights were scaled by 1/√mass = 1/scaled mass: undo it for the solve, keep it for the score
            let mass: f32 = own.iter().map(|(_, w)| w).sum();
            let plain: Vec<(ProductIx, f32)> = own.iter().map(|(p, w)| (*p, w * mass)).collect();
            let normal = folded.normal.get_or_init(|| ials.model.normal(&plain));
            if let Some(normal) = normal {
                let shares = normal.contributions(&ials.model, &plain, product);
                let scale = ials.weight / mass.max(1e-12);
                let scaled = shares.into_iter().map(|share| share * scale);
                parts.extend(own.iter().map(|(owned, _)| *owned).zip(scaled));
            }
        }
        parts.sort_by_key(|(owned, _)| *owned);
        let mut shares: Vec<(ProductIx, f32)> = Vec::with_capacity(parts.len());
        for (owned, share) in parts {
            match shares.last_mut() {
                Some(last) if last.0 == owned => last.1 += share,
                _ => shares.push((owned, share)),
            }
        }
        shares.retain(|(owned, share)| *owned != product && *share > 0.0 && share.is_finite());
        shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        shares.truncate(top);
        shares
    }
}

/// Codes of what [`Representation::candidates`] looks at first; empty for a small catalogue, without vectors, or where they
/// are not to be used.
fn code(parts: &Parts, n: usize, latent_scale: f32) -> Codes {
    let spectral = parts.spectral.as_ref().map(|part| (part, parts.units.cols));
    let first = spectral.map_or(0, |(_, dim)| dim);
    let second = parts.ials.as_ref().map_or(0, |part| part.model.items.cols);
    if parts.exact || n < CODES_FROM || first + second == 0 {
        return Codes::default();
    }
    Codes::build(n, first + second, |product, row| {
        if let Some((part, _)) = spectral {
            add_scaled(
                &mut row[..first],
                parts.units.row(product),
                part.target[product],
            );
        }
        if let Some(part) = &parts.ials {
            add_scaled(
                &mut row[first..],
                part.model.items.row(product),
                latent_scale,
            );
        }
    })
}

/// What brings iALS vectors to the size of the spectral ones (with their gains); 1 where either is missing.
///
/// A code has one scale for both. Where the product vectors of one are a hundred times as long and the customers' as much
/// shorter, both count alike in the score, but either the one's product vectors or the other's customers round to nothing.
fn balance(parts: &Parts) -> f32 {
    let (Some(spectral), Some(ials)) = (&parts.spectral, &parts.ials) else {
        return 1.0;
    };
    let largest = |row: &[f32]| row.iter().fold(0f32, |most, x| most.max(x.abs()));
    let n = parts.buyers.len();
    let units = (0..n).map(|ix| largest(parts.units.row(ix)) * spectral.target[ix].abs());
    let latent = (0..n).map(|ix| largest(ials.model.items.row(ix)));
    match (median_above_0(units), median_above_0(latent)) {
        (Some(units), Some(latent)) => Some(units / latent)
            .filter(|ratio| ratio.is_normal())
            .unwrap_or(1.0),
        _ => 1.0,
    }
}

/// The median of those `values` that are above 0.
fn median_above_0(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut values: Vec<f32> = values.filter(|x| *x > 0.0).collect();
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

/// √Σw, 1 for nothing.
fn mass_root(weights: &[(ProductIx, f32)]) -> f32 {
    let mass: f32 = weights.iter().map(|(_, w)| w).sum();
    if mass > 0.0 {
        mass.sqrt()
    } else {
        1.0
    }
}

fn check(what: &'static str, numbers: &[f32], expected: usize) -> Result<(), RepresentError> {
    if numbers.len() != expected {
        return Err(RepresentError::Shape {
            what,
            found: numbers.len(),
            expected,
        });
    }
    if numbers.iter().any(|x| !x.is_finite()) {
        return Err(RepresentError::NotFinite { what });
    }
    Ok(())
}
