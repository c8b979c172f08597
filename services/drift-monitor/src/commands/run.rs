//! `bcs-drift-monitor run`: a single run, for scheduled jobs.

use std::path::Path;

use bcs_contracts::keys;
use bcs_service::settings::ServerSettings;
use bcs_service::{Failure, logging};
use jiff::Timestamp;

use crate::cli::RunArguments;
use crate::monitor::Monitor;
use crate::outcome::Outcome;
use crate::request::RunRequest;
use crate::settings::Settings;
use crate::stores;
use crate::table::table;

/// Runs once and prints a summary of the report.
///
/// # Errors
/// [`Failure::Usage`] for invalid arguments or settings; [`Failure::Failed`] if the run fails.
pub(super) fn run(config: Option<&Path>, arguments: &RunArguments) -> Result<Outcome, Failure> {
    logging::start()?;
    let settings = Settings::load(config)?;
    let RunArguments { from, to, days, fail_on_drift } = arguments.clone();
    let request = RunRequest { from, to, days, ..RunRequest::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start the async runtime: {error}")))?;
    let (monitor, run) = runtime.block_on(async {
        let monitor = Monitor::new(stores::open(&settings).await?, &settings);
        let run = monitor.run(&request, Timestamp::now()).await?;
        Ok::<_, Failure>((monitor, run))
    })?;

    let report = &run.report.drift;
    println!("{}", table(report));
    let state = if run.created { "new" } else { "already stored" };
    println!("Report ({state}): {}/{}", monitor.archive.store().name(), keys::report_page(&report.about.id));
    Ok(Outcome::of(report.outcome(), fail_on_drift))
}
