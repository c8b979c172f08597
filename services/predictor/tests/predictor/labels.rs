//! Corrected masks.

use image::{GrayImage, ImageFormat, Luma};
use serde_json::Value;

use crate::images::{self, mask};
use crate::server::{Server, problem};

async fn put(server: &Server, id: &str, body: Vec<u8>) -> reqwest::Response {
    server.client.put(format!("{}/predictions/{id}/label", server.address)).body(body).send().await.unwrap()
}

#[tokio::test]
async fn a_corrected_mask_is_stored_and_compared() {
    let server = Server::ready().await;
    let predicted = server.predict("?output=mask", images::png(64, 64)).await;
    let id = predicted.headers()["x-prediction-id"].to_str().unwrap().to_owned();
    let predicted = mask(&predicted.bytes().await.unwrap());

    // All tumour: of the class other nothing is right.
    let all = GrayImage::from_pixel(64, 64, Luma([7]));
    let bytes = images::encode(all, ImageFormat::Png);
    let response = put(&server, &id, bytes.clone()).await;
    assert_eq!(response.status(), 200);
    let agreement: Value = response.json().await.unwrap();
    let tumour = predicted.pixels().filter(|code| code.0 == [7]).count() as f64;
    let expected = 2.0 * tumour / (tumour + 64.0 * 64.0);
    assert!((agreement["dice"]["tumour"].as_f64().unwrap() - expected).abs() < 1e-12, "{agreement}");
    assert_eq!(agreement["dice"]["other"], 0.0);
    assert!((agreement["mean_dice"].as_f64().unwrap() - expected / 2.0).abs() < 1e-12);
    assert_eq!(std::fs::read(server.bucket().join(format!("labels/{id}.png"))).unwrap(), bytes);

    // A second one replaces the first.
    let same = images::encode(predicted, ImageFormat::Png);
    let agreement: Value = put(&server, &id, same.clone()).await.json().await.unwrap();
    assert_eq!((&agreement["id"], &agreement["mean_dice"]), (&id.as_str().into(), &1.0.into()));
    assert_eq!(std::fs::read(server.bucket().join(format!("labels/{id}.png"))).unwrap(), same);

    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains(r#"bcs_predictor_label_dice_count{class="tumour"} 2"#), "{metrics}");
}

#[tokio::test]
async fn masks_that_cannot_belong_to_a_prediction_are_refused() {
    let server = Server::ready().await;
    let response = server.predict("", images::png(64, 64)).await;
    let id = response.headers()["x-prediction-id"].to_str().unwrap().to_owned();
    let grey = |width, code| GrayImage::from_pixel(width, 64, Luma([code]));
    let png = |mask: GrayImage| images::encode(mask, ImageFormat::Png);
    for (body, status, expected) in [
        (png(grey(64, 3)), 422, "the code 3"),
        (png(grey(32, 7)), 422, "32×64"),
        (images::encode(grey(64, 7), ImageFormat::Jpeg), 415, "PNG"),
        (images::png(64, 64), 400, "channels"),
        (b"mask".to_vec(), 415, "format"),
        (Vec::new(), 400, "empty"),
    ] {
        let detail = problem(put(&server, &id, body).await, status).await;
        assert!(detail.contains(expected), "{detail}");
    }
    problem(put(&server, "0198c2a5-3f7e-7c3a-9d5e-2b1f0a6c4e8d", png(grey(64, 7))).await, 404).await;
    assert!(!server.bucket().join("labels").exists());
}
