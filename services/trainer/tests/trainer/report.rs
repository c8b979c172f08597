//! The report of a run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bcs_tests::package;

use crate::support::{metrics, output, start, trained, write_tissue};

/// Checks that a page is a single file that loads nothing.
pub(crate) fn assert_self_contained(page: &str) {
    for reference in ["http:", "https:", "@import", "url(", "<script", "<link", "src=\"/"] {
        assert!(!page.contains(reference), "{reference}");
    }
    let sources = page.matches("src=\"").count();
    assert_eq!(sources, page.matches("src=\"data:image/jpeg;base64,").count());
    assert!(page.len() < 3_000_000 && !page.contains("NaN"), "{}", page.len());
}

#[test]
fn the_report_has_the_logged_values() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let printed = trained(here, &["train_hyp.max_epochs=3", "train_hyp.seed=7"]);
    let report = output(here).join("report.html");
    assert!(printed.contains("report      outputs/"), "{printed}");
    let page = std::fs::read_to_string(&report).unwrap();
    assert_self_contained(&page);
    let run = package(&here.join("models")).parent().unwrap().to_owned();
    assert_eq!(std::fs::read_to_string(run.join("report.html")).unwrap(), page);

    let lines = metrics(here);
    assert_eq!(lines.len(), 3);
    for line in &lines {
        let cell = |value: &serde_json::Value| format!(">{:.4}<", value.as_f64().unwrap());
        for value in [&line["loss"], &line["val_metric"], &line["val_dice"]["tumour"]] {
            assert!(page.contains(&cell(value)), "{line}");
        }
    }
    let best = lines.iter().map(|line| line["val_metric"].as_f64().unwrap()).fold(0.0, f64::max);
    assert!(page.contains(&format!("<h1>val_metric {best:.4} in epoch")), "{page}");
    assert!(page.contains("data-default=\"default: 0\">  seed: 7<"), "values that differ are marked");
    assert!(page.contains("Confusion matrix") && page.contains("TCGA-OL-0003-DX1_0"));
    assert!(!page.contains("did not finish"));
}

#[test]
fn a_run_that_failed_has_a_report_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_tissue(here);
    let overrides = ["train_hyp.max_epochs=100000", "train_hyp.training_batch_size=1", "data.cache_mb=0"];
    let mut process = start(here, &overrides);
    let begin = Instant::now();
    while !has_epoch(here) {
        assert!(begin.elapsed() < Duration::from_secs(120), "no epoch ends");
        std::thread::sleep(Duration::from_millis(5));
    }
    // A tile that becomes unreadable after it was checked.
    std::fs::write(here.join("tissue/train/TCGA-A1-0001-DX1_0.png"), "damaged").unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(1));
    let page = std::fs::read_to_string(output(here).join("report.html")).unwrap();
    assert_self_contained(&page);
    assert!(page.contains("The run did not finish: ") && page.contains("TCGA-A1-0001-DX1_0.png"), "{page}");
    assert!(page.contains("Best epoch on the validation tiles") && !page.contains("Confusion matrix<"));
}

/// Whether the only run has logged an epoch.
fn has_epoch(here: &Path) -> bool {
    let entries = |folder: PathBuf| {
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let runs = entries(here.join("outputs")).into_iter().flat_map(entries);
    runs.map(|run| run.join("metrics.jsonl"))
        .any(|log| std::fs::read_to_string(log).is_ok_and(|text| text.contains("val_metric")))
}
