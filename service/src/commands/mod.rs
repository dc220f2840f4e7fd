//! The operator's commands on a store: `load`, `export`, `backup` and `restore`.

mod backup;
#[cfg(feature = "shop-data")]
mod export;
#[cfg(feature = "shop-data")]
mod load;
mod restore;
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

/// Where the store of the data in `data` is unless said otherwise: beside them, so that two shops never share one.
#[cfg(feature = "shop-data")]
pub fn store_of(data: &std::path::Path) -> std::path::PathBuf {
    let data = data.canonicalize().unwrap_or_else(|_| data.to_path_buf());
    let mut name = data.file_name().unwrap_or_default().to_os_string();
    name.push("-store");
    data.with_file_name(name)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}
