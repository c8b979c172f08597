//! The Grafana dashboard in `deploy/`.

use std::collections::BTreeSet;

use image::{GrayImage, ImageFormat, Luma};
use serde_json::Value;

use crate::images;
use crate::server::Server;

const DASHBOARD: &str = include_str!("../../../../deploy/grafana/bcs.json");

/// Returns the metrics of the predictor that an expression names.
fn metrics(expression: &str) -> impl Iterator<Item = String> + '_ {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("bcs_predictor_")).map(str::to_owned)
}

#[tokio::test]
async fn the_dashboard_names_metrics_that_exist() {
    let server = Server::ready().await;
    let response = server.predict("", images::png(64, 64)).await;
    let id = response.headers()["x-prediction-id"].to_str().unwrap().to_owned();
    let label = images::encode(GrayImage::from_pixel(64, 64, Luma([7])), ImageFormat::Png);
    let url = format!("{}/predictions/{id}/label", server.address);
    assert_eq!(server.client.put(url).body(label).send().await.unwrap().status(), 200);
    let exported = server.get("/metrics").await.text().await.unwrap();
    let exported: BTreeSet<&str> =
        exported.lines().filter_map(|line| line.split([' ', '{']).next()).collect();

    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let named: BTreeSet<String> =
        targets.flat_map(|target| metrics(target["expr"].as_str().unwrap())).collect();
    for name in &named {
        assert!(exported.contains(name.as_str()), "there is no metric {name}");
    }
    // Every metric is on the dashboard.
    let base = |name: &str| {
        let endings = ["_bucket", "_sum", "_count"];
        endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name).to_owned()
    };
    let named: BTreeSet<String> = named.iter().map(|name| base(name)).collect();
    let own = exported.iter().filter(|name| name.starts_with("bcs_predictor_"));
    let missing: Vec<_> = own.filter(|name| !named.contains(&base(name))).collect();
    assert!(missing.is_empty(), "{missing:?} are not on the dashboard");
}
