//! `bcs-drift-monitor compare`: compares two tables of features.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::{self, File};
use std::path::Path;

use bcs_drift::{About, DriftReport, Table, detect, html};
use bcs_service::Failure;
use bcs_service::settings::ServerSettings;
use jiff::Timestamp;

use crate::cli::CompareArguments;
use crate::outcome::Outcome;
use crate::parquet_table;
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
    let file = File::open(path)
        .map_err(|error| Failure::usage(format!("cannot read {place}: {error}; correct {argument}")))?;
    let invalid = |error: &dyn Display| Failure::failed(format!("{place}: {error}"));
    match path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => Table::from_csv_file(file, case).map_err(|error| invalid(&error)),
        Some("parquet") => parquet_table::read(path, case).map_err(|error| invalid(&error)),
        Some("json") => {
            let bytes = fs::read(path).map_err(|error| invalid(&error))?;
            Table::from_json(&bytes, case).map_err(|error| invalid(&error))
        }
        _ => Err(Failure::usage(format!(
            "{argument} {place} has none of the extensions .csv, .parquet and .json; choose such a file"
        ))),
    }
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
