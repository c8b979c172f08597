//! `bcs-drift-monitor run`: one run, for a job.

use std::path::Path;

use bcs_contracts::keys;
use bcs_service::logging;
use jiff::Timestamp;

use crate::cli::RunArguments;
use crate::failure::{Failure, Outcome};
use crate::monitor::Monitor;
use crate::request::RunRequest;
use crate::settings::Settings;
use crate::stores;
use crate::table::table;

/// Runs once and says what came of it.
///
/// # Errors
/// [`Failure`].
pub(super) fn run(config: Option<&Path>, arguments: &RunArguments) -> Result<Outcome, Failure> {
    logging::start().map_err(Failure::usage)?;
    let settings = Settings::load(config)?;
    let RunArguments { from, to, days, fail_on_drift } = arguments.clone();
    let request = RunRequest { from, to, days, ..RunRequest::default() };
    let monitor = Monitor::new(stores::open(&settings)?, &settings);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the threads that read can't be started: {error}")))?;
    let run = runtime.block_on(monitor.run(&request, Timestamp::now()))?;

    let report = &run.report.drift;
    println!("{}", table(report));
    let made = if run.created { "made" } else { "there already" };
    println!("Report ({made}): {}/{}", monitor.archive.store().name(), keys::report_page(&report.about.id));
    Ok(Outcome::of(report.dataset_drift, fail_on_drift))
}
