//! `POST /predict` as Vertex AI calls it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::images::{self, mask};
use crate::package::VERSION;
use crate::server::{Server, problem};

/// The routes that Vertex AI chooses.
const ROUTES: [(&str, &str); 2] = [
    ("AIP_HEALTH_ROUTE", "/v1/endpoints/1/deployedModels/2"),
    ("AIP_PREDICT_ROUTE", "/v1/endpoints/1/deployedModels/2:predict"),
];

/// The largest request and response of its shared endpoints, in bytes.
const LIMIT: usize = 1_500_000;

async fn post(server: &Server, route: &str, body: &Value) -> reqwest::Response {
    let request = server.client.post(format!("{}{route}", server.address));
    request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap()
}

fn instance(width: u32) -> Value {
    json!({"b64": STANDARD.encode(images::png(width, 64))})
}

#[tokio::test]
async fn instances_have_predictions_in_their_order() {
    let server = Server::ready_with(&ROUTES, "").await;
    assert_eq!(server.get(ROUTES[0].1).await.status(), 200);
    let body = json!({
        "instances": [
            instance(64),
            {"b64": STANDARD.encode(images::png(96, 64)), "case": "P0017", "source": "scanner-2", "mpp": 1.0},
        ],
    });
    for route in ["/predict", ROUTES[1].1] {
        let response = post(&server, route, &body).await;
        assert_eq!(response.status(), 200);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer.as_object().unwrap().len(), 1);
        let predictions = answer["predictions"].as_array().unwrap();
        for (prediction, width) in predictions.iter().zip([64, 96]) {
            let codes = mask(&STANDARD.decode(prediction["mask"].as_str().unwrap()).unwrap());
            assert_eq!(codes.dimensions(), (width, 64));
            let tumour = codes.pixels().filter(|code| code.0 == [7]).count();
            assert_eq!(prediction["classes"][1]["pixels"], tumour);
            assert_eq!(prediction["model_version"], VERSION);
            let id = prediction["id"].as_str().unwrap();
            let record = server.json(&format!("/predictions/{id}")).await;
            assert_eq!(record["mask"], prediction["mask_key"]);
        }
        assert_eq!(predictions.len(), 2);
        assert_eq!(predictions[0]["classes"][0]["area_mm2"], Value::Null);
        assert!(predictions[1]["classes"][0]["area_mm2"].is_number());
        let id = predictions[1]["id"].as_str().unwrap();
        let record = server.json(&format!("/predictions/{id}")).await;
        assert_eq!((&record["case"], &record["source"]), (&"P0017".into(), &"scanner-2".into()));
    }
}

#[tokio::test]
async fn responses_keep_within_the_limit() {
    let server = Server::ready().await;
    // Noise compresses badly, and so does its mask.
    let noise = image::RgbImage::from_fn(900, 300, |x, y| {
        let hash =
            x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519) ^ (x * y).wrapping_mul(40_503);
        image::Rgb(
            [(hash >> 3) as u8, (hash >> 11) as u8, 0].map(|value: u8| if value > 127 { 255 } else { 0 }),
        )
    });
    let image = STANDARD.encode(images::encode(noise, image::ImageFormat::Png));
    let count = LIMIT / (image.len() + 20);
    let body = json!({"instances": vec![json!({"b64": image}); count.clamp(1, 12)]});
    assert!(body.to_string().len() <= LIMIT);
    let response = post(&server, "/predict", &body).await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.unwrap().len() <= LIMIT);

    let body = json!({"instances": [instance(64)], "parameters": {"masks": false}});
    let answer: Value = post(&server, "/predict", &body).await.json().await.unwrap();
    assert_eq!(answer["predictions"][0]["mask"], Value::Null);

    let large = json!({"instances": [{"b64": "A".repeat(LIMIT)}]});
    problem(post(&server, "/predict", &large).await, 413).await;
}

#[tokio::test]
async fn errors_name_the_instance() {
    let server = Server::ready().await;
    for (body, status, expected) in [
        (json!({"instances": []}), 400, "0 instances"),
        (json!({"images": []}), 400, "images"),
        (json!({"instances": [instance(64), {"b64": "!"}]}), 400, "instances[1]: "),
        (json!({"instances": [{}]}), 400, "either b64 or gcs_uri"),
        (json!({"instances": [{"b64": "AAAA"}]}), 415, "instances[0]: the file is not an image"),
        (json!({"instances": [{"gcs_uri": "gs://tiles"}]}), 422, "not an object"),
        (json!({"instances": [{"gcs_uri": "/etc/passwd"}]}), 422, "gs://"),
        (json!({"instances": [{"b64": "AAAA", "case": "two words"}]}), 400, "case"),
        (json!({"instances": [instance(1)]}), 422, "instances[0]: the image has 1×64 pixels"),
        (json!({"instances": [instance(64)], "parameters": {"tta": "all"}}), 400, "`all`"),
    ] {
        let detail = problem(post(&server, "/predict", &body).await, status).await;
        assert!(detail.contains(expected), "{detail}");
    }
}

#[tokio::test]
async fn the_example_of_the_description_is_segmented() {
    let server = Server::ready().await;
    let description = server.json("/openapi.json").await;
    let examples = "/paths/~1predict/post/requestBody/content/application~1json/examples/tile/value";
    let example = description.pointer(examples).expect("the description has the example");
    let response = post(&server, "/predict", example).await;
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["predictions"][0]["input"]["format"], "jpeg");
}
