//! `bcs-drift-monitor run`: a single run, for scheduled jobs.

use std::path::Path;
use std::sync::Arc;

use bcs_contracts::keys;
use bcs_drift::table::CASE_COLUMN;
use bcs_service::settings::ServerSettings;
use bcs_service::{Failure, logging};
use bcs_storage::Bytes;
use jiff::Timestamp;

use crate::cli::RunArguments;
use crate::monitor::Monitor;
use crate::outcome::Outcome;
use crate::request::RunRequest;
use crate::settings::Settings;
use crate::stores;
use crate::summaries::Summaries;
use crate::table::table;

/// Runs once and prints a summary of the report.
///
/// # Errors
/// [`Failure::Usage`] for invalid arguments or settings; [`Failure::Failed`] if the run fails.
pub(super) fn run(config: Option<&Path>, arguments: &RunArguments) -> Result<Outcome, Failure> {
    logging::start()?;
    let settings = Settings::load(config)?;
    let RunArguments { from, to, days, hours, last, since_last, source, summaries, fail_on_drift } =
        arguments.clone();
    let summaries = summaries.as_deref().map(read).transpose()?;
    let request = RunRequest { from, to, days, hours, last, since_last, source, ..RunRequest::default() };
    let runtime = super::runtime()?;
    let (monitor, run) = runtime.block_on(async {
        let monitor = Arc::new(Monitor::new(stores::open(&settings).await?, &settings)?);
        let mut plan = monitor.plan(&request, Timestamp::now()).await?;
        if let Some((summaries, file)) = summaries {
            plan = plan.with_summaries(summaries, file)?;
        }
        let run = monitor.run(plan).await?;
        Ok::<_, Failure>((monitor, run))
    })?;

    let report = &run.report.drift;
    println!("{}", table(report));
    let state = if run.created { "new" } else { "already stored" };
    println!("Report ({state}): {}/{}", monitor.archive.store().name(), keys::report_page(&report.about.id));
    Ok(Outcome::of(report.outcome(), fail_on_drift))
}

/// Reads summaries, and returns them with the content of the file.
fn read(path: &Path) -> Result<(Summaries, Bytes), Failure> {
    let table = super::compare::read(path, "--summaries", CASE_COLUMN)?;
    let summaries = Summaries::new(table)
        .map_err(|reason| Failure::usage(format!("--summaries {} {reason}", path.display())))?;
    Ok((summaries, std::fs::read(path).map_err(Failure::failed)?.into()))
}
