//! Tables in Parquet, read by DuckDB, and the judgement of its summaries.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::support::{VERSION, World, stderr, stdout};

/// Variable that names a Python with DuckDB, as `scripts/warehouse` sets it.
const VARIABLE: &str = "DUCKDB_PYTHON";

fn python() -> Option<PathBuf> {
    let python = std::env::var_os(VARIABLE).map(PathBuf::from);
    if python.is_none() {
        println!("skipped: {VARIABLE} is not set; run scripts/warehouse");
    }
    python
}

/// Summarizes the tables of a world.
fn summarize(python: &Path, world: &World) -> PathBuf {
    let (tables, output) = (world.path("reports/compact/*/*.parquet"), world.path("summaries.csv"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/warehouse/summaries.py");
    let run = Command::new(python).arg(script).arg(tables).arg(&output).arg(VERSION).output().unwrap();
    assert!(run.status.success(), "{}", stderr(&run));
    output
}

/// Case and value of the summaries of one feature.
fn column(csv: &str, feature: &str) -> Vec<(String, f64)> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let at = |name: &str| header.iter().position(|known| *known == name).unwrap();
    let (case, feature) = (at("case"), at(feature));
    lines.map(|cells| (cells[case].to_owned(), cells[feature].parse().unwrap())).collect()
}

fn means(world: &World, feature: &str) -> Vec<(String, f64)> {
    let mut cases = std::collections::BTreeMap::<String, Vec<f64>>::new();
    for record in world.records() {
        let value = record["features"][feature].as_f64().unwrap();
        cases.entry(record["case"].as_str().unwrap().to_owned()).or_default().push(value);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    cases.into_iter().map(|(case, values)| (case, mean(&values))).collect()
}

fn verdict(world: &World, arguments: &[&str]) -> Value {
    let before = world.stored();
    let run = world.run(arguments);
    assert!(run.status.success(), "{}{}", stdout(&run), stderr(&run));
    let new =
        world.stored().into_iter().find(|name| name.ends_with(".json") && !before.contains(name)).unwrap();
    serde_json::from_slice(&std::fs::read(world.path("reports/reports").join(new)).unwrap()).unwrap()
}

#[test]
fn duckdb_summarizes_the_tables_and_the_verdict_is_the_same() {
    let Some(python) = python() else { return };
    for (shift, expected) in [(0.0, "no_drift"), (2.0, "drift")] {
        let world = World::new();
        world.predict(60, 2, shift);
        world.predict_as("train-2026-01-01_00-00-00", 5, 3, 9.0);
        let today = Timestamp::now().to_zoned_datetime(TimeZone::UTC).date();
        let [from, to] = [today.yesterday().unwrap(), today].map(|day| day.to_string());
        let run = world.command().args(["compact", "--from", &from, "--to", &to]).output().unwrap();
        assert!(run.status.success(), "{}{}", stdout(&run), stderr(&run));
        let summaries = summarize(&python, &world);
        let csv = std::fs::read_to_string(&summaries).unwrap();
        assert_eq!(column(&csv, "images").iter().map(|(_, images)| *images).sum::<f64>(), 60.0);
        for feature in ["grey_mean", "sharpness"] {
            for (found, expected) in column(&csv, feature).iter().zip(means(&world, feature)) {
                assert_eq!(found.0, expected.0);
                assert!((found.1 / expected.1 - 1.0).abs() < 1e-9, "{feature}: {found:?} {expected:?}");
            }
        }
        let of_records = verdict(&world, &["--days", "2"]);
        let of_summaries = verdict(&world, &["--days", "2", "--summaries", summaries.to_str().unwrap()]);
        for report in [&of_records, &of_summaries] {
            assert_eq!(report["judgement"]["outcome"], expected, "{report}");
            assert_eq!(report["records"]["used"], 60);
        }
    }
}
