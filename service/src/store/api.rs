//! The trait that every store implements.

use std::pin::Pin;
use std::sync::Arc;

use serendib_shop::{Arm, Consents, Customer, Delight, Product, Purpose, Touchpoint};
use tokio_stream::Stream;

use super::authority::{Heard, Said};
use super::types::*;
use super::StoreError;

/// A stream of rows read inside one snapshot; it ends with the first error.
pub type RowStream<T> = Pin<Box<dyn Stream<Item = Result<T, StoreError>> + Send>>;

/// The place where a shop's touchpoints live.
///
/// Obligations of every implementation, checked by `store::contract`:
/// - **Durability**: when a call that changes something returns `Ok`, the change is as durable as
///   [`Store::durability`] says. A call that returns an error changed nothing, in whole and in part. A call whose
///   answer was lost (crash, cancelled future) changed everything or nothing, and may be repeated: every change is
///   idempotent by its ids.
/// - **Visibility**: a change is seen by every read that starts after its answer.
/// - **Isolation**: a read, a stream included, sees one state of the store from start to end.
/// - **Identities**: rows are kept per identity and merged at read, so unlinking restores exactly what was before.
/// - **Time** comes in as an argument (`now`, ms); the store reads no clock for its contents. A `now` that runs far ahead of the
///   time that passed may be doubted: then nothing is deleted and nothing expires by it, for any reader.
/// - **Privacy**: ids of customers and touchpoints are never logged and never in a [`StoreError`]'s text.
#[tonic::async_trait]
pub trait Store: Send + Sync + std::fmt::Debug + 'static {
    // ---- recording ------------------------------------------------------------------------------------------------

    /// Stores a batch of touchpoints, all or nothing.
    ///
    /// A row is identified by its `touchpoint_id`; one without gets a new id. A row recorded before with equal fields
    /// *as sent* (an absent time stays absent for this comparison, a clamped one unclamped) is a
    /// [`Status::Duplicate`], also inside one batch. Rows of one customer with equal times count in order of arrival.
    /// An empty `customer_id` with a `basket_id` is an anonymous basket.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the first wrong row and field; [`StoreError::AlreadyExists`] the first id that
    /// was used for something else; [`StoreError::Unknown`], [`StoreError::TooMany`], [`StoreError::Busy`],
    /// [`StoreError::Full`], [`StoreError::Stopped`].
    async fn record(
        &self,
        batch: Vec<Touchpoint>,
        options: RecordOptions,
    ) -> Result<Recorded, StoreError>;

    /// Stores what customers said of surprises, all or nothing; a row equal in all fields is stored once.
    ///
    /// # Errors
    /// As [`Store::record`].
    async fn record_delights(
        &self,
        batch: Vec<Delight>,
        options: RecordOptions,
    ) -> Result<Vec<Status>, StoreError>;

    // ---- customers ------------------------------------------------------------------------------------------------

    /// Takes over what profiles state, all or nothing and field by field, unless something stated later stands, and links
    /// the identities they list. Consents that change are audited as declared by `by`. A row from before an erasure is left
    /// out and counted. What a file says beyond what a row may hold together with what stands is left out and counted.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a row that is wrong, or that a call makes so by what it adds to what stands;
    /// [`StoreError::Circle`], [`StoreError::LinkedElsewhere`], [`StoreError::TooMany`].
    async fn upsert_customers(
        &self,
        customers: Vec<Customer>,
        mode: UpsertMode,
        by: String,
        said: Said,
    ) -> Result<Heard, StoreError>;

    /// Records what the customer said about `purpose` at `said_at` (absent = `now`), unless they said something later (`None` = takes it back, the default holds again) and audits it.
    /// Said for the identity given; at read an explicit no of any identity wins. A customer unknown so far is created,
    /// so that a refusal is never lost.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    async fn set_consent(
        &self,
        customer_id: String,
        purpose: Purpose,
        yes: Option<bool>,
        by: String,
        said_at: Option<i64>,
        now: i64,
    ) -> Result<(), StoreError>;

    /// Makes `identity` one of the customer's, effective at once; both may be unknown so far. Linking what is linked
    /// already changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Circle`] when the customer is an identity of `identity`, or the same;
    /// [`StoreError::LinkedElsewhere`]; [`StoreError::TooMany`] identities.
    async fn link_identity(
        &self,
        customer_id: String,
        identity: String,
        by: String,
        now: i64,
    ) -> Result<(), StoreError>;

    /// Takes `identity` (with everything linked to it) away from the customer: both are then exactly as if they had
    /// never been linked, with everything recorded since under the identity it was recorded for.
    ///
    /// # Errors
    /// [`StoreError::NotLinked`]; [`StoreError::NotFound`] customer.
    async fn unlink_identity(
        &self,
        customer_id: String,
        identity: String,
        by: String,
        now: i64,
    ) -> Result<(), StoreError>;

    /// Writes down the arm of the holdout of a person for every id of theirs that has none yet; what was decided earlier for
    /// one of them holds for all, also after they are unlinked. Nothing where nothing is known of them.
    async fn decide_arm(&self, customer_id: String, arm: Arm, now: i64) -> Result<(), StoreError>;

    /// The person behind any of their ids; `None` when the store has nothing of them. Costs memory
    /// and time for what `query.budget` allows, however many touchpoints there are.
    async fn customer(
        &self,
        query: CustomerQuery,
    ) -> Result<Option<Arc<CustomerState>>, StoreError>;

    /// The person's touchpoints, newest first, page by page: those after the position `after` (`None` = from the
    /// start), at most `limit`, and the position to go on from (`None` = that was all).
    async fn touchpoints(
        &self,
        customer_id: String,
        after: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<Touchpoint>, Option<Position>), StoreError>;

    /// Root ids of all persons with a touchpoint or profile in order of the bytes of their ids, after `after`, at most
    /// `limit`. For building a customer index.
    async fn customer_ids(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;

    // ---- catalogue ------------------------------------------------------------------------------------------------

    /// Stores products, all or nothing, replacing those with the same id; a removed one is back. Where something stated
    /// later stands, only what is absent there is filled in, as far as it goes with what stands. `stock` absent leaves the stored stock as it is. Returns the
    /// catalogue's version.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    async fn upsert_products(
        &self,
        products: Vec<Product>,
        said: Said,
    ) -> Result<(u64, Heard), StoreError>;

    /// Removes products, all or nothing; unknown ids are ignored. Returns how many were removed now.
    async fn remove_products(
        &self,
        product_ids: Vec<String>,
        said: Said,
    ) -> Result<usize, StoreError>;

    /// Removes every product that is not among `listed` and of which nothing was stated later. Returns how many.
    async fn remove_absent(
        &self,
        listed: std::collections::HashSet<String>,
        said: Said,
    ) -> Result<usize, StoreError>;

    /// Sets stock, all or nothing; a file's count is brought up to date with what left the stock since. Stock may fall below what is reserved; then nothing is available.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] negative stock, or a product that is not known.
    async fn set_stock(
        &self,
        levels: Vec<StockLevel>,
        said: Said,
    ) -> Result<(u64, Heard), StoreError>;

    /// Sets units aside until `expires_at`, all lines or none, never more than is available. Asked again with the same
    /// id and lines it answers with the reservation as it stands. Products whose stock is not tracked always have
    /// enough. Returns the reservation with its id.
    ///
    /// # Errors
    /// [`StoreError::OutOfStock`] with the first line that has too little; [`StoreError::Invalid`];
    /// [`StoreError::AlreadyExists`] when the id was used with other lines.
    async fn reserve(&self, reservation: Reservation, now: i64) -> Result<Reservation, StoreError>;

    /// Gives the units back; releasing twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::ReservationClosed`] when taken.
    async fn release(&self, reservation_id: String, now: i64) -> Result<Reservation, StoreError>;

    /// Takes the units out of the stock for good (sold, shipped); taking twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::ReservationClosed`] when released or expired.
    async fn take(&self, reservation_id: String, now: i64) -> Result<Reservation, StoreError>;

    /// The products with these ids, in this order; `None` for unknown ones.
    async fn products(
        &self,
        product_ids: Vec<String>,
        now: i64,
    ) -> Result<Vec<Option<CatalogueEntry>>, StoreError>;

    /// The whole catalogue at `now`.
    async fn catalogue(&self, now: i64) -> Result<CatalogueSnapshot, StoreError>;

    // ---- boxes ----------------------------------------------------------------------------------------------------

    /// Keeps a pack with its boxes and sets their units aside until `hold_until`, in the table that [`Store::reserve`]
    /// uses: all or nothing, never more than is available. Returns the lines left out, as (position of the box, position
    /// of the line), which only `options.partial` allows. Products whose stock is not tracked always have enough.
    ///
    /// # Errors
    /// [`StoreError::PackExists`]; [`StoreError::BoxExists`] with the first box that is packed already or has left;
    /// [`StoreError::OutOfStock`] with a product of which there is too little; [`StoreError::Invalid`].
    async fn keep_pack(
        &self,
        pack: StoredPack,
        boxes: Vec<StoredBox>,
        options: PackOptions,
        now: i64,
    ) -> Result<Vec<(usize, usize)>, StoreError>;

    /// The pack with this id.
    async fn pack(&self, pack_id: String) -> Result<Option<StoredPack>, StoreError>;

    /// Boxes as they stand at `now`.
    async fn boxes(&self, query: BoxQuery, now: i64) -> Result<Vec<StoredBox>, StoreError>;

    /// Replaces lines, shortfall and lock of a packed box whose version is `changed.version`, and moves its units with
    /// them, all or nothing. Returns its new version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::VersionMismatch`]; [`StoreError::BoxClosed`] when it is not packed any
    /// more; [`StoreError::OutOfStock`].
    async fn change_box(&self, changed: StoredBox, now: i64) -> Result<u64, StoreError>;

    /// Locks or unlocks packed boxes, all or nothing; their versions grow where that changes something. Returns them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::BoxClosed`] for one that is not packed any more.
    async fn lock_boxes(
        &self,
        box_ids: Vec<String>,
        locked: bool,
        now: i64,
    ) -> Result<Vec<StoredBox>, StoreError>;

    /// Says what became of boxes, all or nothing; saying it twice changes nothing. Returns them as they stand.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::BoxClosed`] for a box that cannot become that any more.
    async fn end_boxes(
        &self,
        box_ids: Vec<String>,
        end: BoxEnd,
        now: i64,
    ) -> Result<Vec<StoredBox>, StoreError>;

    /// All boxes that are packed or on their way at `now`.
    async fn open_boxes(&self, now: i64) -> Result<Vec<OpenBox>, StoreError>;

    // ---- serve log ------------------------------------------------------------------------------------------------

    /// Puts an answered request into the serve log without waiting; when the log cannot follow, it is dropped and
    /// counted ([`StoreHealth::served_dropped`]).
    fn log_served(&self, request: ServedRequest);

    /// Waits until everything handed to [`Store::log_served`] before is in the log or counted as dropped.
    async fn flush_served(&self) -> Result<(), StoreError>;

    /// What was recommended to the person lately, newest first, at most `newest`, with what came of it.
    async fn served(
        &self,
        customer_id: String,
        newest: usize,
    ) -> Result<Vec<ServedOutcome>, StoreError>;

    /// Products of surprise lists (kind `surprise`) that the person was served at or after `since` (ms), each once, however
    /// much else they were served.
    async fn surprises_served(
        &self,
        customer_id: String,
        since: i64,
    ) -> Result<Vec<String>, StoreError>;

    /// The request with this id, while the log has it.
    async fn served_request(&self, request_id: String)
        -> Result<Option<ServedRequest>, StoreError>;

    // ---- rights ---------------------------------------------------------------------------------------------------

    /// Everything held about the person behind any of their ids; audited. The rows come in the order of the variants
    /// of [`CustomerRow`], touchpoints oldest first, each equal to what was recorded (with its id, and its time where
    /// one was assigned).
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn export_customer(
        &self,
        customer_id: String,
        by: String,
        now: i64,
    ) -> Result<RowStream<CustomerRow>, StoreError>;

    /// Erases the person with all identities: at once for every read, and with [`Store::scrub`] from the files.
    /// Touchpoints sent again later are [`Status::IgnoredErased`]; new ones begin a new customer. Asked again for an
    /// id that was erased and has nothing new, it answers with the receipt there is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn erase_customer(
        &self,
        customer_id: String,
        by: String,
        now: i64,
    ) -> Result<Erasure, StoreError>;

    /// The receipt with this id.
    async fn erasure(&self, receipt_id: String) -> Result<Option<Erasure>, StoreError>;

    /// Removes erased customers from the files, so that no byte of their ids, touchpoint ids and texts is left.
    /// Returns how many receipts became `scrubbed`.
    async fn scrub(&self, now: i64) -> Result<usize, StoreError>;

    /// The audit log after entry `after` (0 = from the start), at most `limit`, oldest first; with `subject` only what
    /// was done to that id.
    async fn audit(
        &self,
        after: u64,
        limit: usize,
        subject: Option<String>,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// All rows that may be used for training, as one consistent snapshot: products (those known only from touchpoints
    /// included), then customers, touchpoints, delights, served rows and boxes of customers who allow
    /// [`Purpose::Train`] given `defaults`, under their root ids, and anonymous baskets. What the ids of one person hold together
    /// beyond what a row may is left out of it, and told.
    async fn export_shop(
        &self,
        defaults: Consents,
        now: i64,
    ) -> Result<RowStream<ShopRow>, StoreError>;

    // ---- documents ------------------------------------------------------------------------------------------------

    /// Writes a document if its stored version is `expected` (0 = it does not exist; `None` = whatever it is). Returns
    /// its new version.
    ///
    /// # Errors
    /// [`StoreError::VersionMismatch`], [`StoreError::Invalid`].
    async fn put_document(
        &self,
        document: Document,
        expected: Option<u64>,
    ) -> Result<u64, StoreError>;

    /// Reads a document.
    async fn document(&self, area: String, key: String) -> Result<Option<Document>, StoreError>;

    // ---- keeping --------------------------------------------------------------------------------------------------

    /// Deletes what is older than `retention` and expires reservations. What a customer last said of hiding a product has no age.
    async fn sweep(&self, retention: Retention, now: i64) -> Result<Swept, StoreError>;

    /// What an acknowledgement promises.
    fn durability(&self) -> Durability;

    /// State and counters since start; cheap.
    fn health(&self) -> StoreHealth;

    /// How much is stored.
    async fn counts(&self) -> Result<StoreCounts, StoreError>;

    /// After a failure: closes the files, opens and checks them again, and lets writing go on if they are sound.
    async fn reopen(&self) -> Result<(), StoreError>;

    /// Finishes what waits, writes everything to the files and closes them; later calls are [`StoreError::Closed`].
    async fn close(&self) -> Result<(), StoreError>;
}

/// A position in the touchpoints of one person: time and arrival number of the last row given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Time, milliseconds since 1970-01-01 UTC.
    pub at: i64,
    pub seq: i64,
}
