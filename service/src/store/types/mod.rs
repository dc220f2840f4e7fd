//! Owned values that go into and come out of a store; no type of a database among them.

mod boxes;
mod catalogue;
mod customer;
mod recording;
mod rights;
mod served;
mod status;

pub use boxes::{
    BoxCare, BoxEnd, BoxLine, BoxQuery, BoxReason, BoxShortfall, BoxState, OpenBox, PackOptions,
    StoredBox, StoredPack, PACK_RESERVATION,
};
pub use catalogue::{
    CatalogueEntry, CatalogueSnapshot, Reservation, ReservationLine, ReservationState, StockLevel,
};
pub use customer::{CustomerQuery, CustomerState, LinkedIdentity, UpsertMode};
pub use recording::{
    Future, Outcome, RecordOptions, Recorded, Status, UnknownId, DEFAULT_FUTURE_MS,
};
pub use rights::{AuditAction, AuditEntry, CustomerRow, Document, Erasure, ErasureState, ShopRow};
pub use served::{
    parse_served_id, served_id, served_id_of, Asked, ServedInFull, ServedItem, ServedList,
    ServedOutcome, ServedReason, ServedRequest, SERVED_ID,
};
pub use status::{Durability, Limits, Retention, StoreCounts, StoreHealth, StoreState, Swept};
