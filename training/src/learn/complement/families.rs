//! What else goes into a basket: one sparse item-to-item matrix blended from three families.
//!
//! * **item–item**: P = D_i^-½ Rᵀ D_b⁻¹ R D_i^-½ over baskets, each entry to a power (the linear graph filter; Deshpande &
//!   Karypis 2004, Shen et al. 2021). A basket of a thousand lines says a thousand times less about a pair.
//! * **EASE** over baskets: B = I − G⁻¹·diagMat(1 ⊘ diag G⁻¹), G = RᵀR + λI (Steck, WWW 2019). Dense and cubic in the number of
//!   products, so only over the products with the most baskets where the catalogue is large.
//! * **titles**: cosine of idf-weighted title words, for products too new to have baskets.
//!
//! All three are linear in the basket, so their blend is one matrix and a basket is scored by adding rows.

use std::collections::HashMap;

use faer::linalg::solvers::DenseSolveCore;
use faer::Mat;
use rayon::prelude::*;
use serendib_engine::complement::baskets::RowCounter;
use serendib_engine::complement::variants::title_words;
use serendib_engine::complement::{keep_largest, BasketLog, SparseRows};
use serendib_shop::{Catalogue, ProductIx};

/// Why a completion scorer was not fitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompletionError {
    /// The regularised Gram matrix was not positive definite.
    #[error("EASE over {products} products: the Gram matrix is not positive definite")]
    NotPositiveDefinite {
        /// How many products.
        products: usize,
    },
}

/// The item–item family: rows of P^∘power, the `width` largest entries each. `weight` gives each basket's weight (recency).
pub fn item_item(
    log: &BasketLog,
    power: f32,
    width: usize,
    weight: &(dyn Fn(usize) -> f32 + Sync),
) -> SparseRows {
    let inverted = log.inverted();
    let mut degree = vec![0.0f32; log.products()];
    for ix in 0..log.len() {
        for product in log.items(ix) {
            degree[product.index()] += weight(ix);
        }
    }
    let rows: Vec<Vec<(ProductIx, f32)>> = (0..log.products())
        .into_par_iter()
        .map(ProductIx::of_index)
        .map_init(
            || RowCounter::new(log.products()),
            |counter, a| {
                let mut row = counter.row(log, &inverted, a, |basket| {
                    weight(basket) / log.items(basket).len() as f32
                });
                for (b, value) in &mut row {
                    let scale = (degree[a.index()] * degree[b.index()]).sqrt();
                    *value = if scale > 0.0 {
                        (*value / scale).powf(power)
                    } else {
                        0.0
                    };
                }
                keep_largest(&mut row, width);
                row
            },
        )
        .collect();
    SparseRows::from_rows(rows)
}

/// The EASE family over the `largest` products with the most baskets (at least two): the `width` largest entries per row.
///
/// Row i holds what the presence of i adds to each j.
///
/// # Errors
/// The Gram matrix is not positive definite (λ ≤ 0).
pub fn ease(
    log: &BasketLog,
    lambda: f32,
    largest: usize,
    width: usize,
    weight: &(dyn Fn(usize) -> f32 + Sync),
) -> Result<SparseRows, CompletionError> {
    let frequencies = log.frequencies();
    let mut chosen: Vec<ProductIx> = ProductIx::all(log.products())
        .filter(|p| frequencies[p.index()] >= 2)
        .collect();
    chosen.sort_by_key(|p| (std::cmp::Reverse(frequencies[p.index()]), *p));
    chosen.truncate(largest);
    chosen.sort_unstable();
    let n = chosen.len();
    if n == 0 {
        return Ok(SparseRows::from_rows(vec![Vec::new(); log.products()]));
    }
    let mut place = vec![u32::MAX; log.products()];
    for (at, product) in chosen.iter().enumerate() {
        place[product.index()] = at as u32;
    }
    let inverted = log.inverted();
    let columns: Vec<Vec<f32>> = chosen
        .par_iter()
        .map_init(
            || RowCounter::new(log.products()),
            |counter, product| {
                let mut column = vec![0.0f32; n];
                for (other, count) in counter.row(log, &inverted, *product, weight) {
                    let at = place[other.index()];
                    if at != u32::MAX {
                        column[at as usize] = count;
                    }
                }
                let own: f32 = inverted
                    .of(*product)
                    .iter()
                    .map(|basket| weight(*basket as usize))
                    .sum();
                column[place[product.index()] as usize] = own + lambda;
                column
            },
        )
        .collect();
    let gram = Mat::<f32>::from_fn(n, n, |i, j| columns[j][i]);
    drop(columns);
    let inverse = gram
        .llt(faer::Side::Lower)
        .map_err(|_| CompletionError::NotPositiveDefinite { products: n })?
        .inverse();
    drop(gram);
    let rows: Vec<Vec<(ProductIx, f32)>> = (0..log.products())
        .into_par_iter()
        .map(|product| {
            let i = place[product];
            if i == u32::MAX {
                return Vec::new();
            }
            let i = i as usize;
            let mut row: Vec<(ProductIx, f32)> = (0..n)
                .filter(|j| *j != i)
                .map(|j| (chosen[j], -inverse[(i, j)] / inverse[(j, j)]))
                .collect();
            keep_largest(&mut row, width);
            row
        })
        .collect();
    Ok(SparseRows::from_rows(rows))
}

/// The title family: cosine of idf-weighted title words, the `width` most alike per product. Empty where no product has a title.
pub fn titles(catalogue: &Catalogue, width: usize) -> SparseRows {
    let mut vocabulary: HashMap<String, u32> = HashMap::new();
    let mut documents: Vec<u32> = Vec::new();
    let words: Vec<Vec<u32>> = catalogue
        .products()
        .iter()
        .map(|product| {
            let mut row: Vec<u32> = product
                .title
                .as_deref()
                .map(title_words)
                .unwrap_or_default()
                .into_iter()
                .map(|word| {
                    let next = vocabulary.len() as u32;
                    *vocabulary.entry(word).or_insert(next)
                })
                .collect();
            row.sort_unstable();
            row.dedup();
            for word in &row {
                if documents.len() <= *word as usize {
                    documents.resize(*word as usize + 1, 0);
                }
                documents[*word as usize] += 1;
            }
            row
        })
        .collect();
    let total = catalogue.len() as f32;
    let idf: Vec<f32> = documents
        .iter()
        .map(|d| (total / (*d).max(1) as f32).ln().max(0.0))
        .collect();
    let norms: Vec<f32> = words
        .iter()
        .map(|row| {
            row.iter()
                .map(|w| idf[*w as usize] * idf[*w as usize])
                .sum::<f32>()
                .sqrt()
        })
        .collect();
    // A word in more than a tenth of a large catalogue tells nothing and costs most.
    let common = (catalogue.len() / 10).max(50) as u32;
    let mut postings: Vec<Vec<ProductIx>> = vec![Vec::new(); documents.len()];
    for (product, row) in words.iter().enumerate() {
        for word in row.iter().filter(|w| documents[**w as usize] <= common) {
            postings[*word as usize].push(ProductIx::of_index(product));
        }
    }
    let rows: Vec<Vec<(ProductIx, f32)>> = (0..catalogue.len())
        .into_par_iter()
        .map_init(
            || (vec![0.0f32; catalogue.len()], Vec::<ProductIx>::new()),
            |(sums, touched), product| {
                for word in &words[product] {
                    let weight = idf[*word as usize] * idf[*word as usize];
                    for other in &postings[*word as usize] {
                        if sums[other.index()] == 0.0 {
                            touched.push(*other);
                        }
                        sums[other.index()] += weight;
                    }
                }
                let mut row: Vec<(ProductIx, f32)> = touched
                    .iter()
                    .filter(|other| other.index() != product)
                    .map(|other| {
                        let norm = norms[product] * norms[other.index()];
                        let dot = sums[other.index()];
                        (*other, if norm > 0.0 { dot / norm } else { 0.0 })
                    })
                    .collect();
                for other in touched.drain(..) {
                    sums[other.index()] = 0.0;
                }
                row.sort_by_key(|(other, _)| *other);
                row.dedup_by_key(|(other, _)| *other);
                keep_largest(&mut row, width);
                row
            },
        )
        .collect();
    SparseRows::from_rows(rows)
}

/// Mean over non-empty rows of the largest entry: what a family's weights are measured in.
fn scale(rows: &SparseRows) -> f32 {
    let (mut sum, mut count) = (0.0f64, 0u32);
    for row in ProductIx::all(rows.rows()) {
        let largest = rows.row(row).1.iter().copied().fold(0.0f32, f32::max);
        if largest > 0.0 {
            sum += f64::from(largest);
            count += 1;
        }
    }
    if count > 0 {
        (sum / f64::from(count)) as f32
    } else {
        1.0
    }
}

/// Adds families, each in units of its own mean row maximum, and keeps the `width` largest entries per row.
pub fn blend(families: &[(&SparseRows, f32)], products: usize, width: usize) -> SparseRows {
    let parts: Vec<(&SparseRows, f32)> = families
        .iter()
        .filter(|(rows, weight)| *weight != 0.0 && !rows.parts().1.is_empty())
        .map(|(rows, weight)| (*rows, weight / scale(rows)))
        .collect();
    let rows: Vec<Vec<(ProductIx, f32)>> = (0..products)
        .into_par_iter()
        .map_init(
            || vec![0.0f32; products],
            |sums, product| {
                let mut touched: Vec<ProductIx> = Vec::new();
                for (family, weight) in &parts {
                    for (other, value) in family.iter(ProductIx::of_index(product)) {
                        touched.push(other);
                        sums[other.index()] += weight * value;
                    }
                }
                touched.sort_unstable();
                touched.dedup();
                let mut row: Vec<(ProductIx, f32)> = touched
                    .into_iter()
                    .map(|other| (other, std::mem::take(&mut sums[other.index()])))
                    .collect();
                keep_largest(&mut row, width);
                row
            },
        )
        .collect();
    SparseRows::from_rows(rows)
}

/// Baskets by which a product's popularity is shrunk in [`tempered`].
const TEMPER_SHRINK: f32 = 5.0;

/// The same matrix with column j divided by (`baskets` of j + 5)^`power`: what everybody buys needs no telling, and the sum over a
/// basket, to which each product adds a little of it, favours it. 0 changes nothing.
pub fn tempered(rows: &SparseRows, baskets: &[u32], power: f32) -> SparseRows {
    if power == 0.0 {
        return rows.clone();
    }
    let shares: Vec<f32> = baskets
        .iter()
        .map(|n| (*n as f32 + TEMPER_SHRINK).powf(-power))
        .collect();
    SparseRows::from_rows(ProductIx::all(rows.rows()).map(|row| {
        rows.iter(row)
            .map(|(other, value)| (other, value * shares.get(other.index()).unwrap_or(&1.0)))
            .collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_engine::complement::Completion;
    use serendib_shop::{CustomerIx, Product};

    fn log() -> BasketLog {
        let mut log = BasketLog::new(6);
        for n in CustomerIx::all(30) {
            log.push(n, 0, [0, 1].map(ProductIx));
            log.push(n, 0, [2, 3].map(ProductIx));
            log.push(n, 0, [ProductIx(4)]);
        }
        log.push(CustomerIx(99), 0, [0, 1, 2, 3, 4, 5].map(ProductIx));
        log
    }

    #[test]
    fn a_basket_is_completed_by_its_usual_company() {
        let log = log();
        let even = |_: usize| 1.0f32;
        let a = item_item(&log, 0.8, 10, &even);
        let b = ease(&log, 5.0, 100, 10, &even).unwrap();
        let rows = blend(&[(&a, 1.0), (&b, 1.0)], 6, 10);
        let popularity = log.frequencies().iter().map(|f| *f as f32 / 91.0).collect();
        let completion = Completion::new(rows, popularity);
        let best = completion.complete(&[(ProductIx(0), 1.0)], 3, &|_| true);
        assert_eq!(best[0].0, ProductIx(1));
        let best = completion.complete(&[(ProductIx(3), 1.0), (ProductIx(9), 1.0)], 1, &|p| {
            p != ProductIx(5)
        });
        assert_eq!(best[0].0, ProductIx(2));
        let parts: f32 = completion
            .contributions(&[(ProductIx(3), 1.0), (ProductIx(0), 1.0)], ProductIx(2))
            .iter()
            .map(|(_, v)| v)
            .sum();
        let mut scores = vec![0.0; 6];
        completion.scores(&[(ProductIx(3), 1.0), (ProductIx(0), 1.0)], &mut scores);
        assert!((parts - scores[2]).abs() < 1e-4);
    }

    /// EASE by its definition on a matrix small enough to invert by hand with exact elimination.
    #[test]
    fn ease_solves_its_normal_equations() {
        let log = log();
        let lambda = 2.0f32;
        let b = ease(&log, lambda, 100, 100, &|_| 1.0).unwrap();
        // The gradient of ½‖R − RB‖² + λ/2‖B‖² vanishes off the diagonal: (RᵀR + λI)B − RᵀR = 0 there. Product 5 has one basket.
        let n = 5;
        let mut gram = vec![vec![0.0f32; n]; n];
        for ix in 0..log.len() {
            for i in log.items(ix).iter().filter(|p| **p < ProductIx(5)) {
                for j in log.items(ix).iter().filter(|p| **p < ProductIx(5)) {
                    gram[i.index()][j.index()] += 1.0;
                }
            }
        }
        for i in 0..n {
            for j in (0..n).filter(|j| *j != i) {
                let product: f32 = (0..n)
                    .map(|k| {
                        let g = gram[i][k] + if i == k { lambda } else { 0.0 };
                        g * b.get(k as u32, ProductIx(j as u32))
                    })
                    .sum();
                assert!((product - gram[i][j]).abs() < 1e-2);
            }
        }
        assert!(ease(&log, -1000.0, 100, 100, &|_| 1.0).is_err());
    }

    #[test]
    fn tempering_lowers_what_everybody_buys() {
        let rows = SparseRows::from_rows([
            vec![(ProductIx(1), 1.0), (ProductIx(2), 0.9)],
            vec![],
            vec![],
        ]);
        let tempered = |power| tempered(&rows, &[10, 1_000, 20], power);
        assert_eq!(tempered(0.0), rows);
        let some = tempered(0.1);
        assert!(
            some.get(ProductIx(0), ProductIx(2)) > some.get(ProductIx(0), ProductIx(1))
                && some.get(ProductIx(0), ProductIx(1)) > 0.0
        );
    }

    #[test]
    fn titles_find_products_without_baskets() {
        let products = ["Wooden train set", "Wooden train bridge", "Silk scarf"]
            .iter()
            .enumerate()
            .map(|(ix, title)| Product {
                title: Some((*title).into()),
                ..Product::bare(format!("p{ix}"))
            })
            .collect();
        let rows = titles(&Catalogue::new(products).unwrap(), 5);
        assert!(rows.get(ProductIx(0), ProductIx(1)) > 0.0);
        assert_eq!(rows.get(ProductIx(0), ProductIx(2)), 0.0);
    }
}
