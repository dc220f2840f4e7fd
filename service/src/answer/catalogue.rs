//! What a shop says of its products and their stock; the next request sees it.

use serendib_shop::Product;

use super::keeping::Keeping;
use super::refusal::Refusal;
use crate::clock::now_ms;
use crate::store::{Reservation, ReservationLine, ReservationState, StockLevel};

/// Puts `products` into the catalogue, and returns its version.
///
/// # Errors
/// The store refuses, or does not write.
pub async fn upsert(keeping: &Keeping, products: Vec<Product>) -> Result<u64, Refusal> {
    let changed = products.iter().map(|p| p.product_id.clone()).collect();
    let said = now_ms().into();
    let (version, _) = keeping.store.upsert_products(products, said).await?;
    show(keeping, changed).await?;
    Ok(version)
}

/// Takes products out of the catalogue, and returns how many were in it.
///
/// # Errors
/// The store does not write.
pub async fn remove(keeping: &Keeping, product_ids: Vec<String>) -> Result<usize, Refusal> {
    let now = now_ms();
    // A product that only the model knows is known to the store from now on, as removed.
    keeping.adopt(&product_ids, now).await?;
    let removed = keeping
        .store
        .remove_products(product_ids.clone(), now.into())
        .await?;
    show(keeping, product_ids).await?;
    Ok(removed)
}

/// Sets levels of stock, and returns the catalogue's version.
///
/// # Errors
/// A product that nobody knows, or a store that does not write.
pub async fn set_stock(keeping: &Keeping, levels: Vec<StockLevel>) -> Result<u64, Refusal> {
    let now = now_ms();
    let changed: Vec<String> = levels.iter().map(|l| l.product_id.clone()).collect();
    keeping.adopt(&changed, now).await?;
    let (version, _) = keeping.store.set_stock(levels, now.into()).await?;
    show(keeping, changed).await?;
    Ok(version)
}

/// Sets `lines` aside for `ttl_s` seconds; an empty id is given by the store.
///
/// # Errors
/// Units that are not there, an id that was used for others, or a store that does not write.
pub async fn reserve(
    keeping: &Keeping,
    reservation_id: String,
    lines: Vec<ReservationLine>,
    ttl_s: u32,
) -> Result<Reservation, Refusal> {
    let now = now_ms();
    let changed = products_of(&lines);
    keeping.adopt(&changed, now).await?;
    let wanted = Reservation {
        reservation_id,
        lines,
        expires_at: now + i64::from(ttl_s) * 1_000,
        state: ReservationState::Held,
    };
    let reservation = keeping.store.reserve(wanted, now).await?;
    show(keeping, changed).await?;
    Ok(reservation)
}

/// Ends a reservation: its units are `sold`, or free again.
///
/// # Errors
/// A reservation that is not there or has ended otherwise, or a store that does not write.
pub async fn release(
    keeping: &Keeping,
    reservation_id: String,
    sold: bool,
) -> Result<Reservation, Refusal> {
    let now = now_ms();
    let reservation = if sold {
        keeping.store.take(reservation_id, now).await?
    } else {
        keeping.store.release(reservation_id, now).await?
    };
    show(keeping, products_of(&reservation.lines)).await?;
    Ok(reservation)
}

fn products_of(lines: &[ReservationLine]) -> Vec<String> {
    lines.iter().map(|line| line.product_id.clone()).collect()
}

/// Lets the next request see what the store now says of these products.
async fn show(keeping: &Keeping, product_ids: Vec<String>) -> Result<(), Refusal> {
    Ok(keeping.views.apply(product_ids, now_ms()).await?)
}
