//! The `bcs-drift-monitor` program.

use std::process::ExitCode;

use bcs_drift_monitor::cli::Cli;
use bcs_drift_monitor::commands;
use clap::Parser;

/// The allocator of the C library keeps an arena for each of the many threads that read records, which a server never gives
/// back. Without transparent huge pages (feature `no_thp`), of which one is resident as a whole once a byte is used.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(outcome) => outcome.exit_code(),
        Err(failure) => {
            eprintln!("bcs-drift-monitor: {failure}");
            failure.exit_code()
        }
    }
}
