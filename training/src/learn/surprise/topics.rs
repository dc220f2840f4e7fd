//! Learns what kind of thing each product is.

use std::collections::HashMap;

use linfa::traits::{Fit, Predict};
use linfa::DatasetBase;
use linfa_clustering::KMeans;
use ndarray::{Array1, Array2};
use rand::prelude::*;
use rand_chacha::ChaCha8Rng;
use serendib_engine::complement::variants::title_words;
use serendib_engine::surprise::Topics;
use serendib_shop::{stable_hash, Catalogue, ProductIx};

/// Dimensions that title words are projected to.
const TITLE_DIMENSIONS: usize = 64;
/// Leading dimensions of the representation's vectors that clusters are found in: they are ordered by what they explain, and
/// the rest costs time without moving a product to another kind of thing.
const VECTOR_DIMENSIONS: usize = 64;
/// At most so many products are looked at to place the centroids.
const SAMPLE: usize = 8_000;
const ITERATIONS: u64 = 25;

/// By leaf category where at least half of the products have one (the others make topic of their own), else by clusters of
/// `vectors` of title words, else by clusters of the leading dimensions of `vector` (the representation's), else one topic.
pub fn learn<'v>(
    catalogue: &Catalogue,
    vector: &dyn Fn(ProductIx) -> Option<&'v [f32]>,
    seed: u64,
) -> Topics {
    let products = catalogue.len();
    let with_category = ProductIx::all(products)
        .filter(|p| catalogue.leaf(*p).is_some())
        .count();
    if products > 0 && with_category * 2 >= products {
        let none = catalogue.categories().len() as u32;
        return Topics::from_numbers(dense(
            ProductIx::all(products)
                .map(|p| catalogue.leaf(p).map_or(none, |c| c.0))
                .collect(),
        ));
    }
    let titled = catalogue
        .products()
        .iter()
        .filter(|p| p.title.is_some())
        .count();
    if titled * 2 >= products.max(1) {
        let rows = title_vectors(catalogue);
        return clusters(&rows, products, seed);
    }
    let rows: Vec<Option<Vec<f32>>> = ProductIx::all(products)
        .map(|p| unit(vector(p)?.iter().take(VECTOR_DIMENSIONS).copied().collect()))
        .collect();
    clusters(&rows, products, seed)
}

fn dense(numbers: Vec<u32>) -> Vec<u32> {
    let mut seen: HashMap<u32, u32> = HashMap::new();
    numbers
        .into_iter()
        .map(|n| {
            let next = seen.len() as u32;
            *seen.entry(n).or_insert(next)
        })
        .collect()
}

/// Idf-weighted title words projected to few dimensions by signs that follow from each word, unit length.
fn title_vectors(catalogue: &Catalogue) -> Vec<Option<Vec<f32>>> {
    let words: Vec<Vec<String>> = catalogue
        .products()
        .iter()
        .map(|p| p.title.as_deref().map(title_words).unwrap_or_default())
        .collect();
    let mut documents: HashMap<&str, f32> = HashMap::new();
    for row in &words {
        for word in row {
            *documents.entry(word).or_default() += 1.0;
        }
    }
    let total = words.len() as f32;
    words
        .iter()
        .map(|row| {
            let mut vector = vec![0.0f32; TITLE_DIMENSIONS];
            for word in row {
                let count = documents.get(word.as_str()).copied().unwrap_or(1.0);
                // A word of one product says nothing of its kind.
                if count < 2.0 || word.bytes().all(|b| b.is_ascii_digit()) {
                    continue;
                }
                let idf = (total / count).ln().clamp(0.1, 6.0);
                let mut rng = ChaCha8Rng::seed_from_u64(stable_hash(word.as_bytes()));
                for slot in &mut vector {
                    *slot += if rng.gen::<bool>() { idf } else { -idf };
                }
            }
            unit(vector)
        })
        .collect()
}

fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 && norm.is_finite() {
        vector.iter_mut().for_each(|x| *x /= norm);
        Some(vector)
    } else {
        None
    }
}

/// k-means with k = √(n/2), 2 to 300; products without a row make a topic of their own.
fn clusters(rows: &[Option<Vec<f32>>], products: usize, seed: u64) -> Topics {
    let known: Vec<usize> = (0..rows.len()).filter(|ix| rows[*ix].is_some()).collect();
    let Some(width) = known
        .first()
        .and_then(|ix| rows[*ix].as_ref())
        .map(Vec::len)
    else {
        return Topics::from_numbers(vec![0; products]);
    };
    let k = ((known.len() as f64 / 2.0).sqrt() as usize).clamp(2, 300);
    if known.len() <= k {
        return Topics::from_numbers(vec![0; products]);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sample = known.clone();
    if sample.len() > SAMPLE {
        sample.shuffle(&mut rng);
        sample.truncate(SAMPLE);
        sample.sort_unstable();
    }
    let matrix = |chosen: &[usize]| {
        let flat: Vec<f32> = chosen
            .iter()
            .filter_map(|ix| rows[*ix].as_ref())
            .flat_map(|row| row.iter().copied())
            .collect();
        Array2::from_shape_vec((chosen.len(), width), flat)
    };
    let (Ok(sampled), Ok(all)) = (matrix(&sample), matrix(&known)) else {
        return Topics::from_numbers(vec![0; products]);
    };
    let fitted = KMeans::params_with_rng(k, rng)
        .n_runs(1)
        .max_n_iterations(ITERATIONS)
        .tolerance(1e-3)
        .fit(&DatasetBase::from(sampled));
    // linfa reports too few iterations as an error only where no run was usable at all.
    let Ok(model) = fitted else {
        return Topics::from_numbers(vec![0; products]);
    };
    let predicted: Array1<usize> = model.predict(&all);
    let mut of = vec![k as u32; products];
    for (row, product) in known.iter().enumerate() {
        of[*product] = predicted[row] as u32;
    }
    Topics::from_numbers(dense(of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serendib_shop::Product;

    #[test]
    fn categories_are_topics() {
        let products = ["a/b", "a/c", "a/b"]
            .iter()
            .enumerate()
            .map(|(ix, category)| Product {
                category: Some((*category).into()),
                ..Product::bare(format!("p{ix}"))
            })
            .collect();
        let topics = learn(&Catalogue::new(products).unwrap(), &|_| None, 0);
        assert_eq!(topics.numbers(), [0, 1, 0]);
        assert_eq!(topics.of(ProductIx(7)), None);
    }

    #[test]
    fn titles_cluster_by_their_words() {
        let products = (0..60)
            .map(|ix| Product {
                title: Some(match ix % 3 {
                    0 => "ceramic tea mug".into(),
                    1 => "woollen winter scarf".into(),
                    _ => "garden watering can".into(),
                }),
                ..Product::bare(format!("p{ix}"))
            })
            .collect();
        let catalogue = Catalogue::new(products).unwrap();
        let topics = learn(&catalogue, &|_| None, 1);
        assert_eq!(topics, learn(&catalogue, &|_| None, 1));
        assert_eq!(topics.of(ProductIx(0)), topics.of(ProductIx(3)));
        assert_ne!(topics.of(ProductIx(0)), topics.of(ProductIx(1)));
        assert_ne!(topics.of(ProductIx(1)), topics.of(ProductIx(2)));
    }

    #[test]
    fn nothing_known_is_one_topic() {
        let catalogue = Catalogue::new((0..5).map(|i| Product::bare(format!("{i}"))).collect());
        let topics = learn(&catalogue.unwrap(), &|_| None, 0);
        assert_eq!(topics.count(), 1);
    }
}
