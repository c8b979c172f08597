//! Answers other than overlay and mask: JSON with areas, regions, probabilities, test-time augmentation.

use image::GrayImage;
use serde_json::Value;

use crate::images::{self, mask};
use crate::server::{Server, problem};

/// Fills the polygons of a feature collection by the even-odd rule.
fn rasterized(collection: &Value, width: u32, height: u32) -> Vec<Option<u8>> {
    let mut pixels = vec![None; (width * height) as usize];
    for feature in collection["features"].as_array().unwrap() {
        assert_eq!(feature["geometry"]["type"], "MultiPolygon");
        let code = feature["properties"]["code"].as_u64().unwrap() as u8;
        for polygon in feature["geometry"]["coordinates"].as_array().unwrap() {
            let mut inside = vec![false; pixels.len()];
            for ring in polygon.as_array().unwrap() {
                let point = |point: &Value| [0, 1].map(|at| point[at].as_u64().unwrap() as u32);
                let ring: Vec<[u32; 2]> = ring.as_array().unwrap().iter().map(point).collect();
                assert_eq!(ring.first(), ring.last());
                for line in ring.windows(2).filter(|line| line[0][0] == line[1][0]) {
                    let (x, from, to) = (line[0][0], line[0][1].min(line[1][1]), line[0][1].max(line[1][1]));
                    for y in from..to {
                        let row = (y * width) as usize;
                        inside[row + x as usize..row + width as usize]
                            .iter_mut()
                            .for_each(|pixel| *pixel ^= true);
                    }
                }
            }
            pixels
                .iter_mut()
                .zip(inside)
                .filter(|(_, inside)| *inside)
                .for_each(|(pixel, _)| *pixel = Some(code));
        }
    }
    pixels
}

#[tokio::test]
async fn regions_are_those_of_the_mask() {
    let server = Server::ready().await;
    let response = server.predict("?output=geojson", images::png(90, 70)).await;
    assert_eq!(response.headers()["content-type"], "application/geo+json");
    let id = response.headers()["x-prediction-id"].to_str().unwrap().to_owned();
    let collection: Value = response.json().await.unwrap();
    let stored: GrayImage =
        mask(&server.get(&format!("/predictions/{id}/mask")).await.bytes().await.unwrap());
    let expected: Vec<_> = stored.as_raw().iter().copied().map(Some).collect();
    assert_eq!(rasterized(&collection, 90, 70), expected);
    for feature in collection["features"].as_array().unwrap() {
        assert_eq!(feature["properties"]["objectType"], "annotation");
        let tumour = feature["properties"]["code"] == 7;
        let name = if tumour { "tumour" } else { "other" };
        assert_eq!(feature["properties"]["classification"]["name"], name);
        let color = if tumour { [0xd5, 0x5e, 0] } else { [0x99; 3] };
        assert_eq!(feature["properties"]["classification"]["color"], serde_json::json!(color));
    }
    assert_eq!(server.json(&format!("/predictions/{id}/geojson")).await, collection);
    problem(server.get("/predictions/x/geojson").await, 404).await;
}

#[tokio::test]
async fn areas_need_the_resolution() {
    let server = Server::ready().await;
    let answer = |query: &'static str| {
        let server = &server;
        async move { server.predict(query, images::png(64, 64)).await.json::<Value>().await.unwrap() }
    };
    let plain = answer("?output=json").await;
    assert_eq!(plain["classes"][1]["area_mm2"], Value::Null);
    assert_eq!(plain["classes"][1]["color"], "#d55e00");
    let scaled = answer("?output=json&mpp=0.5").await;
    for class in scaled["classes"].as_array().unwrap() {
        let expected = class["pixels"].as_f64().unwrap() * 0.25 / 1e6;
        assert!((class["area_mm2"].as_f64().unwrap() - expected).abs() < 1e-12, "{class}");
    }
    let named = server.predict_named("/predict-img/", "TCGA-A2-A0D2-DX1_MPP-0.5_0.png", &[]).await;
    assert!(named.json::<Value>().await.unwrap()["classes"][0]["area_mm2"].is_number());
    problem(server.predict("?mpp=0", images::png(64, 64)).await, 422).await;
}

#[tokio::test]
async fn probabilities_sum_to_one_and_agree_with_the_mask() {
    let server = Server::ready().await;
    let response = server.predict("?output=probabilities", images::png(80, 60)).await;
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    let id = response.headers()["x-prediction-id"].to_str().unwrap().to_owned();
    let npy = response.bytes().await.unwrap();
    let data = 10 + usize::from(u16::from_le_bytes([npy[8], npy[9]]));
    assert!(String::from_utf8_lossy(&npy[10..data]).contains("'shape': (2, 60, 80)"));
    let values: Vec<f32> =
        npy[data..].chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    let (other, tumour) = values.split_at(80 * 60);
    let stored = mask(&server.get(&format!("/predictions/{id}/mask")).await.bytes().await.unwrap());
    for ((other, tumour), code) in other.iter().zip(tumour).zip(stored.as_raw()) {
        assert!((other + tumour - 1.0).abs() < 1e-5);
        assert_eq!(*code == 7, tumour > other);
    }

    let class = server.predict("?output=probabilities&class=7", images::png(80, 60)).await;
    assert_eq!(class.headers()["content-type"], "image/png");
    let plane = image::load_from_memory(&class.bytes().await.unwrap()).unwrap().into_luma16();
    for (level, tumour) in plane.as_raw().iter().zip(tumour) {
        assert!((f32::from(*level) / 65535.0 - tumour).abs() < 1e-4);
    }
    let detail =
        problem(server.predict("?output=probabilities&class=3", images::png(80, 60)).await, 422).await;
    assert!(detail.contains("0, 7"), "{detail}");
}

#[tokio::test]
async fn test_time_augmentation_of_a_flipped_image_is_flipped() {
    let server = Server::ready().await;
    let image = images::rgb(64, 64);
    let flipped = image::imageops::flip_horizontal(&image);
    let segmented = |image: image::RgbImage| {
        let (server, bytes) = (&server, images::encode(image, image::ImageFormat::Png));
        async move {
            mask(&server.predict("?output=mask&tta=flips_and_rotations", bytes).await.bytes().await.unwrap())
        }
    };
    let (mask, of_flipped) = (segmented(image).await, segmented(flipped).await);
    let differing = mask
        .pixels()
        .zip(image::imageops::flip_horizontal(&of_flipped).pixels())
        .filter(|(a, b)| a != b)
        .count();
    // Rounding may decide where two classes are equally likely.
    assert!(differing <= 2, "{differing} pixels differ");
}
