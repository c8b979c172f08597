//! `bcs-drift-monitor compare`: two tables of features, without buckets.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use bcs_drift::{About, DriftReport, Table, detect, html};
use jiff::Timestamp;

use crate::cli::CompareArguments;
use crate::failure::{Failure, Outcome};
use crate::settings::Settings;
use crate::table::table;

/// Compares, writes the report and says what came of it.
///
/// # Errors
/// [`Failure`].
pub(super) fn run(config: Option<&Path>, arguments: &CompareArguments) -> Result<Outcome, Failure> {
    let settings = Settings::load(config)?;
    let reference = read(&arguments.reference, "--reference")?;
    let current = read(&arguments.current, "--current")?;
    let title = format!("Data drift · {} against {}", name(&arguments.current), name(&arguments.reference));
    let about = About { title, ..About::new("compare", Timestamp::now()) };
    let options = settings.drift.options(about).map_err(Failure::usage)?;
    let report = detect(&reference, &current, options).map_err(Failure::failed)?;

    let page = write(&report, &arguments.output).map_err(|error| {
        let output = arguments.output.display();
        Failure::failed(format!(
            "the report can't be written into {output}: {error}; choose another --output"
        ))
    })?;
    println!("{}", table(&report));
    println!("Report: {page}");
    Ok(Outcome::of(report.dataset_drift, arguments.fail_on_drift))
}

fn read(path: &Path, argument: &str) -> Result<Table, Failure> {
    let place = path.display();
    let ending = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    let parse: fn(&[u8]) -> Result<Table, bcs_drift::Error> = match ending.as_deref() {
        Some("csv") => |bytes| Table::from_csv(bytes),
        Some("json") => Table::from_json,
        _ => {
            return Err(Failure::usage(format!(
                "{argument} {place} ends in neither .csv nor .json; name such a file"
            )));
        }
    };
    let bytes = fs::read(path)
        .map_err(|error| Failure::usage(format!("{place} can't be read: {error}; correct {argument}")))?;
    parse(&bytes).map_err(|error| Failure::failed(format!("{place}: {error}")))
}

/// Writes page and JSON; gives the page's path.
fn write(report: &DriftReport, folder: &Path) -> std::io::Result<String> {
    fs::create_dir_all(folder)?;
    let page = folder.join("report.html");
    fs::write(&page, html::page(report))?;
    fs::write(folder.join("report.json"), format!("{}\n", serde_json::to_string_pretty(report)?))?;
    Ok(page.display().to_string())
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
