//! `run`: once, over stored predictions.

use serde_json::Value;

use crate::support::{World, stderr, stdout};

fn report(world: &World) -> Value {
    let name = world.stored().into_iter().find(|name| name.ends_with(".json")).unwrap();
    serde_json::from_slice(&std::fs::read(world.path("reports/reports").join(name)).unwrap()).unwrap()
}

#[test]
fn the_same_tissue_is_no_drift() {
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
    assert!(stdout(&again).contains("there already"), "{}", stdout(&again));
    assert_eq!(world.stored().len(), 2);
}

#[test]
fn other_tissue_is_drift_and_the_exit_code_tells_who_asks() {
    let world = World::new();
    world.predict(60, 2, 1.5);
    let run = world.run(&[]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(stdout(&run).contains("Drift: 4 of 4 features"), "{}", stdout(&run));
    assert_eq!(world.run(&["--fail-on-drift"]).status.code(), Some(3));
}

#[test]
fn what_is_left_out_is_counted_and_named() {
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

#[test]
fn too_few_records_are_not_judged() {
    let world = World::new();
    world.predict(1, 2, 9.0);
    let run = world.run(&["--fail-on-drift", "--days", "3"]);
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    assert!(stdout(&run).contains("1 record in the window, at least 2 are needed"), "{}", stdout(&run));
    assert_eq!(report(&world)["dataset_drift"], false);
    let run = world.run(&["--from", "2020-01-01", "--to", "2020-01-02"]);
    assert!(stdout(&run).contains("Nothing to compare: 0 current images"), "{}", stdout(&run));
}

#[test]
fn usage_and_configuration_exit_with_2_and_say_what_to_do() {
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
        ("STORAGE_MODE", "gcp", "STORAGE_MODE=local"),
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
fn a_package_without_or_with_another_reference_fails() {
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
