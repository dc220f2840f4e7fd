//! `serendib-train`: fit models from shop data, evaluate them, and answer in batch.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serendib_training::cli::{engagement, evaluate, fit, life, recommend, refresh, score};

#[derive(Debug, Parser)]
#[command(
    name = "serendib-train",
    version,
    about = "Fit models from shop data, evaluate them, and answer in batch"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Fit(fit::FitArgs),
    Evaluate(evaluate::EvaluateArgs),
    Life(life::LifeArgs),
    Recommend(recommend::RecommendArgs),
    Refresh(refresh::RefreshArgs),
    Score(score::ScoreArgs),
    Engagement(engagement::EngagementArgs),
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let result = match Cli::parse().command {
        Command::Fit(args) => fit::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Life(args) => life::run(&args),
        Command::Recommend(args) => recommend::run(&args),
        Command::Refresh(args) => refresh::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Engagement(args) => engagement::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", serendib_engine::error_chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}
