//! What customers do, as far as it concerns their boxes.

use std::sync::Arc;

use serendib_shop::{Kind, Kinds, Touchpoint};

use crate::answer::boxes::{repack, Keep, Packer};
use crate::clock::now_ms;
use crate::store::{BoxEnd, BoxQuery, StoreError, StoredBox};

/// Touchpoints read at a time.
const PAGE: usize = 256;

/// Follows touchpoints that were just recorded: a box that was delivered, kept or returned is delivered, and a surprise
/// that its customer bought before the box left is packed anew. What fails is logged: recording has happened.
pub async fn follow(packer: &Arc<Packer>, rows: &[Touchpoint]) {
    if packer.spoilers.is_empty() {
        return;
    }
    for row in rows {
        match Kinds::known_by_name(&row.kind).map(|kind| row.kind_as_booked(kind)) {
            Some(Kind::DELIVERY | Kind::BOX_KEPT | Kind::BOX_RETURNED) => {
                let opened = row
                    .basket_id
                    .as_ref()
                    .filter(|id| packer.spoilers.is_open(id));
                if let Some(box_id) = opened {
                    deliver(packer, box_id).await;
                }
            }
            Some(Kind::PURCHASE) => {
                let product = row.product_id.as_ref().filter(|id| packer.spoilers.any(id));
                if let Some(product) = product {
                    bought(packer, &row.customer_id, product).await;
                }
            }
            _ => {}
        }
    }
}

/// Catches up on what was loaded into the store while no server ran on it: the touchpoints of every box that is open, as
/// if they had been recorded now.
pub async fn catch_up(packer: &Arc<Packer>) {
    for open in packer.spoilers.all() {
        let query = BoxQuery::Ids(vec![open.box_id.clone()]);
        let found = match packer.keeping.store.boxes(query, now_ms()).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "catching up on the boxes failed");
                return;
            }
        };
        let Some(stored) = found.into_iter().next() else {
            continue;
        };
        match missed(packer, &stored).await {
            Ok(rows) => follow(packer, &rows).await,
            Err(error) => tracing::warn!(%error, "catching up on a box failed"),
        }
    }
}

/// Touchpoints of the box's customer that concern it. What they had bought was no surprise when the box was packed, so a
/// purchase of one was told later, whenever it happened.
async fn missed(packer: &Arc<Packer>, stored: &StoredBox) -> Result<Vec<Touchpoint>, StoreError> {
    let secret = |row: &Touchpoint| {
        let mut surprises = stored.lines.iter().filter(|line| line.surprise);
        surprises.any(|line| Some(&line.product_id) == row.product_id.as_ref())
    };
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let customer = stored.customer_id.clone();
        let (rows, next) = packer
            .keeping
            .store
            .touchpoints(customer, after, PAGE)
            .await?;
        found.extend(
            rows.into_iter()
                .filter(|row| match Kinds::known_by_name(&row.kind) {
                    Some(Kind::PURCHASE) => secret(row),
                    _ => row.basket_id.as_ref() == Some(&stored.box_id),
                }),
        );
        after = next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

async fn deliver(packer: &Arc<Packer>, box_id: &str) {
    let ended = packer
        .keeping
        .store
        .end_boxes(vec![box_id.to_owned()], BoxEnd::Delivered, now_ms())
        .await;
    match ended {
        Ok(boxes) => boxes.iter().for_each(|b| packer.spoilers.note(b, 0)),
        Err(StoreError::BoxClosed { .. } | StoreError::NotFound { .. }) => {}
        Err(error) => tracing::warn!(%error, "noting a delivered box failed"),
    }
}

async fn bought(packer: &Arc<Packer>, customer_id: &str, product: &str) {
    let state = match packer.keeping.customer(customer_id, None).await {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(%error, "looking for boxes with a product that was bought failed");
            return;
        }
    };
    let ids = state
        .iter()
        .flat_map(|s| s.ids())
        .chain(std::iter::once(customer_id));
    let mut boxes: Vec<String> = packer
        .spoilers
        .of(ids, now_ms())
        .into_iter()
        .filter(|(secret, _)| secret == product)
        .map(|(_, box_id)| box_id)
        .collect();
    boxes.sort_unstable();
    boxes.dedup();
    for box_id in boxes {
        let without = [product.to_owned()];
        // a box that has left or is closed up stays as it is
        if let Err(error) = repack(packer, &box_id, &without, Keep::All, false, None).await {
            if !error.is_precondition() {
                tracing::warn!(%error, "packing a surprise anew that was bought failed");
            }
        }
    }
}
