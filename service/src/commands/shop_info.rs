//! What `shop.json` says, kept in the store: one statement for each key, of which the latest holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serendib_shop::ShopInfo;

use crate::store::{Document, Said, Stamp, Store, StoreError};

/// Where `shop.json` is kept in the store.
pub(super) const AREA: &str = "shop";
pub(super) const KEY: &str = "info";

/// Where it is kept when each of its keys was stated.
const STATED: &str = "info-stated";

/// The key whose parts are statements of their own.
const CONSENTS: &str = "consents";

/// Keys that speak of the data, not of the shop.
const OF_THE_DATA: [&str; 3] = ["as_of", "erasures", "erased_until"];

/// Takes over what `info` states, key by key, unless something stated later stands; a key that it does not have stays. Returns
/// the keys that kept what was stated later.
///
/// # Errors
/// The store cannot be read or written.
pub(super) async fn take_over(
    info: &ShopInfo,
    store: &dyn Store,
    said: Said,
) -> anyhow::Result<Vec<String>> {
    let mut given = statements(serde_json::to_value(info)?);
    given.retain(|key, _| !OF_THE_DATA.contains(&key.as_str()));
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let mut standing = statements(document(store, KEY).await?.unwrap_or_default());
    let stamps = document(store, STATED).await?.unwrap_or_default();
    let mut stamps: BTreeMap<String, Stamp> = serde_json::from_value(stamps).unwrap_or_default();
    let stamp = said.stamp(None);
    let mut kept = Vec::new();
    for (key, value) in given {
        // what a store of an older version holds was stated nobody knows when
        if !standing.contains_key(&key) || stamp.outranks(stamps.get(&key).copied()) {
            stamps.insert(key.clone(), stamp);
            standing.insert(key, value);
        } else if standing.get(&key) != Some(&value) {
            kept.push(key);
        }
    }
    put(store, KEY, document_of(standing), said.now).await?;
    put(store, STATED, serde_json::to_value(stamps)?, said.now).await?;
    Ok(kept)
}

/// The keys of a `shop.json` with what each says; of the consents each by itself, as `consents.train`.
fn statements(body: Value) -> Map<String, Value> {
    let mut found = Map::new();
    let Value::Object(keys) = body else {
        return found;
    };
    for (key, value) in keys {
        match value {
            Value::Object(parts) if key == CONSENTS => {
                let of = |(part, said): (String, Value)| (format!("{CONSENTS}.{part}"), said);
                found.extend(parts.into_iter().map(of));
            }
            value => {
                found.insert(key, value);
            }
        }
    }
    found
}

/// The `shop.json` that says this.
fn document_of(statements: Map<String, Value>) -> Value {
    let mut body = Map::new();
    let mut consents = Map::new();
    for (key, value) in statements {
        match key
            .strip_prefix(CONSENTS)
            .and_then(|part| part.strip_prefix('.'))
        {
            Some(part) => consents.insert(part.to_owned(), value),
            None => body.insert(key, value),
        };
    }
    if !consents.is_empty() {
        body.insert(CONSENTS.to_owned(), Value::Object(consents));
    }
    Value::Object(body)
}

async fn document(store: &dyn Store, key: &str) -> Result<Option<Value>, StoreError> {
    let found = store.document(AREA.into(), key.into()).await?;
    Ok(found.map(|document| document.body))
}

async fn put(store: &dyn Store, key: &str, body: Value, at: i64) -> Result<(), StoreError> {
    let document = Document {
        area: AREA.into(),
        key: key.into(),
        customer_id: None,
        version: 0,
        at,
        body,
    };
    store.put_document(document, None).await.map(|_| ())
}
