//! Products, stock and reservations.

use serendib_shop::Product;

/// One product as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueEntry {
    /// The product; `stock` is what the shop has, reserved units included.
    pub product: Product,
    /// Units that are free: stock less what is reserved now; absent = not tracked.
    pub available: Option<i64>,
    /// Whether it was removed: kept for histories, never recommended.
    pub removed: bool,
    /// Whether it is known only from touchpoints.
    pub seen_only: bool,
    /// Catalogue version at its last change.
    pub version: u64,
}

/// The whole catalogue at one version.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CatalogueSnapshot {
    /// Grows with every change of a product, of stock or of a reservation.
    pub version: u64,
    /// All products, removed ones included, in order of first appearance.
    pub entries: Vec<CatalogueEntry>,
}

/// Stock of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockLevel {
    pub product_id: String,
    /// Units, ≥ 0; absent = not tracked.
    pub stock: Option<i64>,
}

/// One line of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationLine {
    pub product_id: String,
    /// Units, > 0.
    pub quantity: i64,
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationState {
    /// The units are set aside.
    Held,
    Released,
    /// The units left the stock for good.
    Taken,
    /// Given back because its time was over.
    Expired,
}

impl ReservationState {
    /// The word in texts.
    pub fn as_str(self) -> &'static str {
        match self {
            ReservationState::Held => "held",
            ReservationState::Released => "released",
            ReservationState::Taken => "taken",
            ReservationState::Expired => "expired",
        }
    }
}

/// Units set aside for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The caller's id, for idempotence; empty = given by the store.
    pub reservation_id: String,
    /// What; one product at most once.
    pub lines: Vec<ReservationLine>,
    /// When it expires, ms.
    pub expires_at: i64,
    /// Where it stands.
    pub state: ReservationState,
}
