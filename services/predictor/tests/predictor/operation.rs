//! Operation of the server: start, stop, overload and failures of its environment.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::server::{self, Server, problem};
use crate::{images, package};

/// Number of concurrent requests.
const CONCURRENCY: usize = 16;

#[tokio::test]
async fn malformed_uploads_do_not_affect_other_requests() {
    let server = std::sync::Arc::new(Server::ready().await);
    let whole = images::png(64, 64);
    let kinds = [
        (Vec::new(), 400),
        (b"text".to_vec(), 415),
        (whole[..90].to_vec(), 400),
        (images::bomb(), 413),
        (whole.clone(), 400),
        (whole.clone(), 200),
    ];
    let permits = std::sync::Arc::new(tokio::sync::Semaphore::new(CONCURRENCY));
    let mut requests = Vec::new();
    for at in 0..240 {
        let permit = std::sync::Arc::clone(&permits).acquire_owned().await.unwrap();
        let (server, (mut bytes, expected)) =
            (std::sync::Arc::clone(&server), kinds[at % kinds.len()].clone());
        if bytes == whole && expected == 400 {
            // A byte of the compressed pixels, which begin at byte 41.
            bytes[41 + at] ^= 0x55;
        }
        requests.push(tokio::spawn(async move {
            let status = server.predict("", bytes).await.status();
            drop(permit);
            assert_eq!(status, expected, "request {at}");
        }));
    }
    for request in requests {
        request.await.unwrap();
    }
    assert_eq!(server.get("/ready").await.status(), 200);
}

#[tokio::test]
async fn a_full_queue_refuses_with_retry_after() {
    let server = std::sync::Arc::new(Server::ready_with(&[], "limits: {queue: 1}").await);
    let image = images::png(500, 500);
    let requests: Vec<_> = (0..12)
        .map(|_| {
            let (server, image) = (std::sync::Arc::clone(&server), image.clone());
            tokio::spawn(async move { server.predict("?output=json", image).await })
        })
        .collect();
    let (mut succeeded, mut refused) = (0, 0);
    for request in requests {
        let response = request.await.unwrap();
        if response.status() == 200 {
            succeeded += 1;
            continue;
        }
        assert_eq!(response.headers()["retry-after"], "1");
        let detail = problem(response, 429).await;
        assert!(detail.contains("queue"), "{detail}");
        refused += 1;
    }
    assert!(succeeded >= 1 && refused >= 1, "{succeeded} succeeded, {refused} refused");
}

#[tokio::test]
async fn requests_of_disconnected_clients_end() {
    let server = Server::ready().await;
    for _ in 0..8 {
        let mut connection = TcpStream::connect(server.address.trim_start_matches("http://")).unwrap();
        let head = "POST /predict-img/ HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=x\r\n\
                    content-length: 100000\r\n\r\n--x\r\ncontent-disposition: form-data; name=\"data\"\r\n\r\nhalf";
        connection.write_all(head.as_bytes()).unwrap();
    }
    assert_eq!(server.predict("", images::png(64, 64)).await.status(), 200);
    let start = Instant::now();
    // The remaining one is the request for the metrics.
    while !server.get("/metrics").await.text().await.unwrap().contains("requests_in_flight 1\n") {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "requests of disconnected clients are still in progress"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_missing_model_is_reported_by_ready() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("nothing");
    let server = Server::start(folder, &model, &[], "");
    assert!(unready(&server).await.contains("nothing"));
    let response = server.predict("", images::png(64, 64)).await;
    assert!(response.headers().contains_key("retry-after"));
    assert!(problem(response, 503).await.contains("nothing"));
    assert_eq!(server.json("/info").await["status"], "failed");
    assert!(server.stop().success());
}

#[cfg(feature = "libtorch")]
#[tokio::test]
async fn a_damaged_package_is_reported_by_ready() {
    let folder = tempfile::tempdir().unwrap();
    let model = package::write(folder.path());
    let weights = model.join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let server = Server::start(folder, &model, &[], "");
    let reason = unready(&server).await;
    assert!(reason.contains("SHA-256") && reason.contains("model.safetensors"), "{reason}");
}

#[tokio::test]
async fn models_are_replaced_under_load_and_bad_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pointer = folder.path().join("current.txt");
    let write = |version: &str| package::write_version(&folder.path().join(version), version);
    let point_to = |path: &std::path::Path| {
        // A pointer that is written in place may be read half written.
        let written = pointer.with_extension("new");
        fs::write(&written, path.display().to_string()).unwrap();
        fs::rename(written, &pointer).unwrap();
    };
    let packages: Vec<_> = (1..=6).map(|number| write(&format!("v{number}"))).collect();
    let bad = write("bad");
    let damaged = if cfg!(feature = "libtorch") { bad.join("model.safetensors") } else { bad.clone() };
    fs::write(damaged, "damaged").unwrap();

    point_to(&packages[0]);
    let server = Server::start(folder, &pointer, &[("MODEL_RELOAD", "0.01")], "");
    let server = std::sync::Arc::new(server);
    wait_until(&server, |info| info["status"] == "ready").await;
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (server, stop) = (std::sync::Arc::clone(&server), std::sync::Arc::clone(&stop));
            tokio::spawn(async move {
                let mut versions = Vec::new();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let response = server.predict("?output=json", images::png(100, 100)).await;
                    assert_eq!(response.status(), 200);
                    let version = response.headers()["x-model-version"].to_str().unwrap().to_owned();
                    let record: serde_json::Value = response.json().await.unwrap();
                    assert_eq!(record["model_version"], version.as_str());
                    versions.push(version);
                }
                versions
            })
        })
        .collect();
    for (at, package) in packages.iter().enumerate().skip(1) {
        point_to(package);
        let version = format!("v{}", at + 1);
        wait_until(&server, |info| info["model"]["version"] == version.as_str()).await;
        let response = server.predict("", images::png(64, 64)).await;
        assert_eq!(response.headers()["x-model-version"], version.as_str());
    }
    point_to(&bad);
    wait_until(&server, |info| info["refused_model"].is_string()).await;
    let info = server.json("/info").await;
    assert!(info["refused_model"].as_str().unwrap().contains("bad"), "{info}");
    assert_eq!((&info["model"]["version"], &info["status"]), (&"v6".into(), &"ready".into()));
    assert_eq!(server.predict("", images::png(64, 64)).await.status(), 200);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for client in clients {
        let versions = client.await.unwrap();
        assert!(versions.is_sorted(), "{versions:?}");
    }
}

/// Waits until `/info` is as expected.
pub(crate) async fn wait_until(server: &Server, condition: impl Fn(&serde_json::Value) -> bool) {
    let start = Instant::now();
    while !condition(&server.json("/info").await) {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", server.json("/info").await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until loading the model has failed, and returns the reason. Meanwhile `/health` is 200.
async fn unready(server: &Server) -> String {
    let start = Instant::now();
    loop {
        assert_eq!(server.get("/health").await.status(), 200);
        let detail = problem(server.get("/ready").await, 503).await;
        if !detail.contains("loading") {
            return detail;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "loading the model does not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The umask is read from /proc.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn stored_files_have_the_mode_of_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:")).unwrap();
    let umask = u32::from_str_radix(umask.trim(), 8).unwrap();

    let server = Server::ready().await;
    let record: serde_json::Value =
        server.predict("?output=json", images::png(64, 64)).await.json().await.unwrap();
    let mask = server.bucket().join(record["mask"].as_str().unwrap());
    let records = server.bucket().join("records");
    let folder = fs::read_dir(records).unwrap().next().unwrap().unwrap().path();
    let record = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    for path in [mask, record] {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o666 & !umask, "{}: {mode:o}", path.display());
    }
}

#[tokio::test]
async fn a_store_that_has_vanished_is_reported_by_ready() {
    let server = Server::ready().await;
    fs::remove_dir_all(server.bucket()).unwrap();
    let response = server.get("/ready").await;
    assert!(response.headers().contains_key("retry-after"));
    problem(response, 503).await;
    problem(server.predict("", images::png(64, 64)).await, 503).await;
    assert!(!server.bucket().exists());
}

#[tokio::test]
async fn predictions_that_cannot_be_stored_are_problems() {
    let server = Server::ready().await;
    fs::remove_dir_all(server.bucket()).unwrap();
    fs::write(server.bucket(), "in the way").unwrap();
    let response = server.predict("", images::png(64, 64)).await;
    assert!(response.headers().contains_key("retry-after"));
    let detail = problem(response, 503).await;
    assert!(!detail.contains(&server.bucket().display().to_string()), "{detail}");
}

/// Environment variables, settings, exit code, and a part of standard error.
type BadStart<'a> = (&'a [(&'a str, &'a str)], &'a str, i32, &'a str);

#[test]
fn invalid_configuration_prevents_the_start_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "in the way").unwrap();
    let bucket = folder.path().join("file/below").display().to_string();
    let cases: [BadStart<'_>; 11] = [
        (&[], "", 2, "MODEL_PATH"),
        (&[("MODEL_PATH", "gs://Models/best")], "", 2, "lower-case"),
        (&[("MODEL_PATH", "m"), ("STORAGE_MODE", "gcp")], "", 2, "PREDICTIONS_BUCKET"),
        (&[("MODEL_PATH", "m"), ("PORT", "http")], "", 2, "PORT=http"),
        (&[("MODEL_PATH", "m"), ("AIP_HEALTH_ROUTE", "/info")], "", 2, "AIP_HEALTH_ROUTE"),
        (&[("MODEL_PATH", "m")], "sever: {port: 1}", 2, "sever"),
        (&[("MODEL_PATH", "m"), ("DEVICE", "banana")], "", 2, "banana"),
        (&[("MODEL_PATH", "m")], "limits: {queue: 9223372036854775807}", 2, "limits.queue"),
        (&[("MODEL_PATH", "m")], "limits: {memory: 100MB}", 2, "limits.memory"),
        (&[("MODEL_PATH", "m")], "connections: {max: 0}", 2, "connections.max"),
        (&[("MODEL_PATH", "m"), ("PREDICTIONS_BUCKET", &bucket)], "", 1, "file/below"),
    ];
    for (variables, settings, code, word) in cases {
        let output = server::run(folder.path(), variables, settings);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let server = Server::ready().await;
    let (_, port) = server.address.rsplit_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = server::run(folder.path(), &[("MODEL_PATH", "m"), ("PORT", port)], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(port));
}

#[tokio::test]
async fn requests_in_progress_finish_after_sigterm() {
    let server = Server::ready().await;
    let (url, client) = (format!("{}/predict-img/", server.address), server.client.clone());
    let part = reqwest::multipart::Part::bytes(images::png(600, 600));
    let form = reqwest::multipart::Form::new().part("data", part);
    let request =
        tokio::spawn(async move { client.post(url).multipart(form).send().await.unwrap().status() });
    // Until the request is in progress, besides the request for the metrics; or already answered.
    while !server.get("/metrics").await.text().await.unwrap().contains("requests_in_flight 2\n")
        && !request.is_finished()
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let status = tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(request.await.unwrap(), 200);
}

#[tokio::test]
async fn sigterm_while_the_model_loads_ends_the_server_cleanly() {
    for _ in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let model = package::write(folder.path());
        let server = Server::start(folder, &model, &[], "");
        assert_eq!(server.get("/health").await.status(), 200);
        assert_eq!(server.stop().code(), Some(0));
    }
}

#[tokio::test]
async fn the_health_check_follows_readiness() {
    let server = Server::ready().await;
    let port = server.port().to_owned();
    assert_eq!(server::healthcheck(&port), Some(0));
    server.stop();
    assert_eq!(server::healthcheck(&port), Some(1));
}
