//! What fitting needs, told before it starts.

use super::corpus::Corpus;
use super::FitError;
use serendib_engine::shop::acquisitions;

/// Four fifths of the memory that is free now; 4 GB where the system does not say.
pub fn available() -> usize {
    std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| {
            let line = text
                .lines()
                .find(|line| line.starts_with("MemAvailable:"))?;
            line.split_whitespace().nth(1)?.parse::<usize>().ok()
        })
        .map_or(4_000_000_000, |kilobytes| kilobytes / 5 * 4 * 1024)
}

/// Bytes at the peak of the work on `interactions` of `customers` with `products`, decomposed to `dim` dimensions.
///
/// The log (48 bytes per touch), two copies of the interactions both ways, counted neighbours, three blocks of the
/// decomposition, the rows of a blend. EASE^R is only tried where it fits besides, and is not counted.
pub fn needed(
    touches: usize,
    interactions: usize,
    customers: usize,
    products: usize,
    dim: usize,
) -> usize {
    let sketch = dim + 20;
    touches * 48
        + interactions * 8 * 4
        + products * (2 * 400 + 3 * 300) * 8
        + (2 * customers + 3 * products) * sketch * 4
        + 3 * sketch * sketch * 8
        + 200_000_000
}

/// Refuses work that would not fit into `allowed` bytes.
pub fn check(corpus: &Corpus, dim: usize, allowed: usize) -> Result<(), FitError> {
    let touches = corpus.histories.iter().map(|h| h.len()).sum();
    let interactions = corpus
        .histories
        .iter()
        .map(|h| acquisitions(h).count())
        .sum();
    let needed = needed(
        touches,
        interactions,
        corpus.histories.len(),
        corpus.products(),
        dim,
    );
    if needed > allowed {
        return Err(FitError::Memory {
            products: corpus.products(),
            interactions,
            needed_gb: needed as f64 / 1e9,
            allowed_gb: allowed as f64 / 1e9,
        });
    }
    Ok(())
}
