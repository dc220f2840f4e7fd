//! What becomes of boxes that are packed.

use crate::answer::boxes::Packer;
use crate::answer::refusal::Refusal;
use crate::clock::now_ms;
use crate::store::{BoxEnd, StoredBox};

/// Notes that boxes have left, have come or are given up: their units move, and their surprises are secret no longer.
///
/// # Errors
/// A box that is not there or has gone another way, or a store that does not write.
pub async fn end(
    packer: &Packer,
    box_ids: Vec<String>,
    end: BoxEnd,
) -> Result<Vec<StoredBox>, Refusal> {
    let now = now_ms();
    let ended = packer.keeping.store.end_boxes(box_ids, end, now).await?;
    // what has left or is done lapses no more
    ended.iter().for_each(|b| packer.spoilers.note(b, i64::MAX));
    let mut products: Vec<String> = ended
        .iter()
        .flat_map(|b| b.lines.iter().map(|line| line.product_id.clone()))
        .collect();
    products.sort_unstable();
    products.dedup();
    packer.keeping.views.apply(products, now).await?;
    Ok(ended)
}

/// Settles what is in packed boxes, or has it open again.
///
/// # Errors
/// A box that is not there or has left, or a store that does not write.
pub async fn lock(
    packer: &Packer,
    box_ids: Vec<String>,
    locked: bool,
) -> Result<Vec<StoredBox>, Refusal> {
    let store = &packer.keeping.store;
    Ok(store.lock_boxes(box_ids, locked, now_ms()).await?)
}
