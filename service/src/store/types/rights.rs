//! Erasure, audit, exports and small documents.

use serendib_shop::{Customer, Delight, FieldError, Product, Served, Touchpoint};

use super::LinkedIdentity;

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureState {
    /// In effect: nothing of the customer is read any more.
    Erased,
    /// Nothing of the customer is in the files any more either.
    Scrubbed,
}

impl ErasureState {
    /// `erased` or `scrubbed`.
    pub fn as_str(self) -> &'static str {
        match self {
            ErasureState::Erased => "erased",
            ErasureState::Scrubbed => "scrubbed",
        }
    }
}

/// The receipt of an erasure; it names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub receipt_id: String,
    /// How far it is.
    pub state: ErasureState,
    /// When it took effect, ms.
    pub erased_at: i64,
    /// When the scrub was finished, ms.
    pub scrubbed_at: Option<i64>,
    pub identities: u64,
    pub touchpoints: u64,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditAction {
    /// A consent was said or taken back.
    Consent,
    /// An identity was linked.
    Link,
    /// An identity was unlinked.
    Unlink,
    /// What is held was exported for the customer.
    Export,
    /// The customer was erased.
    Erase,
    /// The scrub of an erasure was finished.
    Scrub,
    /// An erasure was applied again to a restored store.
    Reapply,
}

impl AuditAction {
    pub const ALL: [AuditAction; 7] = [
        AuditAction::Consent,
        AuditAction::Link,
        AuditAction::Unlink,
        AuditAction::Export,
        AuditAction::Erase,
        AuditAction::Scrub,
        AuditAction::Reapply,
    ];

    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            AuditAction::Consent => "consent",
            AuditAction::Link => "link",
            AuditAction::Unlink => "unlink",
            AuditAction::Export => "export",
            AuditAction::Erase => "erase",
            AuditAction::Scrub => "scrub",
            AuditAction::Reapply => "reapply",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<AuditAction> {
        AuditAction::ALL.into_iter().find(|a| a.as_str() == text)
    }
}

/// One line of the audit log. The person is a keyed hash, so that the log outlives an erasure and names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Grows by one with each entry.
    pub seq: u64,
    /// Time, milliseconds since 1970-01-01 UTC.
    pub at: i64,
    pub action: AuditAction,
    /// Keyed hash of the id it was done to, 32 hex digits; empty for a scrub.
    pub subject: String,
    /// Who did it, as the server knows the caller.
    pub by: String,
    /// Particulars without ids, such as `train=no`.
    pub detail: String,
}

/// One piece of what is held about one person.
#[derive(Debug, Clone, PartialEq)]
pub enum CustomerRow {
    /// The profile of one identity as declared.
    Profile(Customer),
    Identity(LinkedIdentity),
    /// A touchpoint as recorded.
    Touchpoint(Touchpoint),
    /// What was said of a surprise.
    Delight(Delight),
    /// One recommended item.
    Served(super::ServedInFull),
    /// A document about them (a packed box).
    Document(Document),
    /// What was done with their data.
    Audit(AuditEntry),
}

/// One row of an export as shop data; tables come one after another in the order of the variants.
#[derive(Debug, Clone, PartialEq)]
pub enum ShopRow {
    Product(Product),
    Customer(Customer),
    /// What the customer's row, which comes just before, does not hold: their ids together have too much of it.
    LeftOut {
        customer_id: String,
        error: FieldError,
    },
    /// `touchpoints`; `customer_id` is the root's.
    Touchpoint(Touchpoint),
    Delight(Delight),
    Served(Served),
    /// `boxes`; `customer_id` is the root's.
    Box(super::StoredBox),
}

/// A small versioned document, for parts of the service that need a place of their own (packed boxes).
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Which part of the service it belongs to.
    pub area: String,
    /// Key inside the area.
    pub key: String,
    /// The customer it is about; erased and exported with them.
    pub customer_id: Option<String>,
    /// 1 when first written, one more with every change.
    pub version: u64,
    /// When it was last written, ms.
    pub at: i64,
    /// Contents, at most 1 MiB.
    pub body: serde_json::Value,
}
