//! Products that a served id stands for, as the serve log knows them.

use std::collections::HashMap;

use serendib_shop::Touchpoint;

use super::refusal::Invalid;
use crate::store::{parse_served_id, served_id_of, ServedRequest, Store};

/// The product that was served under `served`, and to whom (`None` = nobody by name); `None` where the log does not know the
/// answer any more.
///
/// # Errors
/// No answer gives such an id.
pub async fn product_of(
    store: &dyn Store,
    served: &str,
) -> Result<Option<(String, Option<String>)>, Invalid> {
    let Some((request_id, list, rank)) = parse_served_id(served) else {
        return Err(Invalid::new(
            "served_id",
            "was not given by a recommendation",
        ));
    };
    let _ = store.flush_served().await;
    let request = logged(store, request_id).await;
    Ok(request.and_then(|request| Some((item(&request, list, rank)?, request.customer_id))))
}

/// Says of each touchpoint that names no product but an item that was served which product that was, so that an
/// impression tires the product that was shown. What the log does not know stays as it is.
pub async fn fill_products(store: &dyn Store, batch: &mut [Touchpoint]) {
    let mut requests: HashMap<String, Option<ServedRequest>> = HashMap::new();
    for row in batch.iter_mut().filter(|row| row.product_id.is_none()) {
        let Some((request_id, list, rank)) = served_id_of(row).and_then(parse_served_id) else {
            continue;
        };
        if requests.is_empty() {
            // what is not in the log after this was not logged
            let _ = store.flush_served().await;
        }
        if !requests.contains_key(request_id) {
            let found = logged(store, request_id).await;
            requests.insert(request_id.to_owned(), found);
        }
        let request = requests.get(request_id).and_then(Option::as_ref);
        let product = request.and_then(|request| item(request, list, rank));
        row.product_id = product;
    }
}

/// An answer as logged; a log that was dropped, expired or cannot be read loses nothing of what is recorded.
async fn logged(store: &dyn Store, request_id: &str) -> Option<ServedRequest> {
    let found = store.served_request(request_id.to_owned()).await;
    found.ok().flatten()
}

fn item(request: &ServedRequest, list: usize, rank: usize) -> Option<String> {
    let items = &request.lists.get(list)?.items;
    Some(items.get(rank.checked_sub(1)?)?.product_id.clone())
}
