//! `serendib keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::auth::{Keys, Role};

/// Make, list and revoke the keys that callers show.
///
/// The file keeps names, roles and hashes, no keys. A running server reads it again when it changes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  serendib keys new shop --role storefront --keys keys\n  serendib keys list --keys keys\n  serendib \
                  keys revoke shop --keys keys\n  serendib serve --keys keys"
)]
pub struct KeysCommand {
    #[command(subcommand)]
    what: What,
    /// The file of the keys [setting auth.keys_file]
    #[arg(long, global = true, default_value = "serendib-keys")]
    keys: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a key and print it, this once
    New {
        /// What the key is called, in lists and in the audit log
        name: String,
        /// What it may call: storefront, packer, analyst, marketing, care or admin
        #[arg(long)]
        role: Role,
    },
    /// List names and roles
    List,
    /// Take a key away: from within about a second on it counts no more
    Revoke {
        /// What the key is called
        name: String,
    },
}

impl KeysCommand {
    pub fn run(self) -> anyhow::Result<()> {
        let exists = self.keys.exists();
        let mut keys = match (&self.what, exists) {
            // the first key makes the file
            (What::New { .. }, false) => Keys::default(),
            _ => Keys::read(&self.keys)?,
        };
        match self.what {
            What::New { name, role } => {
                let secret = keys.make(&name, role)?;
                keys.write(&self.keys)?;
                println!("{secret}");
            }
            What::List => {
                for caller in keys.callers() {
                    println!("{} {}", caller.key, caller.role);
                }
            }
            What::Revoke { name } => {
                keys.revoke(&name)?;
                keys.write(&self.keys)?;
            }
        }
        Ok(())
    }
}
