//! `bcs-drift-monitor compare`: compares two tables of features.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use bcs_drift::{About, DriftReport, Table, detect, html};
use bcs_service::Failure;
use bcs_service::settings::ServerSettings;
use jiff::Timestamp;

use crate::cli::CompareArguments;
use crate::outcome::Outcome;
use crate::settings::Settings;
use crate::table::table;

/// Compares the tables, writes the report and prints a summary.
///
/// # Errors
/// [`Failure::Usage`] for files that cannot be read; [`Failure::Failed`] for tables that cannot be compared.
pub(super) fn run(config: Option<&Path>, arguments: &CompareArguments) -> Result<Outcome, Failure> {
    let settings = Settings::load(config)?;
    let reference = read(&arguments.reference, "--reference", &arguments.case_column)?;
    let current = read(&arguments.current, "--current", &arguments.case_column)?;
    let title = format!("Data drift · {} against {}", name(&arguments.current), name(&arguments.reference));
    let about = About { title, ..About::new("compare", Timestamp::now()) };
    let mut options = settings.drift.options(about).map_err(Failure::usage)?;
    options.preset = arguments.preset.map_or(options.preset, Into::into);
    let report = detect(&reference, &current, options).map_err(Failure::failed)?;

    let page = write(&report, &arguments.output).map_err(|error| {
        let output = arguments.output.display();
        Failure::failed(format!("cannot write the report into {output}: {error}; choose another --output"))
    })?;
    println!("{}", table(&report));
    println!("Report: {page}");
    Ok(Outcome::of(report.outcome(), arguments.fail_on_drift))
}

/// Reads a table from the file that `argument` names. `case` is the column of the cases.
///
/// # Errors
/// [`Failure::Usage`] for files that cannot be read; [`Failure::Failed`] for files that are not tables.
pub(super) fn read(path: &Path, argument: &str, case: &str) -> Result<Table, Failure> {
    let place = path.display();
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    let parse: fn(&[u8], &str) -> Result<Table, bcs_drift::Error> = match extension.as_deref() {
        Some("csv") => |bytes, case| Table::from_csv(bytes, case),
        Some("json") => Table::from_json,
        _ => {
            return Err(Failure::usage(format!(
                "{argument} {place} has neither the extension .csv nor .json; choose such a file"
            )));
        }
    };
    let bytes = fs::read(path)
        .map_err(|error| Failure::usage(format!("cannot read {place}: {error}; correct {argument}")))?;
    parse(&bytes, case).map_err(|error| Failure::failed(format!("{place}: {error}")))
}

/// Writes page and JSON, and returns the path of the page.
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
