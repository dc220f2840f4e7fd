//! A process that is killed, and what must be left of its work.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serendib_service::store::{SqliteStore, Store};
use serendib_tests::{ids_of, Order, Stop, Task, WRITERS};

/// A running process; killed at the latest when it is dropped.
pub struct Victim {
    process: Child,
    /// What it says; taken by whoever listens elsewhere.
    pub lines: Option<Box<dyn Iterator<Item = String> + Send>>,
}

/// How a process for `task` is started that stops at `stop`.
pub fn command(task: Task, stop: Option<Stop>) -> Command {
    let order = serde_json::to_string(&Order { task, stop }).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_victim"));
    command.arg(order);
    command
}

impl Victim {
    pub fn start(task: Task, stop: Option<Stop>) -> Victim {
        let mut command = command(task, stop);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Victim {
            process,
            lines: Some(Box::new(lines.map_while(Result::ok))),
        }
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// Waits for its end.
    pub fn bury(&mut self) {
        self.process.wait().unwrap();
    }

    /// Kills it where it stops. Returns what it said before.
    ///
    /// # Panics
    /// It ends by itself.
    pub fn kill_at_stop(mut self) -> Vec<String> {
        let mut said: Vec<String> = Vec::new();
        for line in self.lines.take().unwrap() {
            if line == "here" {
                self.kill();
            }
            said.push(line);
        }
        self.bury();
        assert_eq!(said.pop().as_deref(), Some("here"), "it ended by itself");
        said
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // it may be dead already
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Every touchpoint id in the store, each as often as it is found.
pub async fn stored_ids(store: &SqliteStore) -> Vec<String> {
    let mut ids = Vec::new();
    for customer in store.customer_ids(None, 1_000).await.unwrap() {
        let mut after = None;
        loop {
            let (page, next) = store
                .touchpoints(customer.clone(), after, 5_000)
                .await
                .unwrap();
            ids.extend(page.into_iter().filter_map(|row| row.touchpoint_id));
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    ids
}

/// Of all writers, each of which has `acked` batches acknowledged and sends at most `ahead` more: all acknowledged batches are
/// there, each row once; of others, all rows or none.
pub fn check(ids: &[String], acked: &[u32; WRITERS], ahead: u32, round: u32) {
    let once: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(once.len(), ids.len(), "doubled after kill {round}");
    let mut expected = 0;
    for (w, &acked) in acked.iter().enumerate() {
        for n in 0..acked + ahead {
            let rows = ids_of(w, n);
            let there = rows.iter().filter(|id| once.contains(id.as_str())).count();
            if n < acked {
                assert_eq!(
                    there,
                    rows.len(),
                    "batch {n} of writer {w} lost by kill {round}"
                );
            }
            assert!(
                there == 0 || there == rows.len(),
                "half of batch {n} of writer {w} after kill {round}"
            );
            expected += there;
        }
    }
    assert_eq!(once.len(), expected, "rows nobody sent after kill {round}");
}
