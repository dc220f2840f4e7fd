//! End to end over real ports: a server in this process (or a client in another language) and a generated client.

mod batch_online;
mod boxes;
mod care;
mod catalogue;
mod consents;
mod customers;
mod docs;
mod engagement;
mod examples;
mod goldens;
mod holdout;
mod keys;
mod killed;
mod life;
mod load_crash;
mod long_history;
mod network;
mod operations;
mod python;
mod recommend;
mod record;
mod said;
mod store_crash;
#[cfg(unix)]
mod store_disk;
mod store_sync;
mod support;
mod surprise;
mod swaps;
mod truncated;
