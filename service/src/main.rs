//! The `serendib` command.

/// Models and answers are made on one thread and freed on another: the system's allocator keeps what each thread has freed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    serendib_service::cli::main()
}
