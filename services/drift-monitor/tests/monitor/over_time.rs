//! Alarms over time.

use serde_json::Value;

use crate::support::{World, stderr, stdout};

fn settings(world: &World, over_time: &str) -> String {
    let path = world.path("settings.yaml");
    std::fs::write(&path, format!("drift: {{over_time: {over_time}}}")).unwrap();
    path.display().to_string()
}

/// Returns what the report of a run says over time.
fn run(world: &World, config: &str, arguments: &[&str]) -> (Value, String) {
    let run = world.command().args(["run", "--config", config]).args(arguments).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let reports = world.reports();
    let newest =
        reports.into_iter().max_by_key(|report| report["created"].as_str().unwrap().to_owned()).unwrap();
    (newest["over_time"].clone(), stdout(&run) + &stderr(&run))
}

#[test]
fn evidence_of_drift_becomes_an_alarm_that_counts_each_case_once() {
    let world = World::new();
    world.predict(60, 2, 2.0);
    let config = settings(&world, "{alarms_per_month: 20, persistence: 1}");
    let (first, output) = run(&world, &config, &[]);
    assert_eq!((&first["windows"], &first["cases"]), (&1.into(), &10.into()));
    let alarm =
        first["families"].as_array().unwrap().iter().find(|family| family["family"] == "stain_and_colour");
    assert_eq!(alarm.unwrap()["alarm"]["cases"], 10, "{first}");
    assert!(output.contains("Alarm over time: stain and colour, after 10 cases, mostly by"), "{output}");
    assert!(output.contains("\"Alarm over time.\""), "{output}");

    // Another window with the same cases.
    let (second, output) = run(&world, &config, &["--days", "2"]);
    assert_eq!((&second["windows"], &second["cases"]), (&2.into(), &10.into()));
    let families = second["families"].as_array().unwrap();
    assert!(
        families.iter().all(|family| family["alarm"].is_null()) && !output.contains("Alarm over"),
        "{second}"
    );
    assert!(families.iter().any(|family| family["earlier_alarms"] == 1), "{second}");
    let verdicts: Vec<Value> = world.reports().into_iter().map(|report| report["verdict"].clone()).collect();
    assert_eq!(verdicts[0], verdicts[1]);
}

#[test]
fn without_a_budget_there_are_no_alarms_over_time() {
    let world = World::new();
    world.predict(60, 2, 2.0);
    let config = settings(&world, "null");
    assert!(run(&world, &config, &[]).0.is_null());
    assert!(!world.page().contains("id=\"over-time\""));
}
