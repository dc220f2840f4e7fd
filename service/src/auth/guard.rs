//! The guard at the door: a call passes with a key whose role may make it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use http::header::{HeaderMap, AUTHORIZATION};
use serendib_proto::Rpc;
use tonic::Status;

use super::keys::{Caller, Keys, KeysError};

/// How often the file is looked at for changes.
const LOOK: Duration = Duration::from_secs(1);

/// The keys that count now.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    keys: ArcSwap<Keys>,
}

impl Guard {
    /// A guard with the keys in `path`.
    ///
    /// # Errors
    /// As [`Keys::read`].
    pub fn open(path: PathBuf) -> Result<Guard, KeysError> {
        let keys = Keys::read(&path)?;
        Ok(Guard {
            keys: ArcSwap::from_pointee(keys),
            path,
        })
    }

    /// Who calls, by the key in `headers`: `authorization: Bearer KEY`.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a key that counts, `PERMISSION_DENIED` where its role may not call `rpc`; `None` = what is no
    /// call of the contract, which any key may make.
    pub fn admit(&self, headers: &HeaderMap, rpc: Option<Rpc>) -> Result<Caller, Status> {
        let shown = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let secret = shown.and_then(|shown| {
            let (scheme, secret) = shown.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
        });
        let keys = self.keys.load();
        let caller = secret.and_then(|secret| keys.find(secret)).ok_or_else(|| {
            Status::unauthenticated("a key is needed: metadata authorization, \"Bearer KEY\"")
        })?;
        match rpc {
            Some(rpc) if !caller.role.may(rpc) => Err(Status::permission_denied(format!(
                "the role {} may not call {}",
                caller.role,
                rpc.name()
            ))),
            _ => Ok(caller.clone()),
        }
    }

    /// Reads the file again whenever it has changed, until the task is dropped. One that cannot be read changes nothing.
    pub async fn follow(self: Arc<Guard>) {
        let mut seen = self.changed_at();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.changed_at();
            if now == seen {
                continue;
            }
            seen = now;
            match Keys::read(&self.path) {
                Ok(keys) => {
                    tracing::info!(keys = keys.callers().count(), "the keys were read again");
                    self.keys.store(Arc::new(keys));
                }
                Err(error) => {
                    let error = serendib_engine::error_chain(&error);
                    tracing::warn!(error, "the keys cannot be read: those of before count");
                }
            }
        }
    }

    fn changed_at(&self) -> Option<SystemTime> {
        let about = std::fs::metadata(&self.path).ok()?;
        about.modified().ok()
    }
}
