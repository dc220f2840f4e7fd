//! Profiles, consents, links, and reading one person merged over their identities.

use rusqlite::{Connection, OptionalExtension};

use serendib_shop::{
    judge_link, Arm, Budget, Customer, Delight, FieldError, Link, Purpose, TouchClass, Touchpoint,
};

use crate::store::authority::Stamp;
use crate::store::check::{at_most, invalid, UNTIMED};
use crate::store::profile::{one_person, Declared, Merged, Stamps};
use crate::store::types::*;
use crate::store::{canonical, Heard, Position, Said, StoreError};
use serendib_shop::keyed::{Domain, Hash16};
use serendib_shop::ledger::is_before;

use super::said_since::Stated;
use super::writer::{Fault, Tx};

/// Delights given with a state.
const DELIGHTS: usize = 1_000;

/// One identity's row.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub ident: i64,
    pub id: String,
    pub parent: Option<i64>,
    pub linked_at: Option<i64>,
    pub profile: Option<String>,
    pub stamps: Option<String>,
    pub version: i64,
    pub touchpoints: i64,
    /// The arm that was decided for it, and when.
    pub arm: Option<(i64, Arm)>,
}

impl Member {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Member> {
        Ok(Member {
            ident: row.get(0)?,
            id: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            parent: row.get(2)?,
            linked_at: row.get(3)?,
            profile: row.get(4)?,
            version: row.get(5)?,
            touchpoints: row.get(6)?,
            stamps: row.get(7)?,
            arm: {
                let arm: Option<String> = row.get(8)?;
                let at: Option<i64> = row.get(9)?;
                at.zip(arm.as_deref().and_then(Arm::parse))
            },
        })
    }

    /// The profile as declared for this identity; empty if never declared.
    pub(super) fn customer(&self) -> Result<Customer, StoreError> {
        let mut customer: Customer = match &self.profile {
            Some(text) => serde_json::from_str(text).map_err(|_| unreadable("a profile"))?,
            None => Customer::default(),
        };
        customer.customer_id = self.id.clone();
        Ok(customer)
    }
}

impl Member {
    /// The row as it stands, with when each part of it was stated.
    fn declared(&self) -> Result<Declared, StoreError> {
        let stamps = match &self.stamps {
            Some(text) => {
                serde_json::from_str(text).map_err(|_| unreadable("a profile's times"))?
            }
            None => Stamps::default(),
        };
        Ok(Declared {
            row: self.customer()?,
            stamps,
        })
    }
}

fn unreadable(what: &str) -> StoreError {
    StoreError::Io {
        attempt: "reading the store".into(),
        detail: format!("{what} is not in its canonical form"),
    }
}

const MEMBER: &str =
    "ident, id, parent, linked_at, profile, version, touchpoints, stamps, arm, arm_at";

/// The identity called `id`.
pub(super) fn member(conn: &Connection, id: &str) -> rusqlite::Result<Option<Member>> {
    conn.prepare_cached(&format!(
        "SELECT {MEMBER} FROM identity WHERE id = ?1 AND ident > 0"
    ))?
    .query_row([id], Member::read)
    .optional()
}

fn member_by_number(conn: &Connection, ident: i64) -> rusqlite::Result<Option<Member>> {
    conn.prepare_cached(&format!("SELECT {MEMBER} FROM identity WHERE ident = ?1"))?
        .query_row([ident], Member::read)
        .optional()
}

/// `top` and everything linked to it, `top` first, then by time of linking and id.
pub(super) fn below(conn: &Connection, top: Member) -> rusqlite::Result<Vec<Member>> {
    let mut members = vec![top];
    let mut next = 0;
    let mut children = conn.prepare_cached(&format!(
        "SELECT {MEMBER} FROM identity WHERE parent = ?1 AND parent IS NOT NULL"
    ))?;
    while next < members.len() {
        let found = children.query_map([members[next].ident], Member::read)?;
        for child in found {
            members.push(child?);
        }
        next += 1;
    }
    members[1..].sort_by(|a, b| (a.linked_at, &a.id).cmp(&(b.linked_at, &b.id)));
    Ok(members)
}

fn root_of(conn: &Connection, mut member: Member) -> rusqlite::Result<Member> {
    while let Some(parent) = member.parent {
        match member_by_number(conn, parent)? {
            Some(above) => member = above,
            None => break,
        }
    }
    Ok(member)
}

/// Everybody who is one person with `id`, the root first.
pub(super) fn person(conn: &Connection, id: &str) -> rusqlite::Result<Option<Vec<Member>>> {
    match member(conn, id)? {
        Some(found) => below(conn, root_of(conn, found)?).map(Some),
        None => Ok(None),
    }
}

pub(super) fn links(members: &[Member]) -> Vec<LinkedIdentity> {
    members[1..]
        .iter()
        .map(|member| LinkedIdentity {
            identity: member.id.clone(),
            linked_to: members
                .iter()
                .find(|above| Some(above.ident) == member.parent)
                .map_or_else(String::new, |above| above.id.clone()),
            linked_at: member.linked_at.unwrap_or(0),
        })
        .collect()
}

/// The profile merged over `members`, and what was left out of it for it to pass the check.
pub(super) fn merged_profile(
    members: &[Member],
) -> Result<(Customer, Vec<FieldError>), StoreError> {
    let rows = members.iter().map(Member::customer);
    let rows: Vec<Customer> = rows.collect::<Result<_, _>>()?;
    let identities: Vec<String> = members[1..].iter().map(|m| m.id.clone()).collect();
    Ok(one_person(&members[0].id, &identities, rows))
}

/// A stored row as a touchpoint.
pub(super) fn touchpoint(body: &str, at: i64, customer_id: &str) -> Result<Touchpoint, StoreError> {
    let mut row = canonical::parse_touchpoint(body).map_err(|_| unreadable("a touchpoint"))?;
    row.customer_id = customer_id.to_string();
    row.at = (at != UNTIMED).then_some(at);
    Ok(row)
}

pub(super) fn delight(body: &str) -> Result<Delight, StoreError> {
    serde_json::from_str(body).map_err(|_| unreadable("a delight"))
}

/// The state of the person behind `query.customer_id`.
pub(super) fn state(
    conn: &Connection,
    query: &CustomerQuery,
) -> Result<Option<CustomerState>, Fault> {
    let Some(members) = person(conn, &query.customer_id)? else {
        return Ok(None);
    };
    let before = query.before.unwrap_or(i64::MAX);
    let (mut rows, complete) = read_touchpoints(conn, &members, before, &query.budget)?;
    let mut delights: Vec<(i64, i64, String)> = Vec::new();
    for (which, member) in members.iter().enumerate() {
        let mut said = conn.prepare_cached(
            "SELECT at, seq, body FROM delight WHERE ident = ?1 AND at < ?2 \
             ORDER BY at DESC, seq DESC LIMIT ?3",
        )?;
        let found = said.query_map((member.ident, before, DELIGHTS as i64), |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?))
        })?;
        for row in found {
            delights.push(row?);
        }
        if which > 0 {
            keep_newest(&mut delights, DELIGHTS, |row| (row.0, row.1));
        }
    }
    rows.sort_by_key(|row| (row.0, row.1));
    delights.sort_by_key(|row| (row.0, row.1));
    if let [only] = &members[..] {
        // Left behind by a link that was undone: nothing is known of it.
        let nothing = only.profile.is_none() && only.touchpoints == 0 && delights.is_empty();
        if nothing && !has_delight(conn, only.ident)? {
            return Ok(None);
        }
    }
    let all: i64 = members.iter().map(|m| m.touchpoints).sum();
    let touchpoints = rows
        .iter()
        .map(|(at, _, which, body)| touchpoint(body, *at, &members[*which].id))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(CustomerState {
        customer_id: members[0].id.clone(),
        identities: links(&members),
        first_id: members
            .iter()
            .min_by_key(|member| member.ident)
            .map(|member| member.id.clone())
            .unwrap_or_default(),
        arm: decided(&members),
        undecided: members.iter().any(|member| member.arm.is_none()),
        version: members.iter().map(|m| m.version).max().unwrap_or(0) as u64,
        profile: merged_profile(&members)?.0,
        total: if query.before.is_some() && complete {
            touchpoints.len() as u64
        } else {
            all as u64
        },
        touchpoints,
        delights: delights
            .iter()
            .map(|(_, _, body)| delight(body))
            .collect::<Result<_, _>>()?,
    }))
}

/// A stored touchpoint: time, number of arrival, whose of the person's identities it is, and its text.
type Row = (i64, i64, usize, String);

/// The touchpoints of a person before `before` as far as `budget` allows, in any order, and whether none is left out.
fn read_touchpoints(
    conn: &Connection,
    members: &[Member],
    before: i64,
    budget: &Budget,
) -> rusqlite::Result<(Vec<Row>, bool)> {
    let mut rows = Vec::new();
    let known: i64 = members.iter().map(|m| m.touchpoints).sum();
    if known as usize <= budget.least() {
        // most people: whatever they did, it fits
        let mut all = conn
            .prepare_cached("SELECT at, seq, body FROM touchpoint WHERE ident = ?1 AND at < ?2")?;
        for (which, member) in members.iter().enumerate() {
            if member.touchpoints > 0 {
                let found = all.query_map((member.ident, before), |r| read_row(r, which))?;
                for row in found {
                    rows.push(row?);
                }
            }
        }
        return Ok((rows, true));
    }
    let mut by_class: [Vec<Row>; TouchClass::ALL.len()] = Default::default();
    let mut complete = true;
    let mut newest = conn.prepare_cached(
        "SELECT at, seq, body FROM touchpoint \
         WHERE ident = ?1 AND json_extract(body, '$.kind') = ?2 AND at < ?3 \
         ORDER BY at DESC, seq DESC LIMIT ?4",
    )?;
    for (which, member) in members.iter().enumerate() {
        for kind in kinds_of(conn, member.ident)? {
            let class = TouchClass::of_name(&kind);
            let limit = budget.of(class);
            let of_class = &mut by_class[class as usize];
            let had = of_class.len();
            let key = (member.ident, &kind, before, limit as i64);
            for row in newest.query_map(key, |r| read_row(r, which))? {
                of_class.push(row?);
            }
            complete &= of_class.len() - had < limit;
            complete &= of_class.len() <= limit;
            keep_newest(of_class, limit, |row| (row.0, row.1));
        }
    }
    for of_class in by_class {
        rows.extend(of_class);
    }
    Ok((rows, complete))
}

fn read_row(row: &rusqlite::Row<'_>, which: usize) -> rusqlite::Result<Row> {
    Ok((row.get(0)?, row.get(1)?, which, row.get(2)?))
}

/// The kinds of touchpoints that an identity has: one step in the index for each, however many touchpoints there are.
pub(super) fn kinds_of(conn: &Connection, ident: i64) -> rusqlite::Result<Vec<String>> {
    let mut next = conn.prepare_cached(
        "SELECT json_extract(body, '$.kind') FROM touchpoint \
         WHERE ident = ?1 AND json_extract(body, '$.kind') > ?2 \
         ORDER BY json_extract(body, '$.kind') LIMIT 1",
    )?;
    let mut kinds: Vec<String> = Vec::new();
    loop {
        let last = kinds.last().map_or("", String::as_str);
        match next.query_row((ident, last), |r| r.get(0)).optional()? {
            Some(kind) => kinds.push(kind),
            None => return Ok(kinds),
        }
    }
}

fn has_delight(conn: &Connection, ident: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM delight WHERE ident = ?1 LIMIT 1")?
        .exists([ident])
}

fn keep_newest<T>(rows: &mut Vec<T>, newest: usize, key: impl Fn(&T) -> (i64, i64)) {
    if rows.len() > newest {
        rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
        rows.truncate(newest);
    }
}

/// A page of touchpoints, newest first.
pub(super) fn page(
    conn: &Connection,
    customer_id: &str,
    after: Option<Position>,
    limit: usize,
) -> Result<(Vec<Touchpoint>, Option<Position>), Fault> {
    let Some(members) = person(conn, customer_id)? else {
        return Ok((Vec::new(), None));
    };
    let from = after.unwrap_or(Position {
        at: i64::MAX,
        seq: i64::MAX,
    });
    let mut rows: Vec<(i64, i64, usize, String)> = Vec::new();
    for (which, member) in members.iter().enumerate() {
        let mut page = conn.prepare_cached(
            "SELECT at, seq, body FROM touchpoint WHERE ident = ?1 AND (at, seq) < (?2, ?3) \
             ORDER BY at DESC, seq DESC LIMIT ?4",
        )?;
        let found = page.query_map((member.ident, from.at, from.seq, limit as i64 + 1), |r| {
            Ok((r.get(0)?, r.get(1)?, which, r.get(2)?))
        })?;
        for row in found {
            rows.push(row?);
        }
        keep_newest(&mut rows, limit + 1, |row| (row.0, row.1));
    }
    rows.sort_by_key(|row| std::cmp::Reverse((row.0, row.1)));
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| Position {
        at: row.0,
        seq: row.1,
    });
    let touchpoints = rows
        .iter()
        .map(|(at, _, which, body)| touchpoint(body, *at, &members[*which].id))
        .collect::<Result<_, _>>()?;
    Ok((touchpoints, next))
}

pub(super) fn root_ids(
    conn: &Connection,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<String>, Fault> {
    let mut ids = conn.prepare_cached(
        "SELECT id FROM identity i WHERE id > ?1 AND parent IS NULL AND ident > 0 AND (touchpoints > 0 \
         OR profile IS NOT NULL \
         OR EXISTS (SELECT 1 FROM identity c WHERE c.parent = i.ident AND c.parent IS NOT NULL) \
         OR EXISTS (SELECT 1 FROM delight d WHERE d.ident = i.ident)) ORDER BY id LIMIT ?2",
    )?;
    let found = ids.query_map((after.unwrap_or(""), limit as i64), |r| r.get(0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn upsert(
    tx: &mut Tx<'_>,
    customers: Vec<Customer>,
    mode: UpsertMode,
    by: &str,
    said: Said,
) -> Result<Heard, Fault> {
    let mut heard = Heard::default();
    for (index, customer) in customers.into_iter().enumerate() {
        let id = customer.customer_id.clone();
        let stamp = said.stamp(customer.said_at);
        if from_before_erasure(tx, &customer, stamp, said) {
            heard.erased += 1;
            continue;
        }
        let identities = customer.identities.clone();
        let ident = tx.ident_or_new(&id)?;
        let mut declared = must_be(tx, ident)?.declared()?;
        let old = declared.row.consents;
        let mut merged = declared
            .upsert_checked(customer, mode, stamp)
            .map_err(|error| invalid("customer", index, error.field, error.message))?;
        for purpose in Purpose::ALL {
            let said_now = declared.row.consents.said(purpose);
            if said_now != old.said(purpose) {
                audit_consent(tx, &id, purpose, said_now, by, said.now)?;
            }
        }
        store_profile(tx, ident, &id, &declared)?;
        for identity in identities {
            let linked = link(tx, &id, &identity, by, said, stamp)?;
            merged.changed |= linked.changed;
            merged.kept |= linked.kept;
        }
        heard.changed += u64::from(merged.changed);
        heard.kept += u64::from(merged.kept);
        heard.filled += u64::from(merged.changed && merged.kept);
        heard.left_out += u64::from(merged.left_out);
    }
    Ok(heard)
}

/// Whether the row speaks of somebody as they were before they were erased: a file of that time, or one that does not say of
/// which time it is, or a call that still dates the registration before the erasure.
fn from_before_erasure(tx: &Tx<'_>, customer: &Customer, stamp: Stamp, said: Said) -> bool {
    let Some(erased_at) = tx.erased_at(&customer.customer_id) else {
        return false;
    };
    let registered_before = customer.registered_at.is_some_and(|at| at <= erased_at);
    match said.is_file() {
        true => is_before(erased_at, stamp.at),
        false => registered_before || stamp.at.is_some_and(|at| at < erased_at),
    }
}

fn store_profile(tx: &mut Tx<'_>, ident: i64, id: &str, declared: &Declared) -> Result<(), Fault> {
    let stamps = serde_json::to_string(&declared.stamps).map_err(|error| {
        Fault::Refused(StoreError::Io {
            attempt: "storing a profile".into(),
            detail: error.to_string(),
        })
    })?;
    tx.conn
        .prepare_cached("UPDATE identity SET profile = ?2, stamps = ?3 WHERE ident = ?1")?
        .execute((ident, canonical::profile_body(&declared.row), stamps))?;
    tx.touch(ident, id, 0);
    Ok(())
}

fn audit_consent(
    tx: &Tx<'_>,
    id: &str,
    purpose: Purpose,
    said: Option<bool>,
    by: &str,
    now: i64,
) -> Result<(), Fault> {
    let word = match said {
        Some(true) => "yes",
        Some(false) => "no",
        None => "taken back",
    };
    let detail = format!("{}={word}", purpose.as_str());
    Ok(tx.audit(now, AuditAction::Consent, id, by, &detail)?)
}

pub(super) fn set_consent(
    tx: &mut Tx<'_>,
    id: &str,
    purpose: Purpose,
    yes: Option<bool>,
    by: &str,
    said_at: Option<i64>,
    now: i64,
) -> Result<(), Fault> {
    let stamp = Said::from(now).stamp(said_at);
    if tx
        .erased_at(id)
        .is_some_and(|erased| stamp.at.is_some_and(|at| at < erased))
    {
        return Ok(());
    }
    let ident = tx.ident_or_new(id)?;
    let mut declared = must_be(tx, ident)?.declared()?;
    let old = declared.row.consents.said(purpose);
    declared.consent(purpose, yes, stamp);
    let holds = declared.row.consents.said(purpose);
    if holds != old {
        audit_consent(tx, id, purpose, holds, by, now)?;
    }
    store_profile(tx, ident, id, &declared)
}

/// Takes over what was said of consents under `id` in another copy of the store, as far as nothing said later stands; how many are
/// other than before.
pub(super) fn restate(
    tx: &mut Tx<'_>,
    id: &str,
    mut stated: Stated,
    by: &str,
    now: i64,
) -> Result<u64, Fault> {
    if let Some(erased) = tx.erased_at(id) {
        stated.retain(|(.., stamp)| stamp.at.is_some_and(|at| at >= erased));
    }
    if stated.is_empty() {
        return Ok(0);
    }
    let ident = tx.ident_or_new(id)?;
    let old = must_be(tx, ident)?.declared()?;
    let mut declared = old.clone();
    let mut changed = 0;
    for (purpose, said, stamp) in stated {
        declared.consent(purpose, said, stamp);
        let holds = declared.row.consents.said(purpose);
        if holds != old.row.consents.said(purpose) {
            audit_consent(tx, id, purpose, holds, by, now)?;
            changed += 1;
        }
    }
    if declared != old {
        store_profile(tx, ident, id, &declared)?;
    }
    Ok(changed)
}

fn touch_all(tx: &mut Tx<'_>, members: &[Member]) {
    for member in members {
        tx.touch(member.ident, &member.id, 0);
    }
}

fn must_be(tx: &Tx<'_>, ident: i64) -> Result<Member, Fault> {
    member_by_number(tx.conn, ident)?
        .ok_or(Fault::Refused(StoreError::NotFound { what: "customer" }))
}

pub(super) fn link(
    tx: &mut Tx<'_>,
    customer_id: &str,
    identity: &str,
    by: &str,
    said: Said,
    stamp: Stamp,
) -> Result<Merged, Fault> {
    let mut merged = Merged::default();
    let customer = tx.ident_or_new(customer_id)?;
    let pair = pair(tx, customer_id, identity);
    if said.is_file() {
        // an identity that was erased or taken away is not brought back by a file of before
        let gone = unlinked_at(tx.conn, &pair)?.max(tx.erased_at(identity));
        if gone.is_some_and(|gone| is_before(gone, stamp.at)) {
            merged.kept = true;
            return Ok(merged);
        }
    }
    let ident = tx.ident_or_new(identity)?;
    let link = judge_link(&customer, &ident, |ident| {
        member_by_number(tx.conn, *ident).map(|found| found.and_then(|member| member.parent))
    })?;
    match link {
        Link::New | Link::TooMany => {}
        Link::Already => return Ok(merged),
        // whoever a call linked it to keeps it; two rows of one file that claim it are refused when they are read
        Link::Own | Link::Circle | Link::Elsewhere if said.is_file() => {
            merged.kept = true;
            return Ok(merged);
        }
        Link::Own | Link::Circle => return Err(StoreError::Circle.into()),
        Link::Elsewhere => return Err(StoreError::LinkedElsewhere.into()),
    }
    let customer = must_be(tx, customer)?;
    let child = must_be(tx, ident)?;
    let root = root_of(tx.conn, customer.clone())?;
    let members = below(tx.conn, root)?;
    let joining = below(tx.conn, child)?;
    at_most(
        "identities",
        members.len() - 1 + joining.len(),
        tx.shared.limits.identities,
    )?;
    tx.conn
        .prepare_cached("UPDATE identity SET parent = ?2, linked_at = ?3 WHERE ident = ?1")?
        .execute((ident, customer.ident, said.now))?;
    tx.conn
        .prepare_cached("DELETE FROM unlinked WHERE hash = ?1")?
        .execute([&pair[..]])?;
    touch_all(tx, &members);
    touch_all(tx, &joining);
    tx.audit(said.now, AuditAction::Link, customer_id, by, "")?;
    tx.audit(said.now, AuditAction::Link, identity, by, "as an identity")?;
    merged.changed = true;
    Ok(merged)
}

/// The hash by which a link that was taken away is remembered.
fn pair(tx: &Tx<'_>, customer_id: &str, identity: &str) -> Hash16 {
    let both = format!("{customer_id}\0{identity}");
    tx.shared.key.hash(Domain::Identity, &both)
}

/// When a call took the link away, if it did.
fn unlinked_at(conn: &Connection, pair: &Hash16) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT at FROM unlinked WHERE hash = ?1")?
        .query_row([&pair[..]], |r| r.get(0))
        .optional()
}

/// The arm that was decided first for one of `members`, who are one person.
fn decided(members: &[Member]) -> Option<Arm> {
    let arms = members.iter().filter_map(|member| member.arm);
    arms.min_by_key(|(at, _)| *at).map(|(_, arm)| arm)
}

/// Writes down `arm` for every identity of the person that has none yet, so that it holds over links and their end; what was
/// decided before for one of them holds for all.
pub(super) fn decide_arm(tx: &mut Tx<'_>, id: &str, arm: Arm, now: i64) -> Result<(), Fault> {
    let members = person(tx.conn, id)?.unwrap_or_default();
    let arm = decided(&members).unwrap_or(arm);
    for member in members.iter().filter(|member| member.arm.is_none()) {
        tx.conn
            .prepare_cached("UPDATE identity SET arm = ?2, arm_at = ?3 WHERE ident = ?1")?
            .execute((member.ident, arm.as_str(), now))?;
        tx.touch(member.ident, &member.id, 0);
    }
    Ok(())
}

/// Whether `ident` is somewhere above `member`.
fn above(conn: &Connection, mut member: Member, ident: i64) -> rusqlite::Result<bool> {
    while let Some(parent) = member.parent {
        if parent == ident {
            return Ok(true);
        }
        match member_by_number(conn, parent)? {
            Some(next) => member = next,
            None => return Ok(false),
        }
    }
    Ok(false)
}

pub(super) fn unlink(
    tx: &mut Tx<'_>,
    customer_id: &str,
    identity: &str,
    by: &str,
    now: i64,
) -> Result<(), Fault> {
    let missing = || Fault::Refused(StoreError::NotFound { what: "customer" });
    let customer = member(tx.conn, customer_id)?.ok_or_else(missing)?;
    let child = member(tx.conn, identity)?.ok_or(StoreError::NotLinked)?;
    if child.parent.is_none() || !above(tx.conn, child.clone(), customer.ident)? {
        return Err(StoreError::NotLinked.into());
    }
    let root = root_of(tx.conn, customer)?;
    let members = below(tx.conn, root)?;
    touch_all(tx, &members);
    tx.conn
        .prepare_cached("UPDATE identity SET parent = NULL, linked_at = NULL WHERE ident = ?1")?
        .execute([child.ident])?;
    // every id of the person may be the one whose row in a file lists it
    for member in &members {
        let pair = pair(tx, &member.id, identity);
        tx.conn
            .prepare_cached("INSERT OR REPLACE INTO unlinked(hash, at) VALUES (?1, ?2)")?
            .execute((&pair[..], now))?;
    }
    tx.audit(now, AuditAction::Unlink, customer_id, by, "")?;
    tx.audit(now, AuditAction::Unlink, identity, by, "as an identity")?;
    prune(tx, customer_id)?;
    prune(tx, identity)
}

/// Deletes an identity that only a link had brought into being.
fn prune(tx: &mut Tx<'_>, id: &str) -> Result<(), Fault> {
    let deleted: Option<i64> = tx
        .conn
        .prepare_cached(
            "DELETE FROM identity WHERE id = ?1 AND profile IS NULL AND touchpoints = 0 AND parent IS NULL \
             AND NOT EXISTS (SELECT 1 FROM identity c WHERE c.parent = identity.ident AND c.parent IS NOT NULL) \
             AND NOT EXISTS (SELECT 1 FROM touchpoint t WHERE t.ident = identity.ident) \
             AND NOT EXISTS (SELECT 1 FROM delight d WHERE d.ident = identity.ident) \
             AND NOT EXISTS (SELECT 1 FROM document d WHERE d.ident = identity.ident AND d.ident IS NOT NULL) \
             AND NOT EXISTS (SELECT 1 FROM box b WHERE b.ident = identity.ident) \
             RETURNING ident",
        )?
        .query_row([id], |r| r.get(0))
        .optional()?;
    if let Some(ident) = deleted {
        tx.forget(ident, id);
    }
    Ok(())
}
