//! `bcs-drift-monitor run`.

use std::process::Stdio;

use serde_json::Value;

use crate::support::{VERSION, World, stderr, stdout};

fn report(world: &World) -> Value {
    let name = world.stored().into_iter().find(|name| name.ends_with(".json")).unwrap();
    serde_json::from_slice(&std::fs::read(world.path("reports/reports").join(name)).unwrap()).unwrap()
}

#[test]
fn the_same_distribution_has_not_drifted() {
    let world = World::new();
    world.predict(60, 2, 0.0);
    let run = world.run(&["--fail-on-drift"]);
    assert_eq!(run.status.code(), Some(0), "{}{}", stdout(&run), stderr(&run));
    assert_eq!(world.stored().len(), 2);
    assert_eq!(
        (&report(&world)["current_rows"], &report(&world)["dataset_drift"]),
        (&60.into(), &false.into())
    );
    let again = world.run(&[]);
    assert!(stdout(&again).contains("already stored"), "{}", stdout(&again));
    assert_eq!(world.stored().len(), 2);
}

#[test]
fn a_shifted_distribution_has_drifted() {
    let world = World::new();
    world.predict(60, 2, 1.5);
    let run = world.run(&[]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    for family in ["stain and colour", "focus, compression and magnification", "model behaviour"] {
        let verdict = report(&world)["verdict"].as_str().unwrap().to_owned();
        assert!(verdict.starts_with("Drift in ") && verdict.contains(family), "{verdict}");
        let (_, consequence) = verdict.split_once(": ").unwrap();
        assert!(stdout(&run).contains(&verdict) && stderr(&run).contains(consequence), "{}", stdout(&run));
    }
    assert_eq!(world.run(&["--fail-on-drift"]).status.code(), Some(3));
}

#[test]
fn damaged_and_foreign_records_are_counted() {
    let world = World::new();
    world.predict(20, 2, 0.0);
    world.predict_as("train-2026-01-01_00-00-00", 5, 3, 4.0);
    let today = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let key = format!("records/date={today}/cut.json");
    world.write_record(&key, "{\"format_version\": 1");
    let run = world.run(&["--fail-on-drift"]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(stderr(&run).contains(&key), "{}", stderr(&run));
    let records = &report(&world)["records"];
    assert_eq!((&records["used"], &records["damaged"][0]), (&20.into(), &key.into()));
    assert_eq!(records["other_versions"]["train-2026-01-01_00-00-00"], 5);
    let title = report(&world)["title"].as_str().unwrap().to_owned();
    assert!(title.contains("1 damaged record") && title.contains("5 records of other models"), "{title}");
}

/// Names of the compared features, and names and reasons of the others.
fn features_of(report: &Value) -> (Vec<&str>, Vec<&str>) {
    let names = |list: &'static str| {
        let features = report[list].as_array().unwrap().iter();
        let mut names: Vec<&str> = features.map(|feature| feature["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        names
    };
    (names("features"), names("skipped"))
}

fn count_of(report: &Value, feature: &str) -> u64 {
    let features = report["features"].as_array().unwrap();
    features.iter().find(|known| known["name"] == feature).unwrap()["current"]["count"].as_u64().unwrap()
}

#[test]
fn records_of_format_1_are_compared_on_model_features_only() {
    let world = World::new();
    world.predict(20, 2, 0.0);
    // Their image features would be drift, had they been measured like those of the reference.
    world.store_records(
        VERSION,
        1,
        crate::support::images_shifted(30, 3, |name| if name == "confidence" { 0.0 } else { 4.0 }),
    );
    let run = world.run(&["--fail-on-drift"]);
    assert_eq!(run.status.code(), Some(0), "{}{}", stdout(&run), stderr(&run));
    let report = report(&world);
    assert_eq!(
        (&report["records"]["used"], &report["records"]["model_features_only"]),
        (&50.into(), &30.into())
    );
    assert_eq!((count_of(&report, "confidence"), count_of(&report, "grey_mean")), (50, 20));
    for text in [report["notes"].to_string(), stdout(&run), stderr(&run), world.page()] {
        assert!(text.contains("30 of 50 records are compared on model features"), "{text}");
    }
}

#[test]
fn a_reference_of_format_1_is_compared_on_model_features_with_a_note() {
    let world = World::with_format_1_reference();
    world.predict(40, 2, 0.0);
    let run = world.run(&[]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let report = report(&world);
    let (compared, skipped) = features_of(&report);
    assert_eq!((compared, skipped), (vec!["confidence"], vec!["eosin_mean", "grey_mean", "sharpness"]));
    for text in [report["notes"].to_string(), stdout(&run), stderr(&run), world.page()] {
        assert!(text.contains("the drift reference has format 1"), "{text}");
        assert!(text.contains("40 of 40 records are compared on model features"), "{text}");
    }
}

#[test]
fn two_processes_at_once_make_one_report() {
    for round in 0..4 {
        let world = World::new();
        world.predict(60, round, 0.0);
        let processes = [(); 2].map(|()| {
            world.command().arg("run").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        });
        let outputs = processes.map(|process| process.wait_with_output().unwrap());
        for output in &outputs {
            assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
        }
        let made = outputs.iter().filter(|output| stdout(output).contains("Report (new)")).count();
        assert_eq!(made, 1, "{}{}", stdout(&outputs[0]), stdout(&outputs[1]));
        assert_eq!(world.stored().len(), 2);
        let created = report(&world)["created"].as_str().unwrap().to_owned();
        assert!(world.page().contains(&created), "page and JSON are of different processes");
        let again = world.run(&[]);
        assert!(stdout(&again).contains("already stored"), "{}", stderr(&again));
    }
}

#[test]
fn too_few_records_have_no_verdict() {
    let world = World::new();
    world.predict(1, 2, 9.0);
    let run = world.run(&["--fail-on-drift", "--days", "3"]);
    assert_eq!(run.status.code(), Some(4), "{}", stderr(&run));
    assert!(stdout(&run).contains("1 record in the window, at least 2 are needed"), "{}", stdout(&run));
    assert_eq!(
        (&report(&world)["dataset_drift"], &report(&world)["outcome"]),
        (&false.into(), &"not_judged".into())
    );
    let run = world.run(&["--from", "2020-01-01", "--to", "2020-01-02"]);
    assert!(stdout(&run).contains("the window is empty"), "{}", stdout(&run));
}

#[test]
fn invalid_usage_and_configuration_exit_with_2() {
    let world = World::new();
    let arguments: [&[&str]; 5] = [
        &["--from", "yesterday"],
        &["--to", "2026-11-22"],
        &["--days", "0"],
        &["--days", "3", "--from", "2026-11-22"],
        &["--from", "2026-11-22", "--to", "2026-11-21"],
    ];
    for arguments in arguments {
        let run = world.run(arguments);
        assert_eq!(run.status.code(), Some(2), "{arguments:?} {}", stderr(&run));
    }
    let environments = [
        ("STORAGE_MODE", "gcp", "PREDICTIONS_BUCKET"),
        ("STORAGE_MODE", "s3", "STORAGE_MODE"),
        ("MODEL_PATH", "", "MODEL_PATH"),
        ("MODEL_PATH", "gs://b/m", "gs://b/m"),
        ("REPORTS_BUCKET", "gs://b", "REPORTS_BUCKET"),
    ];
    for (name, value, words) in environments {
        let run = world.command().arg("run").env(name, value).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{name}={value} {}", stderr(&run));
        assert!(stderr(&run).contains(words), "{}", stderr(&run));
    }
    assert!(world.stored().is_empty());
}

#[test]
fn a_missing_or_damaged_reference_is_an_error() {
    let world = World::new();
    let reference = world.path("model/reference.json");
    let mut bytes = std::fs::read(&reference).unwrap();
    *bytes.last_mut().unwrap() = b' ';
    std::fs::write(&reference, bytes).unwrap();
    let run = world.run(&[]);
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("changed or damaged"), "{}", stderr(&run));
    std::fs::remove_file(reference).unwrap();
    assert!(stderr(&world.run(&[])).contains("reference.json"));
}
