//! Estimated and measured quality, and the images that a report shows.

use bcs_contracts::keys;
use bcs_imaging::encode::{mask_png, png};
use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::Value;

use crate::support::{Server, World};

const BROWSER: &str = "text/html";

/// A mask whose upper rows are tumour.
fn mask(rows: u32) -> Vec<u8> {
    mask_png(&GrayImage::from_fn(224, 224, |_, y| Luma([u8::from(y < rows)]))).unwrap()
}

fn write(world: &World, key: &str, bytes: &[u8]) {
    let path = world.path("predictions").join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn ids(images: &Value) -> Vec<&str> {
    images.as_array().unwrap().iter().map(|image| image["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn labels_are_compared_with_the_estimate_and_shown_with_images() {
    let world = World::new();
    world.predict(60, 2, 0.0);
    let mut command = world.command();
    command.env("PREDICTOR_URL", "https://predictor.example.org/");
    let server = Server::start_with(command);
    let (_, first) = server.post("").await;
    let quality = &first["quality"];
    assert_eq!(
        (&quality["images"], &quality["labelled"], &quality["calibrated"]),
        (&60.into(), &0.into(), &false.into())
    );
    let estimated = quality["classes"][1]["estimated"]["dice"].as_f64().unwrap();
    assert!((estimated - 0.75).abs() < 1e-9, "{quality}");
    assert_eq!(ids(&first["unusual"]).len(), 8);

    // The masks of two images are a half of tumour, and right in a quarter.
    let asked = ids(&first["to_label"]);
    for (image, id) in first["to_label"].as_array().unwrap().iter().zip(&asked).take(2) {
        write(&world, image["mask"].as_str().unwrap(), &mask(112));
        write(&world, &keys::label(id.parse().unwrap()), &mask(56));
        assert_eq!(image["link"], format!("https://predictor.example.org/predictions/{id}"));
    }
    let unusual: uuid::Uuid = first["unusual"][0]["id"].as_str().unwrap().parse().unwrap();
    let input = keys::input(keys::day_of(unusual).unwrap(), unusual, "png");
    write(&world, &input, &png(&RgbImage::from_pixel(224, 224, Rgb([200, 120, 180]))).unwrap());

    let (status, second) = server.post("").await;
    assert_eq!(status, 201, "labels make another report");
    let tumour = &second["quality"]["classes"][1];
    assert_eq!((&second["quality"]["labelled"], &tumour["name"]), (&2.into(), &"tumour".into()));
    assert!((tumour["measured"]["dice"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9, "{tumour}");
    assert!(ids(&second["to_label"]).iter().all(|id| !asked[..2].contains(id)));

    let path = format!("/reports/{}", second["id"].as_str().unwrap());
    let page = server.get(&path, BROWSER).await.text().await.unwrap();
    assert!(page.contains("The estimate is too high for tumour: "), "{page}");
    assert!(page.contains("src=\"data:image/jpeg;base64,") && page.len() < 300_000);
    assert!(!second.to_string().contains("data:image"), "pictures are on the page only");
    let metrics = server.get("/metrics", "*/*").await.text().await.unwrap();
    for line in [
        "bcs_drift_monitor_estimated_dice{class=\"tumour\",value=\"dice\"} 0.75",
        "bcs_drift_monitor_measured_dice{class=\"tumour\",value=\"dice\"} 0.66",
        "bcs_drift_monitor_estimated_dice{class=\"tumour\",value=\"low\"} 0.75",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}
