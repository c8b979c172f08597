//! The viewer in a browser.

use std::path::{Path, PathBuf};

use bcs_tests::Page;
use serde_json::{Value, json};

use crate::images;
use crate::server::Server;

/// Sum of the pixels that the overlay tints.
const TINTED: &str = "(c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 0).length)(document.getElementById('mask'))";

/// Where screenshots go, to be looked at.
fn screenshots() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("viewer");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn hidden(id: &str) -> String {
    format!("document.getElementById('{id}').hidden")
}

fn shown(id: &str) -> String {
    format!("!{}", hidden(id))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_segmented_corrected_and_followed_by_an_error() {
    let server = Server::ready().await;
    let Some(mut page) = Page::open(&server.address, 1280, 900).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tile.png");
    std::fs::write(&file, images::png(96, 80)).unwrap();
    page.until("document.querySelectorAll('#legend li').length === 2").await;
    page.choose("file", &file).await;
    page.until(&shown("result")).await;

    // The numbers of the legend are those of the answer.
    let id = page.value("document.querySelector('#facts dd.id').textContent").await;
    let record = server.json(&format!("/predictions/{}", id.as_str().unwrap())).await;
    for class in record["classes"].as_array().unwrap() {
        let selector = format!(
            "document.querySelector('#legend li[data-code=\"{}\"] .area').dataset.pixels",
            class["code"]
        );
        assert_eq!(page.value(&selector).await, class["pixels"].to_string());
    }
    // The background is not tinted, and each class can be switched.
    let tumour = record["classes"][1]["pixels"].as_f64().unwrap();
    assert_eq!(page.value(TINTED).await.as_f64().unwrap(), tumour);
    page.value("document.querySelector('#legend li[data-code=\"0\"] input').click()").await;
    assert_eq!(page.value(TINTED).await, 96.0 * 80.0);
    page.value("document.querySelector('#legend li[data-code=\"0\"] input').click()").await;
    let set =
        "(s => { s.value = 20; s.dispatchEvent(new Event('input')); })(document.getElementById('opacity'))";
    page.value(set).await;
    assert_eq!(page.value("document.getElementById('mask').style.opacity").await, "0.2");
    page.screenshot(&screenshots().join("result.png")).await;

    // Everything becomes tumour where the brush goes.
    page.click("correct").await;
    page.value("(s => { s.value = 128; s.dispatchEvent(new Event('input')); })(document.getElementById('brush-size'))").await;
    page.drag("view", [0.4, 0.4], [0.6, 0.6]).await;
    page.until("!document.getElementById('undo').disabled").await;
    page.screenshot(&screenshots().join("brush.png")).await;
    page.click("send").await;
    page.until(&shown("agreement")).await;
    let text = page.value("document.getElementById('agreement').textContent").await;
    let label = std::fs::read(server.bucket().join(format!("labels/{}.png", id.as_str().unwrap()))).unwrap();
    let label = images::mask(&label);
    let corrected = label.pixels().filter(|code| code.0 == [7]).count() as f64;
    assert!(corrected > tumour, "{corrected} {tumour}");
    let dice = 2.0 * tumour / (tumour + corrected);
    assert!(text.as_str().unwrap().contains(&format!("tumour {dice:.3}")), "{text} {dice}");
    assert_eq!(page.faults(&server.address), Vec::<String>::new());

    // What was there before is dimmed.
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "no image").unwrap();
    page.choose("file", &text).await;
    page.until(&shown("error")).await;
    let message = page.value("document.getElementById('error').textContent").await;
    assert!(message.as_str().unwrap().starts_with("notes.txt: The file is not an image"), "{message}");
    assert_eq!(page.value("document.getElementById('stage').classList.contains('stale')").await, true);
    page.screenshot(&screenshots().join("error.png")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough() {
    let server = Server::ready().await;
    let Some(mut page) = Page::open(&server.address, 420, 900).await else { return };
    page.until("document.querySelectorAll('#legend li').length === 2").await;
    // The example is the second button.
    let focused = "document.activeElement.id";
    while page.value(focused).await != "example" {
        page.press("Tab").await;
    }
    page.press("Enter").await;
    page.until(&shown("result")).await;
    page.until("document.activeElement.id === 'view'").await;
    let announced = page.value("document.getElementById('announcement').textContent").await;
    assert!(announced.as_str().unwrap().contains("tumour"), "{announced}");

    let level = "document.getElementById('zoom-level').textContent";
    let fitted = page.value(level).await;
    page.press("+").await;
    assert_ne!(page.value(level).await, fitted);
    page.press("0").await;
    assert_eq!(page.value(level).await, fitted);

    while page.value(focused).await != "correct" {
        page.press("Tab").await;
    }
    page.press("Enter").await;
    page.until("document.activeElement.id === 'view'").await;
    page.press("]").await;
    assert_eq!(page.value("document.getElementById('brush-pixels').textContent").await, "18 px");
    page.press("ArrowRight").await;
    page.press(" ").await;
    while page.value(focused).await != "send" {
        page.press("Tab").await;
    }
    page.press("Enter").await;
    page.until(&shown("agreement")).await;
    page.screenshot(&screenshots().join("narrow.png")).await;
    assert_eq!(page.faults(&server.address), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_images_are_zoomed_and_moved() {
    let server = Server::ready().await;
    let Some(mut page) = Page::open(&server.address, 1280, 900).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("region.png");
    std::fs::write(&file, images::png(1500, 1000)).unwrap();
    page.choose("file", &file).await;
    page.until(&shown("result")).await;
    page.until(&hidden("busy")).await;
    let place = "document.getElementById('picture').style.transform";
    let before = page.value(place).await;
    let wheel = json!({"type": "mouseWheel", "x": 300, "y": 300, "deltaX": 0, "deltaY": -600});
    page.call("Input.dispatchMouseEvent", wheel).await;
    page.until(&format!("{place} !== {before}")).await;
    let zoomed: Value = page.value(place).await;
    page.drag("view", [0.5, 0.5], [0.6, 0.7]).await;
    assert_ne!(page.value(place).await, zoomed);
    page.screenshot(&screenshots().join("zoomed.png")).await;
    page.click("zoom-fit").await;
    let fitted = page.value(place).await;
    page.click("zoom-in").await;
    assert_ne!(page.value(place).await, fitted);
    page.click("zoom-fit").await;
    assert_eq!(page.value(place).await, fitted);
    assert_eq!(page.faults(&server.address), Vec::<String>::new());
}
