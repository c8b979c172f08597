//! `bcs-drift-monitor compare`.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::{program, stderr, stdout};

/// Returns a golden file: tables, or the results of scipy for them, from `make_compare.py`.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/monitor/golden").join(name)
}

fn compare(reference: &Path, current: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = program();
    command.arg("compare").arg("--reference").arg(reference).arg("--current").arg(current);
    command.arg("--output").arg(output).args(more).output().unwrap()
}

/// Settings with which each feature is tested as by scipy's `ks_2samp`.
fn settings(folder: &Path) -> String {
    let path = folder.join("settings.yaml");
    std::fs::write(&path, "drift: {preset: evidently, test: ks}").unwrap();
    path.display().to_string()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn statistics_and_p_values_agree_with_scipy() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a/b");
    let config = settings(folder.path());
    let run = compare(&golden("reference.csv"), &golden("current.csv"), &output, &["--config", &config]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));

    let report = json(&output.join("report.json"));
    let expected = &json(&golden("expected.json"))["features"];
    let features = report["features"].as_array().unwrap();
    assert_eq!(features.len(), expected.as_object().unwrap().len());
    for feature in features {
        let scipy = &expected[feature["name"].as_str().unwrap()];
        for value in ["statistic", "p_value"] {
            let (ours, theirs) = (feature[value].as_f64().unwrap(), scipy[value].as_f64().unwrap());
            assert!(
                (ours - theirs).abs() <= 1e-9 * theirs,
                "{value} of {}: {ours} {theirs}",
                feature["name"]
            );
        }
    }
    assert_eq!(report["skipped"][0]["name"], "image");
    let page = std::fs::read_to_string(output.join("report.html")).unwrap();
    assert!(page.contains("Drift in 2 of 5 features") && page.contains("current.csv against reference.csv"));
}

#[test]
fn parquet_has_the_report_of_the_same_csv() {
    let folder = tempfile::tempdir().unwrap();
    let reports = ["csv", "parquet"].map(|kind| {
        let output = folder.path().join(kind);
        let run = compare(&golden("reference.csv"), &golden(&format!("current.{kind}")), &output, &[]);
        assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
        json(&output.join("report.json"))
    });
    for key in ["features", "judgement", "verdict", "current_rows"] {
        assert_eq!(reports[0][key], reports[1][key], "{key}");
    }
    assert_eq!(reports[1]["skipped"][0]["name"], "image");
}

#[test]
fn the_printed_table_is_aligned() {
    let folder = tempfile::tempdir().unwrap();
    let config = settings(folder.path());
    let run =
        compare(&golden("reference.csv"), &golden("current.csv"), folder.path(), &["--config", &config]);
    let text = stdout(&run);
    let table: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(table.len(), 2 + 5, "{text}");
    let column = table[0].find("verdict").unwrap();
    for row in &table[2..] {
        let start = row.char_indices().nth(column).unwrap().0;
        assert!(["drift", "stable"].contains(&&row[start..]), "{row}");
    }
    assert!(table[2].starts_with("grey_mean") && table[2].contains("2.315e-7"), "{text}");
}

#[test]
fn fail_on_drift_sets_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let current = folder.path().join("current.json");
    std::fs::write(&current, r#"{"grey_mean": [0.1, 0.1, 0.11, 0.12, 0.13, 0.1]}"#).unwrap();
    let output = folder.path().join("out");
    let run = compare(&golden("reference.csv"), &current, &output, &["--fail-on-drift"]);
    assert_eq!(run.status.code(), Some(3), "{}", stdout(&run));
    assert_eq!(compare(&golden("reference.csv"), &current, &output, &[]).status.code(), Some(0));
    let same = compare(&golden("reference.csv"), &golden("reference.csv"), &output, &["--fail-on-drift"]);
    assert_eq!(same.status.code(), Some(0));
}

#[test]
fn invalid_tables_are_named_on_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("bad.csv"), "grey_mean\n0.5\nNaN\n").unwrap();
    std::fs::write(path("other.csv"), "size\n1\n2\n").unwrap();
    std::fs::write(path("table.parquet"), "PAR1").unwrap();
    std::fs::write(path("table.txt"), "size\n1\n2\n").unwrap();
    let cases = [
        ("bad.csv", 1, "row 2"),
        ("other.csv", 1, "no feature in common"),
        ("missing.csv", 2, "missing.csv"),
        ("table.parquet", 1, "cannot read the Parquet"),
        ("table.txt", 2, ".csv"),
    ];
    for (name, code, words) in cases {
        let run = compare(&golden("reference.csv"), &path(name), &path("out"), &[]);
        assert_eq!(run.status.code(), Some(code), "{name}");
        assert!(stderr(&run).contains(words), "{}", stderr(&run));
    }
    assert!(!path("out").exists());
    assert_eq!(program().args(["compare", "--reference", "x.csv"]).output().unwrap().status.code(), Some(2));
}
