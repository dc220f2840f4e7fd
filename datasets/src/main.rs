//! `serendib-datasets`: makes, imports, checks and describes shop data.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod commands;

/// Make, import, check and describe shop data
#[derive(Parser)]
#[command(
    name = "serendib-datasets",
    version,
    about,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Import(commands::import::Args),
    Check(commands::check::Args),
    Describe(commands::describe::Args),
    Generate(commands::generate::Args),
    Schema(commands::schema::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Import(args) => commands::import::run(args),
        Command::Check(args) => commands::check::run(args),
        Command::Describe(args) => commands::describe::run(args),
        Command::Generate(args) => commands::generate::run(args),
        Command::Schema(args) => commands::schema::run(args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {}", serendib_engine::error_chain(error.as_ref()));
        ExitCode::FAILURE
    })
}
