//! Which predictions a run compares, and that it compares them once.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Server, VERSION, World, stderr, stdout};

fn used(report: &Value) -> u64 {
    report["records"]["used"].as_u64().unwrap()
}

#[tokio::test]
async fn windows_are_hours_or_numbers_of_predictions() {
    let world = World::new();
    // One per minute.
    world.predict(90, 2, 0.0);
    let server = Server::start(&world);
    let (status, hour) = server.post(r#"{"hours": 1}"#).await;
    assert_eq!(status, 201, "{hour}");
    assert!((59..=61).contains(&used(&hour)), "{}", used(&hour));
    let (status, last) = server.post(r#"{"last": 20}"#).await;
    assert_eq!((status.as_u16(), used(&last)), (201, 20));
    let (status, again) = server.post(r#"{"last": 20}"#).await;
    assert_eq!((status.as_u16(), &again["id"]), (200, &last["id"]));
    let (status, problem) = server.post(r#"{"last": 20, "hours": 1}"#).await;
    assert_eq!(status, 422, "{problem}");
}

#[test]
fn reports_since_the_last_one_have_new_records_only() {
    let world = World::new();
    world.predict(30, 2, 0.0);
    let run = |state: &str| {
        let run = world.run(&["--since-last"]);
        assert!(stdout(&run).contains(state), "{}{}", stdout(&run), stderr(&run));
    };
    run("Report (new)");
    run("already stored");
    world.predict(12, 3, 0.0);
    run("Report (new)");
    let mut counts: Vec<u64> = world.reports().iter().map(used).collect();
    counts.sort_unstable();
    assert_eq!(counts, [12, 30]);
}

#[tokio::test]
async fn unknown_model_versions_are_refused() {
    let world = World::new();
    world.predict(20, 2, 0.0);
    world.predict_as("train-2026-01-01_00-00-00", 5, 3, 0.0);
    let server = Server::start(&world);
    let (status, problem) = server.post(r#"{"model_version": "typo"}"#).await;
    assert_eq!(status, 422);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("'typo'") && detail.contains("train-2026-01-01_00-00-00") && detail.contains(VERSION)
    );
    let (status, report) = server.post(r#"{"model_version": "train-2026-01-01_00-00-00"}"#).await;
    assert_eq!((status.as_u16(), used(&report)), (201, 5));
}

#[test]
fn copies_of_records_are_damaged() {
    let world = World::new();
    world.predict(20, 2, 0.0);
    let folder =
        std::fs::read_dir(world.path("predictions/records")).unwrap().next().unwrap().unwrap().path();
    let record = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(&record, folder.join("copy.json")).unwrap();
    let run = world.run(&["--days", "2"]);
    assert!(stderr(&run).contains("is a copy"), "{}", stderr(&run));
    let report = &world.reports()[0];
    assert_eq!((used(report), report["records"]["damaged"].as_array().map(Vec::len)), (20, Some(1)));
}

#[tokio::test]
async fn a_report_of_another_layout_is_made_anew() {
    let world = World::new();
    world.predict(20, 2, 0.0);
    let server = Server::start(&world);
    let (_, report) = server.post("").await;
    let path = world.path("reports/reports").join(format!("{}.json", report["id"].as_str().unwrap()));
    std::fs::write(&path, json!({"format_version": 0, "id": report["id"]}).to_string()).unwrap();
    let (status, again) = server.post("").await;
    assert_eq!((status.as_u16(), &again["id"]), (201, &report["id"]));
    assert_eq!(server.post("").await.0, 200);
    assert_eq!(server.json("/reports").await.1.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn requests_at_the_same_time_share_one_run() {
    let world = World::new();
    world.predict(60, 2, 0.0);
    let server = Server::start(&world);
    let posts: Vec<_> = (0..24).map(|_| server.post("")).collect();
    let mut statuses = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    for (status, report) in futures_util::future::join_all(posts).await {
        statuses.push(status.as_u16());
        ids.insert(report["id"].as_str().unwrap().to_owned());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[22], statuses[23], ids.len()), (200, 201, 1), "{statuses:?}");
}

#[tokio::test]
async fn clients_need_not_wait() {
    let world = World::new();
    world.predict(60, 2, 0.0);
    let server = Server::start(&world);
    let request = server.client.post(format!("{}/run", server.address)).header("prefer", "respond-async");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 202);
    let state = response.headers()["location"].to_str().unwrap().to_owned();
    let report = loop {
        let response = server.get(&state, "application/json").await;
        match response.status().as_u16() {
            303 => break response.headers()["location"].to_str().unwrap().to_owned(),
            // Not started, or not done.
            200 | 404 => tokio::time::sleep(Duration::from_millis(20)).await,
            status => panic!("{status}"),
        }
    };
    let (status, report) = server.json(&report).await;
    assert_eq!((status.as_u16(), used(&report)), (200, 60));
    assert_eq!(server.json("/runs/unknown").await.0, 404);
}
