//! The operator's commands on a store: `load`, `export`, `backup` and `restore`.

mod backup;
#[cfg(feature = "shop-data")]
mod export;
#[cfg(feature = "shop-data")]
mod listed;
#[cfg(feature = "shop-data")]
mod load;
mod restore;
#[cfg(feature = "shop-data")]
mod shop_info;
#[cfg(all(test, feature = "shop-data"))]
mod tests;

pub use backup::Backup;
#[cfg(feature = "shop-data")]
pub use export::Export;
#[cfg(feature = "demo")]
pub(crate) use export::{BOX_LINES, BOX_STATE};
#[cfg(feature = "shop-data")]
pub use load::{load, Load, Loaded, Loading};
pub use restore::Restore;

/// Where the store is unless said otherwise.
pub const DEFAULT_STORE: &str = "serendib-store";

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}
