//! `serendib restore`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::store::sqlite::{self, SaidSince};

use crate::clock::now_ms;
use serendib_shop::ledger::ledger_of;
use serendib_shop::Progress;

use super::{runtime, DEFAULT_STORE};

/// Put a backup in place of the store; whoever was erased since is erased again, and consents and hides said since are kept.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  serendib restore --from backups/2026-01-31 --store serendib-store --replace\n\nStop the \
                  server first. The ledger of erasures beside the store is kept and applied to what is restored, and so is what \
                  people said since, as far as the store that is replaced can be read: consents, and what they hide. Everything \
                  else is as of the backup. The old store is replaced only once the new one is complete and checked."
)]
pub struct Restore {
    /// The backup to restore from
    #[arg(long)]
    from: PathBuf,
    /// Directory of the store
    #[arg(long, default_value = DEFAULT_STORE)]
    store: PathBuf,
    /// The ledger of erasures; beside the store if absent
    #[arg(long)]
    erasures: Option<PathBuf>,
    /// Replace the store that is there
    #[arg(long)]
    replace: bool,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

impl Restore {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        let beside = ledger_of(&self.store);
        let ledger = self.erasures.as_deref().unwrap_or(&beside);
        let had_ledger = ledger.is_file();
        let progress = Progress::counter("restoring");
        let restored = runtime()?
            .block_on(sqlite::restore_heeding(
                &self.from,
                &self.store,
                ledger,
                self.replace,
                now_ms(),
            ))
            .with_context(|| format!("restoring {}", self.from.display()))?;
        drop(progress);
        if self.json {
            println!("{}", serde_json::to_string(&restored)?);
        } else {
            let as_of = serendib_shop::time::format_time(restored.created_at);
            println!(
                "{} holds {} touchpoints as of {as_of}; {} identities were erased again",
                self.store.display(),
                restored.touchpoints,
                restored.erased_again
            );
            println!("{}", told(restored.said_since, &as_of));
            if !had_ledger {
                println!(
                    "warning: there was no ledger of erasures at {}: whoever was erased after the backup was made is back",
                    ledger.display()
                );
            }
        }
        Ok(())
    }
}

/// What became of what people said after the backup was made.
fn told(said_since: Option<SaidSince>, as_of: &str) -> String {
    match said_since {
        None => format!(
            "warning: there was no store to replace: consents and hides said after {as_of} are lost, as is all else since then"
        ),
        Some(said) if said.whole => format!(
            "{} consents and {} hides said after {as_of} were carried over from the store that was there; all else is as of then",
            said.consents, said.hides
        ),
        Some(said) => format!(
            "warning: the store that was there could not be read to its end: {} consents and {} hides were carried over, others \
             said after {as_of} are lost, as is all else since then",
            said.consents, said.hides
        ),
    }
}
