//! `serendib backup`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::store::sqlite;

use crate::clock::now_ms;
use serendib_shop::Progress;

use super::DEFAULT_STORE;

/// Copy the store to a directory, also while a server runs on it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib backup --store serendib-store --out backups/2026-01-31\n\nThe backup holds what is \
                  stored now, with the key of the erase ledger: keep it as safe as the store, and no longer than you \
                  must. Customers erased later are erased again when it is restored."
)]
pub struct Backup {
    /// Directory of the store
    #[arg(long, default_value = DEFAULT_STORE)]
    store: PathBuf,
    /// Directory to make
    #[arg(long)]
    out: PathBuf,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

impl Backup {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        let progress = Progress::counter("pages copied");
        let manifest = sqlite::backup(&self.store, &self.out, now_ms(), &mut |done, _| {
            progress.at(done);
        })
        .with_context(|| format!("backing up {}", self.store.display()))?;
        drop(progress);
        if self.json {
            println!("{}", serde_json::to_string(&manifest)?);
        } else {
            let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
            println!(
                "{} holds {:.1} MiB, every file with its SHA-256",
                self.out.display(),
                bytes as f64 / f64::from(1 << 20)
            );
        }
        Ok(())
    }
}
