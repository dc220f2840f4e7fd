//! Streams: everything about one person, and everything that may be used for training.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use serendib_shop::{Consents, Customer, FieldError, Product, Purpose};

use crate::store::types::*;
use crate::store::StoreError;
use serendib_shop::keyed::{Domain, Key};

use super::clock::expiry_in;
use super::customers::{self, delight, links, merged_profile, person, touchpoint, Member};
use super::readers::{Readers, Sink, StreamEnd};
use super::{boxes, catalogue, documents, served};

/// Everything held about the person behind `id`.
pub(super) fn customer(
    conn: &Connection,
    served_log: &Readers,
    key: &Key,
    id: &str,
    sink: &Sink<CustomerRow>,
) -> Result<(), StreamEnd> {
    let members = person(conn, id)?.ok_or(StoreError::NotFound { what: "customer" })?;
    for member in &members {
        if member.profile.is_some() {
            sink.put(CustomerRow::Profile(member.customer()?))?;
        }
    }
    for link in links(&members) {
        sink.put(CustomerRow::Identity(link))?;
    }
    for_each_row(conn, "touchpoint", &members, |member, at, body| {
        Ok(sink.put(CustomerRow::Touchpoint(touchpoint(body, at, &member.id)?))?)
    })?;
    for_each_row(conn, "delight", &members, |_, _, body| {
        Ok(sink.put(CustomerRow::Delight(delight(body)?))?)
    })?;
    for member in &members {
        let requests = served_log.read_here("reading the serve log", |conn| {
            served::to_customer(conn, &member.id, None)
        })?;
        for (request, _) in requests.into_iter().rev() {
            for row in request.in_full() {
                sink.put(CustomerRow::Served(row))?;
            }
        }
    }
    for member in &members {
        for document in documents::about(conn, member.ident)? {
            sink.put(CustomerRow::Document(document))?;
        }
        for document in boxes::about(conn, member.ident, &member.id)? {
            sink.put(CustomerRow::Document(document))?;
        }
    }
    for member in &members {
        let subject = key.hash(Domain::Identity, &member.id);
        let mut after = 0;
        loop {
            let page = documents::audit(conn, after, 1_000, Some(&subject))?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for entry in page {
                sink.put(CustomerRow::Audit(entry))?;
            }
        }
    }
    Ok(())
}

/// Calls `take` with the members' rows, oldest first, holding one row of each member at a time.
fn for_each_row(
    conn: &Connection,
    table: &str,
    members: &[Member],
    mut take: impl FnMut(&Member, i64, &str) -> Result<(), StreamEnd>,
) -> Result<(), StreamEnd> {
    let sql = format!("SELECT at, seq, body FROM {table} WHERE ident = ?1 ORDER BY at, seq");
    let mut statements = members
        .iter()
        .map(|_| conn.prepare(&sql))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut cursors = statements
        .iter_mut()
        .zip(members)
        .map(|(statement, member)| statement.query([member.ident]))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    type Head = Option<(i64, i64, String)>;
    let next = |cursor: &mut rusqlite::Rows<'_>| -> rusqlite::Result<Head> {
        cursor
            .next()?
            .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .transpose()
    };
    let mut heads = cursors
        .iter_mut()
        .map(next)
        .collect::<rusqlite::Result<Vec<Head>>>()?;
    loop {
        let first = heads
            .iter()
            .enumerate()
            .filter_map(|(which, head)| head.as_ref().map(|(at, seq, _)| ((*at, *seq), which)))
            .min();
        let Some((_, which)) = first else {
            return Ok(());
        };
        if let Some((at, _, body)) = heads[which].take() {
            take(&members[which], at, &body)?;
        }
        heads[which] = next(&mut cursors[which])?;
    }
}

/// Whether identities may be used for training, and who they are.
struct Allowed {
    by_default: bool,
    /// Identities that said something or are linked: the root's id, `None` if refused.
    known: HashMap<i64, Option<Arc<str>>>,
}

impl Allowed {
    fn read(
        conn: &Connection,
        defaults: &Consents,
        mut take: impl FnMut(Customer, Vec<FieldError>) -> Result<(), StreamEnd>,
    ) -> Result<Allowed, StreamEnd> {
        let mut allowed = Allowed {
            by_default: Consents::default().allows(Purpose::Train, defaults),
            known: HashMap::new(),
        };
        let mut roots = conn.prepare(
            "SELECT id FROM identity i WHERE parent IS NULL AND ident > 0 AND id IS NOT NULL \
             AND (profile IS NOT NULL OR EXISTS \
             (SELECT 1 FROM identity c WHERE c.parent = i.ident AND c.parent IS NOT NULL)) ORDER BY ident",
        )?;
        let mut rows = roots.query([])?;
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            let Some(root) = customers::member(conn, &id)? else {
                continue;
            };
            let members = customers::below(conn, root)?;
            let (profile, left_out) = merged_profile(&members)?;
            let name = profile
                .consents
                .allows(Purpose::Train, defaults)
                .then(|| Arc::from(id.as_str()));
            for member in &members {
                allowed.known.insert(member.ident, name.clone());
            }
            if name.is_some() {
                take(profile, left_out)?;
            }
        }
        Ok(allowed)
    }

    /// The id under which rows of identity `ident` (called `id`) are exported; `None` if they are not.
    fn name<'a>(&'a self, ident: i64, id: &'a str) -> Option<&'a str> {
        match self.known.get(&ident) {
            Some(known) => known.as_deref(),
            None => (ident == 0 || self.by_default).then_some(id),
        }
    }
}

/// Makes a product that was removed one that is not on sale any more, whoever reads its row.
///
/// One that was not yet on sale never was: a day that ends sale before it begins would be refused by whoever reads it, and without
/// the day on which it begins it would read as sold all along. So it is sold for one moment that is over.
fn not_for_sale(product: &mut Product, now: i64) {
    let until = product.available_until.map_or(now, |at| at.min(now));
    product.available_until = Some(until);
    if product.available_from.is_some_and(|from| from >= until) {
        product.available_from = Some(until - 1);
    }
}

/// Everything that may be used for training.
pub(super) fn shop(
    conn: &Connection,
    served_log: &Readers,
    defaults: &Consents,
    now: i64,
    sink: &Sink<ShopRow>,
) -> Result<(), StreamEnd> {
    catalogue::each::<StreamEnd>(conn, now, |entry| {
        let mut product = entry.product;
        if entry.removed {
            not_for_sale(&mut product, now);
        }
        Ok(sink.put(ShopRow::Product(product))?)
    })?;
    let allowed = Allowed::read(conn, defaults, |profile, left_out| {
        let customer_id = profile.customer_id.clone();
        sink.put(ShopRow::Customer(profile))?;
        for error in left_out {
            let customer_id = customer_id.clone();
            sink.put(ShopRow::LeftOut { customer_id, error })?;
        }
        Ok(())
    })?;
    {
        let mut all = conn.prepare(
            "SELECT t.ident, i.id, t.at, t.body FROM touchpoint t \
             CROSS JOIN identity i ON i.ident = t.ident WHERE i.id IS NOT NULL ORDER BY t.seq",
        )?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get_ref(1)?.as_str().unwrap_or_default();
            if let Some(name) = allowed.name(row.get(0)?, id) {
                let body = row.get_ref(3)?.as_str().unwrap_or_default();
                sink.put(ShopRow::Touchpoint(touchpoint(body, row.get(2)?, name)?))?;
            }
        }
    }
    {
        let mut all = conn.prepare(
            "SELECT d.ident, i.id, d.body FROM delight d \
             CROSS JOIN identity i ON i.ident = d.ident WHERE i.id IS NOT NULL ORDER BY d.seq",
        )?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get_ref(1)?.as_str().unwrap_or_default();
            if let Some(name) = allowed.name(row.get(0)?, id) {
                let mut said = delight(row.get_ref(2)?.as_str().unwrap_or_default())?;
                said.customer_id = name.to_string();
                sink.put(ShopRow::Delight(said))?;
            }
        }
    }
    let mut number = conn.prepare("SELECT ident FROM identity WHERE id = ?1")?;
    let mut end = Ok(());
    served_log.read_here("reading the serve log", |log| {
        end = served::each::<StreamEnd>(log, |mut request| {
            if let Some(id) = &request.customer_id {
                let ident: Option<i64> = number.query_row([id], |r| r.get(0)).optional()?;
                let name = match ident {
                    Some(ident) => allowed.name(ident, id),
                    None => allowed.by_default.then_some(id.as_str()),
                };
                let Some(name) = name else { return Ok(()) };
                request.customer_id = Some(name.to_string());
            }
            for row in request.rows() {
                sink.put(ShopRow::Served(row))?;
            }
            Ok(())
        });
        Ok(())
    })?;
    end?;
    boxes::each::<StreamEnd>(conn, expiry_in(conn, now)?, |ident, mut packed| {
        let Some(name) = allowed.name(ident, &packed.customer_id) else {
            return Ok(());
        };
        packed.customer_id = name.to_string();
        Ok(sink.put(ShopRow::Box(packed))?)
    })
}
