//! The `serendib` command line.

mod ask;
mod contact;
mod date;
#[cfg(feature = "demo")]
mod demo;
mod keys;
#[cfg(feature = "demo")]
mod pack;
mod print;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands;

pub use serve::open_store;

/// Recommendation and serendipity service; without a command, the demo.
#[derive(Debug, Parser)]
#[command(name = "serendib", version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a demo shop, fit a model, serve it, and show what one customer gets.
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    /// Serve recommendations over gRPC.
    Serve(serve::Serve),
    /// Ask a running server and print its answer for people.
    Ask(ask::Ask),
    Keys(keys::KeysCommand),
    /// Put shop data into the store.
    #[cfg(feature = "shop-data")]
    Load(commands::Load),
    /// Write the store as shop data for training.
    #[cfg(feature = "shop-data")]
    Export(commands::Export),
    /// Copy the store to a directory, also while a server runs on it.
    Backup(commands::Backup),
    /// Put a backup in place of the store.
    Restore(commands::Restore),
    #[cfg(feature = "demo")]
    Pack(Box<pack::Pack>),
}

/// Runs the command line of this process: exits 0, 1 (failed) or 2 (usage).
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", serendib_engine::error_chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command line inside this process, the program's name first.
///
/// # Errors
/// Words that are no command, or a command that failed.
pub fn run_words<I>(words: I) -> anyhow::Result<()>
where
    I: IntoIterator,
    I::Item: Into<std::ffi::OsString> + Clone,
{
    run(Cli::try_parse_from(words)?)
}

fn run(cli: Cli) -> anyhow::Result<()> {
    // what is written holds customers' data: no other user of the machine reads it
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match cli.command {
        #[cfg(feature = "demo")]
        Some(Command::Demo(demo)) => demo.run(),
        Some(Command::Serve(serve)) => serve.run(),
        Some(Command::Ask(ask)) => ask.run(),
        Some(Command::Keys(keys)) => keys.run(),
        #[cfg(feature = "shop-data")]
        Some(Command::Load(load)) => load.run(),
        #[cfg(feature = "shop-data")]
        Some(Command::Export(export)) => export.run(),
        Some(Command::Backup(backup)) => backup.run(),
        Some(Command::Restore(restore)) => restore.run(),
        #[cfg(feature = "demo")]
        Some(Command::Pack(pack)) => pack.run(),
        #[cfg(feature = "demo")]
        None => demo::Demo::default().run(),
        #[cfg(not(feature = "demo"))]
        None => serve::Serve::default().run(),
    }
}

/// A runtime with all cores for input and output.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// Ready at Ctrl-C or when the system asks this process to end.
async fn end_of_process() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{signal, SignalKind};
        let signals = (
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        );
        if let (Ok(mut terminate), Ok(mut hangup)) = signals {
            tokio::pin!(interrupt);
            loop {
                tokio::select! {
                    _ = &mut interrupt => return,
                    _ = terminate.recv() => return,
                    // a terminal that is closed ends no server
                    _ = hangup.recv() => tracing::info!("SIGHUP is heard and changes nothing"),
                }
            }
        }
    }
    let _ = interrupt.await;
}
