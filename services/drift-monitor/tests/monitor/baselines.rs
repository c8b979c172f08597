//! Accepted baselines, and images to label.

use crate::support::{Server, World};

#[tokio::test]
async fn accepted_records_are_what_later_ones_are_compared_with() {
    let world = World::new();
    world.predict(60, 2, 2.0);
    let server = Server::start(&world);
    let (_, drifted) = server.post("").await;
    assert_eq!(drifted["judgement"]["outcome"], "drift");
    let path = format!("/reports/{}/accept", drifted["id"].as_str().unwrap());
    let accept = async |path: &str, body: &str| {
        let request = server.client.post(format!("{}{path}", server.address)).body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(accept(&path, r#"{"why": "new stainer"}"#).await, 422);
    assert_eq!(accept(&path, r#"{"who": "a@example.org", "why": " "}"#).await, 422);
    assert_eq!(accept("/reports/unknown/accept", r#"{"who": "a", "why": "b"}"#).await, 404);
    assert_eq!(accept(&path, r#"{"who": "a@example.org", "why": "new stainer"}"#).await, 201);
    let (_, baselines) = server.json("/baselines").await;
    assert_eq!((&baselines[0]["who"], &baselines[0]["report"]), (&"a@example.org".into(), &drifted["id"]));

    let (status, report) = server.post("").await;
    assert_eq!((status.as_u16(), &report["judgement"]["outcome"]), (201, &"no_drift".into()), "{report}");
    assert!(report["notes"].to_string().contains("a@example.org accepted"), "{}", report["notes"]);
}

#[tokio::test]
async fn a_report_asks_for_labels_of_a_few_images() {
    let world = World::new();
    world.predict(60, 2, 0.0);
    let server = Server::start(&world);
    let (_, report) = server.post("").await;
    let (status, images) =
        server.json(&format!("/reports/{}/to-label", report["id"].as_str().unwrap())).await;
    assert_eq!((status.as_u16(), images.as_array().map(Vec::len)), (200, Some(10)));
    let record = world.path("predictions").join(images[0]["record"].as_str().unwrap());
    assert!(record.exists(), "{images}");
    assert_eq!(server.json("/reports/unknown/to-label").await.0, 404);
}
