//! What holds for customers who said nothing, kept in the store for whoever reads it without the server's configuration:
//! an export, and every model that is fitted from it.

use serendib_shop::Consents;

use crate::store::{Document, Store, StoreError};

/// Where it is kept in the store.
pub(crate) const AREA: &str = "shop";
pub(crate) const KEY: &str = "consents";

/// Keeps `consents` as what holds now; writes nothing where the store has them already.
///
/// # Errors
/// The store does not read or write.
pub async fn keep(store: &dyn Store, consents: &Consents, now: i64) -> Result<(), StoreError> {
    let kept = store.document(AREA.into(), KEY.into()).await?;
    if kept.is_some_and(|document| of(&document) == *consents) {
        return Ok(());
    }
    let document = Document {
        area: AREA.into(),
        key: KEY.into(),
        customer_id: None,
        version: 0,
        at: now,
        body: serde_json::to_value(consents).unwrap_or_default(),
    };
    store.put_document(document, None).await.map(|_| ())
}

/// What `document` says; nothing, if it does not read.
pub(crate) fn of(document: &Document) -> Consents {
    serde_json::from_value(document.body.clone()).unwrap_or_default()
}
