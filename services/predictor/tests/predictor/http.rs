//! The HTTP interface: responses and stored predictions.

use std::fs;
use std::path::Path;

use image::{GenericImageView, ImageFormat};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::images::{self, mask, pixels};
use crate::package::VERSION;
use crate::server::{Server, problem};

/// Lists all files in a folder and its subfolders.
fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            names.extend(files(&entry.path()));
        } else {
            names.push(entry.path().display().to_string());
        }
    }
    names
}

#[tokio::test]
async fn predictions_are_stored_before_the_response() {
    let server = Server::ready().await;
    let response = server.predict("", images::png(64, 64)).await;
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "image/png");
    assert_eq!(header("x-model-version"), VERSION);
    // The smallest p-value with three reference cases.
    assert_eq!(header("x-drift-score"), "0.2500");
    assert!(!header("x-request-id").is_empty());
    let id = header("x-prediction-id");

    let stored = files(&server.bucket());
    let found =
        |part: &str| stored.iter().find(|name| name.contains(part) && name.contains(&id)).unwrap().clone();
    let record: Value = serde_json::from_slice(&fs::read(found("records/date=")).unwrap()).unwrap();
    let stored_mask = fs::read(found("masks/date=")).unwrap();
    assert_eq!(stored.len(), 2, "{stored:?}");

    assert_eq!((&record["id"], &record["model_version"]), (&id.as_str().into(), &VERSION.into()));
    assert!(server.bucket().join(record["mask"].as_str().unwrap()).is_file());
    assert_eq!(record["features"]["grey_mean"].as_f64().map(|mean| (0.0..1.0).contains(&mean)), Some(true));
    let embedding =
        record["features"].as_object().unwrap().keys().filter(|name| name.starts_with("embedding_"));
    assert_eq!(embedding.count(), 8, "{record}");
    let codes = mask(&stored_mask);
    let tumour = codes.pixels().filter(|code| code.0 == [7]).count();
    let other = codes.pixels().filter(|code| code.0 == [0]).count();
    assert_eq!(tumour + other, 64 * 64);
    assert_eq!(record["classes"][1]["pixels"], tumour);
    // Of two classes, the predicted one has a probability of at least a half.
    let expected = |class: usize, key: &str| record["classes"][class][key].as_f64().unwrap();
    let right = expected(1, "expected_right");
    assert!((tumour as f64 / 2.0..=tumour as f64).contains(&right), "{right}");
    let sum = expected(0, "expected_pixels") + expected(1, "expected_pixels");
    assert!((sum - 64.0 * 64.0).abs() < 0.01 && expected(1, "expected_pixels") > right, "{sum}");

    assert_eq!(server.json(&format!("/predictions/{id}")).await, record);
    let fetched = server.get(&format!("/predictions/{id}/mask")).await;
    assert_eq!(fetched.headers()["content-type"], "image/png");
    assert_eq!(fetched.bytes().await.unwrap(), stored_mask);
    assert_eq!(pixels(&response.bytes().await.unwrap()).dimensions(), (64, 64));
}

#[tokio::test]
async fn query_and_accept_select_the_response() {
    let server = Server::ready().await;
    let tile = images::png(80, 60);
    let json = server.predict("?output=json", tile.clone()).await;
    assert_eq!(json.headers()["content-type"], "application/json");
    let id = json.headers()["x-prediction-id"].to_str().unwrap().to_owned();
    assert_eq!(json.json::<Value>().await.unwrap(), server.json(&format!("/predictions/{id}")).await);

    let codes = mask(&server.predict("?output=mask", tile.clone()).await.bytes().await.unwrap());
    assert_eq!(codes.dimensions(), (80, 60));
    let plain = pixels(&server.predict("?alpha=0", tile.clone()).await.bytes().await.unwrap());
    assert_eq!(plain, images::rgb(80, 60));
    let full =
        pixels(&server.predict("?alpha=1&colormap=classes", tile.clone()).await.bytes().await.unwrap());
    for ((code, tinted), original) in codes.pixels().zip(full.pixels()).zip(plain.pixels()) {
        let expected = if code.0 == [7] { image::Rgb([0xd5, 0x5e, 0x00]) } else { *original };
        assert_eq!(*tinted, expected);
    }

    for field in ["file", "image"] {
        assert_eq!(server.upload(field, "", tile.clone()).await.status(), 200, "{field}");
    }
    let form = Form::new().part("data", Part::bytes(tile));
    let url = format!("{}/predict-img", server.address);
    let request =
        server.client.post(url).header("accept", "image/jpeg, */*;q=0.1").header("x-request-id", "mine");
    let response = request.multipart(form).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-request-id"]),
        (200, &"mine".parse().unwrap())
    );
    assert_eq!(response.headers()["content-type"], "image/jpeg");
    let bytes = response.bytes().await.unwrap();
    assert_eq!(image::guess_format(&bytes).unwrap(), ImageFormat::Jpeg);
}

#[tokio::test]
async fn a_legend_is_drawn_into_the_upper_left_corner() {
    let server = Server::ready().await;
    let tile = images::png(300, 200);
    let overlay = async |query: &str, format: &'static str| {
        let form = Form::new().part("data", Part::bytes(tile.clone()));
        let request = server.client.post(format!("{}/predict-img/{query}", server.address));
        let response = request.header("accept", format).multipart(form).send().await.unwrap();
        assert_eq!(response.status(), 200, "{query}");
        pixels(&response.bytes().await.unwrap())
    };
    let with = overlay("?colormap=classes&legend=true", "image/png").await;
    let without = overlay("?colormap=classes", "image/png").await;
    let (width, height) = (with.width() / 2, with.height() / 2);
    let part = |image: &image::RgbImage, x, y| image.view(x, y, width, height).to_image();
    let tumour = image::Rgb([0xd5, 0x5e, 0x00]);
    let squares = part(&with, 0, 0).pixels().filter(|pixel| **pixel == tumour).count();
    assert!(squares >= 40, "{squares} pixels in the colour of the class");
    assert!(part(&with, width, height) == part(&without, width, height), "the legend covers the image");
    let jpeg = overlay("?colormap=classes&legend=true", "image/jpeg").await;
    let difference: u32 =
        jpeg.as_raw().iter().zip(with.as_raw()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
    assert!(difference / (jpeg.as_raw().len() as u32) < 8, "{difference}");
}

#[tokio::test]
async fn all_colour_types_and_formats_are_supported() {
    let server = Server::ready().await;
    for (kind, bytes, [width, height]) in images::unusual() {
        let response = server.predict("?output=json", bytes).await;
        assert_eq!(response.status(), 200, "{kind}");
        let id = response.headers()["x-prediction-id"].to_str().unwrap().to_owned();
        let record: Value = response.json().await.unwrap();
        assert_eq!(
            (&record["input"]["width"], &record["input"]["height"]),
            (&width.into(), &height.into()),
            "{kind}"
        );
        let codes = mask(&server.get(&format!("/predictions/{id}/mask")).await.bytes().await.unwrap());
        assert_eq!(codes.dimensions(), (width, height), "{kind}");
    }
    // Pink in CMYK is decoded as pink, not as its negative.
    let cmyk = images::unusual().into_iter().find(|(kind, ..)| *kind == "cmyk").unwrap().1;
    let overlay = server.predict("?alpha=0", cmyk).await.bytes().await.unwrap();
    let image::Rgb([red, green, blue]) = *pixels(&overlay).get_pixel(20, 16);
    assert!(red > 210 && (70..115).contains(&green) && (160..205).contains(&blue), "{red} {green} {blue}");
}

#[tokio::test]
async fn source_and_case_are_recorded() {
    let server = Server::ready().await;
    let tcga = "TCGA-A2-A1G6-DX1_0_0.png";
    type Case<'a> = (&'static str, &'a [(&'a str, &'a str)], Value, Value);
    let cases: [Case<'_>; 4] = [
        ("tile.png", &[], Value::Null, Value::Null),
        (tcga, &[], Value::Null, "TCGA-A2-A1G6".into()),
        (
            tcga,
            &[("x-source", "site-3:scanner"), ("x-case", "case_7")],
            "site-3:scanner".into(),
            "case_7".into(),
        ),
        ("tile.png", &[("X-Source", "A2")], "A2".into(), Value::Null),
    ];
    for (file_name, headers, source, case) in cases {
        for route in ["/predict-img/", "/predict-img"] {
            let response = server.predict_named(route, file_name, headers).await;
            assert_eq!(response.status(), 200);
            let record: Value = response.json().await.unwrap();
            assert_eq!(record["format_version"], 2);
            assert_eq!((&record["source"], &record["case"]), (&source, &case), "{file_name} {headers:?}");
            let id = record["id"].as_str().unwrap();
            assert_eq!(server.json(&format!("/predictions/{id}")).await, record);
        }
    }
}

#[tokio::test]
async fn an_invalid_source_or_case_is_a_problem_that_names_the_header() {
    let server = Server::ready().await;
    let long = "x".repeat(65);
    for (name, value) in [("x-source", "two words"), ("x-case", ""), ("x-case", "../a"), ("x-source", &long)]
    {
        for route in ["/predict-img/", "/predict-img"] {
            let response = server.predict_named(route, "TCGA-A2-A1G6.png", &[(name, value)]).await;
            let detail = problem(response, 400).await;
            assert!(detail.contains(name) && detail.contains("1 to 64 ASCII letters"), "{detail}");
        }
    }
    assert!(files(&server.bucket()).is_empty(), "a refused image was stored");
}

#[tokio::test]
async fn images_smaller_than_the_stated_minimum_are_refused() {
    let server = Server::ready().await;
    let min_size = server.json("/info").await["model"]["min_size"].clone();
    let [height, width] = [0, 1].map(|axis| u32::try_from(min_size[axis].as_u64().unwrap()).unwrap());
    assert!(height > 1 && width > 1, "{min_size}");
    assert_eq!(server.predict("", images::png(width, height)).await.status(), 200);
    for (width, height) in [(width - 1, height), (width, height - 1)] {
        let detail = problem(server.predict("", images::png(width, height)).await, 422).await;
        assert!(detail.contains(&format!("{}×{}", min_size[1], min_size[0])), "{detail}");
    }
}

#[tokio::test]
async fn large_images_are_segmented_by_a_sliding_window() {
    let server = Server::ready().await;
    let response = server.predict("?output=mask", images::png(300, 500)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(mask(&response.bytes().await.unwrap()).dimensions(), (300, 500));
}

#[tokio::test]
async fn invalid_images_and_queries_are_problems() {
    let server = Server::ready().await;
    let whole = images::png(64, 64);
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("", Vec::new(), 400, "empty"),
        ("", b"the patient has been informed".to_vec(), 415, "PNG, JPEG"),
        ("", b"GIF89a and so on".to_vec(), 415, "PNG, JPEG"),
        ("", whole[..whole.len() / 2].to_vec(), 400, "damaged"),
        ("", images::png(1, 1), 422, "at least 4×4"),
        ("", images::bomb(), 413, "20000×20000"),
        ("", vec![7; 40 << 20], 413, "33554432"),
        ("?output=film", whole.clone(), 422, "overlay"),
        ("?alpha=2", whole.clone(), 422, "0 to 1"),
        ("?alpha=much", whole.clone(), 422, "alpha"),
        ("?colormap=jet", whole.clone(), 422, "YlGn"),
        ("?colour=red", whole.clone(), 422, "colormap"),
    ];
    for (query, bytes, status, word) in cases {
        let detail = problem(server.predict(query, bytes).await, status).await;
        assert!(detail.contains(word), "{query} {status}: {detail}");
    }
    assert!(files(&server.bucket()).is_empty(), "a refused image was stored");
}

#[tokio::test]
async fn invalid_forms_routes_and_ids_are_problems() {
    let server = Server::ready().await;
    let post = || server.client.post(format!("{}/predict-img/", server.address));
    let detail = problem(post().send().await.unwrap(), 400).await;
    assert!(detail.contains("'data'"), "{detail}");
    problem(post().header("content-type", "image/png").body(images::png(32, 32)).send().await.unwrap(), 400)
        .await;
    let broken = post().header("content-type", "multipart/form-data; boundary=x").body("--x\r\nnonsense");
    problem(broken.send().await.unwrap(), 400).await;
    let other = Form::new().text("comment", "none");
    let detail = problem(post().multipart(other).send().await.unwrap(), 400).await;
    assert!(detail.contains("'data'"), "{detail}");
    let part = || Part::bytes(images::png(32, 32));
    let two = Form::new().part("data", part()).part("file", part());
    problem(post().multipart(two).send().await.unwrap(), 400).await;
    problem(server.get("/predict-img/").await, 405).await;
    problem(server.get("/nowhere").await, 404).await;
    for id in [
        "none",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "..%2f..%2fmodel",
        "%ff",
        "7d444840-9dc0-11d1-b245-5ffdce74fad2",
    ] {
        for path in [format!("/predictions/{id}"), format!("/predictions/{id}/mask")] {
            problem(server.get(&path).await, 404).await;
        }
    }
}

#[tokio::test]
async fn uploads_are_stored_if_configured() {
    let server = Server::ready_with(&[("STORE_INPUTS", "true")], "").await;
    let tile = images::encode(images::rgb(40, 40), ImageFormat::Jpeg);
    let response = server.predict("", tile.clone()).await;
    let id = response.headers()["x-prediction-id"].to_str().unwrap().to_owned();
    let stored: Vec<String> = files(&server.bucket().join("inputs"));
    assert!(stored.len() == 1 && stored[0].ends_with(&format!("{id}.jpeg")), "{stored:?}");
    assert_eq!(fs::read(&stored[0]).unwrap(), tile);
}

#[tokio::test]
async fn service_routes_describe_the_server() {
    let server = Server::ready_with(&[("AIP_HEALTH_ROUTE", "/v1/endpoints/1/deployedModels/2")], "").await;
    server.predict("", images::png(64, 64)).await;
    for path in ["/health", "/ready", "/v1/endpoints/1/deployedModels/2", "/docs/", "/"] {
        assert_eq!(server.get(path).await.status(), 200, "{path}");
    }
    let info = server.json("/info").await;
    assert_eq!((&info["status"], &info["model"]["version"]), (&"ready".into(), &VERSION.into()));
    assert_eq!(info["model"]["classes"][1]["color"], "#d55e00");

    let metrics = server.get("/metrics").await.text().await.unwrap();
    for line in [
        "bcs_predictor_predictions_total{outcome=\"stored\"} 1",
        "bcs_predictor_queue_length 0",
        "bcs_predictor_windows_waiting 0",
        "bcs_predictor_queue_seconds_count 1",
        "bcs_predictor_decode_seconds_count 1",
        "bcs_predictor_inference_seconds_count 1",
        "bcs_predictor_render_seconds_count 1",
        "bcs_predictor_store_seconds_count 1",
        "bcs_predictor_batch_windows_sum 1",
        "bcs_predictor_image_pixels_sum 4096",
        "route=\"/predict-img/\",status=\"200\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }

    let api = server.json("/openapi.json").await;
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    let predict = &api["paths"]["/predict-img/"]["post"];
    for status in ["200", "400", "413", "415", "422", "429", "503"] {
        assert!(predict["responses"][status].is_object(), "{status}");
    }
    for (path, operations) in api["paths"].as_object().unwrap() {
        for (status, response) in operations
            .as_object()
            .unwrap()
            .values()
            .flat_map(|operation| operation["responses"].as_object().unwrap())
        {
            let has_header = response["headers"]["retry-after"].is_object();
            assert_eq!(has_header, ["408", "429", "503"].contains(&status.as_str()), "{path} {status}");
        }
    }
    assert!(api["paths"]["/health"]["get"]["responses"]["503"].is_object());
    let link = &predict["responses"]["200"]["links"]["record"];
    assert_eq!(link["operationId"], api["paths"]["/predictions/{id}"]["get"]["operationId"]);
    assert_eq!(link["parameters"]["id"], "$response.header.x-prediction-id");
    let required = &api["components"]["schemas"]["ImageForm"]["required"];
    assert!(required.is_null(), "{required}");
    let form = &api["components"]["schemas"]["ImageForm"]["properties"]["data"];
    assert_eq!((&form["type"], &form["format"]), (&"string".into(), &"binary".into()));
    let parameters = predict["parameters"].as_array().unwrap();
    for name in ["x-source", "x-case"] {
        let header = parameters.iter().find(|parameter| parameter["name"] == name).unwrap();
        assert_eq!((&header["in"], &header["required"]), (&"header".into(), &false.into()));
    }
}
