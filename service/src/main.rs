//! The `serendib` command.

fn main() -> std::process::ExitCode {
    serendib_service::cli::main()
}
