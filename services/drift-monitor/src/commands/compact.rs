//! `bcs-drift-monitor compact`: writes the records of days as tables in Parquet.

use std::path::Path;

use bcs_service::settings::ServerSettings;
use bcs_service::{Failure, logging};
use jiff::{Timestamp, ToSpan};

use super::runtime;
use crate::cli::CompactArguments;
use crate::compact::compact;
use crate::outcome::Outcome;
use crate::settings::Settings;
use crate::stores;

/// Compacts each day and prints what was written.
///
/// # Errors
/// [`Failure::Usage`] for invalid arguments or settings; [`Failure::Failed`] if a bucket fails.
pub(super) fn run(config: Option<&Path>, arguments: &CompactArguments) -> Result<Outcome, Failure> {
    logging::start()?;
    let settings = Settings::load(config)?;
    let yesterday = || {
        let today = Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        today.yesterday().map_err(Failure::failed)
    };
    let from = arguments.from.map_or_else(yesterday, Ok)?;
    let to = arguments.to.unwrap_or(from);
    if to < from {
        return Err(Failure::usage(format!("--to {to} is before --from {from}; exchange them")));
    }
    runtime()?.block_on(async {
        let records = stores::predictions(&settings).await?;
        let output = stores::output(&settings, arguments.output.as_deref()).await?;
        for day in from.series(1.day()).take_while(|day| *day <= to) {
            let compacted = compact(&records, output.as_ref(), day).await?;
            println!("{day}: {} records in {} files", compacted.rows, compacted.parts.len());
            compacted.parts.iter().for_each(|key| println!("  {}/{key}", output.name()));
            if compacted.damaged > 0 {
                println!("  {} damaged records were left out; see the messages above", compacted.damaged);
            }
        }
        Ok(Outcome::Done)
    })
}
