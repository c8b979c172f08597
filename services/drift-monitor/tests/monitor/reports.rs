//! Runs and reports over HTTP.

use serde_json::Value;

use crate::support::{FEATURES, Server, VERSION, World, images};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test]
async fn the_same_window_makes_one_report() {
    let world = World::new();
    world.predict(40, 2, 1.0);
    let server = Server::start(&world);
    let (status, first) = server.post("").await;
    assert_eq!(status, 201);
    assert_eq!((&first["drifted"], &first["dataset_drift"]), (&4.into(), &true.into()));
    let (status, second) = server.post("{}").await;
    assert_eq!(status, 200);
    assert_eq!(first, second);
    assert_eq!(world.stored().len(), 2);

    world.predict(1, 3, 1.0);
    let (status, third) = server.post("").await;
    assert_eq!(status, 201);
    assert_ne!(first["id"], third["id"], "one more record");
    let (status, fourth) = server.post(r#"{"features": ["grey_mean", "confidence"]}"#).await;
    assert_eq!((status.as_u16(), fourth["features"].as_array().unwrap().len()), (201, 2));
    let (_, list) = server.json("/reports").await;
    let listed: Vec<&Value> = list.as_array().unwrap().iter().map(|report| &report["id"]).collect();
    assert_eq!(listed, [&fourth["id"], &third["id"], &first["id"]], "newest first");

    let metrics = server.get("/metrics", "*/*").await.text().await.unwrap();
    for line in [
        "bcs_drift_monitor_last_run_outcome{outcome=\"drift\"} 1",
        "bcs_drift_monitor_family_drift{family=\"stain_and_colour\"} 1",
        "bcs_drift_monitor_feature_p_value{feature=\"grey_mean\"} 0.",
        "bcs_drift_monitor_last_run_records 41",
        "bcs_drift_monitor_last_run_drifted_features 2",
        "bcs_drift_monitor_last_run_drift_share 1",
        "bcs_drift_monitor_runs_total{outcome=\"created\"} 3",
        "bcs_drift_monitor_runs_total{outcome=\"existing\"} 1",
        "bcs_drift_monitor_last_run_outcome{outcome=\"not_judged\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }

    // A window of the past leaves the gauges as they are.
    let (status, past) = server.post(r#"{"from": "2020-01-01", "to": "2020-01-02"}"#).await;
    assert_eq!((status.as_u16(), &past["outcome"]), (201, &"not_judged".into()));
    let metrics = server.get("/metrics", "*/*").await.text().await.unwrap();
    assert!(metrics.contains("bcs_drift_monitor_last_run_records 41\n"), "{metrics}");

    // The same words on the page, in the list and in the JSON, and the earlier reports as a trend.
    let verdict = fourth["verdict"].as_str().unwrap();
    assert!(verdict.starts_with("Drift in "), "{verdict}");
    let (_, list) = server.json("/reports").await;
    assert!(list.as_array().unwrap().iter().any(|listed| listed["verdict"] == verdict));
    let page = server
        .get(&format!("/reports/{}", fourth["id"].as_str().unwrap()), BROWSER)
        .await
        .text()
        .await
        .unwrap();
    let (head, rest) = verdict.split_once(": ").unwrap();
    assert!(
        page.contains(&format!("<h1>{head}</h1>"))
            && page.contains(rest)
            && page.contains("class=\"trend-plot\""),
        "{page}"
    );
    assert!(server.get("/reports", BROWSER).await.text().await.unwrap().contains(verdict));
    assert_eq!(fourth["trend"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn features_without_comparable_records_are_not_compared() {
    let world = World::new();
    world.store_records(VERSION, 1, images(20, 2, 0.0));
    let server = Server::start(&world);
    let (status, report) = server.post(r#"{"features": ["grey_mean"]}"#).await;
    assert_eq!(status, 201, "{report}");
    assert_eq!((&report["current_rows"], &report["dataset_drift"]), (&20.into(), &false.into()));
    assert_eq!(report["skipped"][0]["reason"], "the records have no comparable value");
    assert!(report["notes"][0].as_str().unwrap().starts_with("20 of 20 records"), "{report}");
}

#[tokio::test]
async fn concurrent_requests_make_one_report() {
    let world = World::new();
    world.predict(40, 2, 0.0);
    let server = Server::start(&world);
    let calls = [(); 8].map(|()| {
        let request = server.client.post(format!("{}/run", server.address));
        tokio::spawn(async move {
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.json::<Value>().await.unwrap())
        })
    });
    let mut responses = Vec::new();
    for call in calls {
        responses.push(call.await.unwrap());
    }
    assert_eq!(responses.iter().filter(|(status, _)| *status == 201).count(), 1);
    assert!(responses.iter().all(|(status, report)| *status < 300 && *report == responses[0].1));
    assert_eq!(world.stored().len(), 2);
}

#[tokio::test]
async fn reports_are_html_or_json_by_accept() {
    let world = World::new();
    world.predict(40, 2, 1.0);
    let server = Server::start(&world);
    let empty = server.get("/", BROWSER).await;
    assert_eq!(empty.status(), 200);
    assert!(empty.text().await.unwrap().contains("no report yet"));
    assert_eq!(server.json("/reports").await.1, Value::Array(Vec::new()));

    let (_, made) = server.post("").await;
    let path = format!("/reports/{}", made["id"].as_str().unwrap());
    let kind = async |path: &str, accept: &str| {
        let response = server.get(path, accept).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["vary"]),
            (200, &"accept".parse().unwrap())
        );
        response.headers()["content-type"].to_str().unwrap().to_owned()
    };
    for (accept, report, list) in [
        (BROWSER, "text/html; charset=utf-8", "text/html; charset=utf-8"),
        ("application/json", "application/json", "application/json"),
        ("*/*", "text/html; charset=utf-8", "application/json"),
    ] {
        assert_eq!((kind(&path, accept).await, kind("/reports", accept).await), (report.into(), list.into()));
    }
    assert_eq!(server.json(&path).await.1, made);
    let page = server.get(&path, BROWSER).await.text().await.unwrap();
    assert!(page.contains("<h1>Drift in "));
    let home = server.get("/", BROWSER).await;
    assert_eq!((home.status().as_u16(), home.headers()["location"].to_str().unwrap()), (307, path.as_str()));
}

#[tokio::test]
async fn invalid_requests_are_problems() {
    let world = World::new();
    let server = Server::start(&world);
    let long = format!("{{\"features\": [\"{}\"]}}", "x".repeat(100_000));
    for (body, status, words) in [
        ("{", 400, "JSON"),
        (r#"{"form": "2026-11-22"}"#, 422, "form"),
        (r#"{"from": "yesterday"}"#, 422, "yesterday"),
        (r#"{"from": "2026-11-22", "to": "2026-11-21"}"#, 422, "empty"),
        (r#"{"days": 0}"#, 422, "days"),
        (r#"{"days": "2"}"#, 422, "days"),
        (r#"{"features": []}"#, 422, FEATURES[0]),
        (r#"{"features": ["grey_means"]}"#, 422, "'grey_means'"),
        ("[]", 422, "body"),
        (&long, 413, "too long"),
    ] {
        let (found, problem) = server.post(body).await;
        assert_eq!((found.as_u16(), problem["status"].as_u64()), (status, Some(status.into())), "{body:.60}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    for path in ["/reports/none", "/reports/%ff", "/reports/..%2Fsecret", "/reports/a%2Fb", "/nothing"] {
        let response = server.get(path, BROWSER).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(server.get("/run", "*/*").await.status(), 405);
    assert!(world.stored().is_empty());
}
