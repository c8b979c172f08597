//! Start, readiness and stop of the server.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Server, World, program, stderr};

#[tokio::test]
async fn health_responds_before_the_model_package_is_read() {
    let world = World::new();
    let (metadata, moved) = (world.path("model/metadata.json"), world.path("metadata.json"));
    std::fs::rename(&metadata, &moved).unwrap();
    // A pipe: reading the package blocks until the test writes to it.
    assert!(Command::new("mkfifo").arg(&metadata).status().unwrap().success());
    let server = Server::start(&world);
    let (status, health) = server.json("/health").await;
    assert_eq!((status.as_u16(), &health["status"]), (200, &"alive".into()));

    let bytes = std::fs::read(&moved).unwrap();
    // Opening the pipe waits for the server, which has opened it for reading by now or will.
    let mut pipe = std::fs::OpenOptions::new().write(true).open(&metadata).unwrap();
    std::fs::rename(&moved, &metadata).unwrap();
    pipe.write_all(&bytes).unwrap();
    drop(pipe);
    assert_eq!(server.json("/ready").await.0, 200);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test]
async fn readiness_follows_the_reference() {
    let world = World::new();
    let (path, moved) = (world.path("model/reference.json"), world.path("away.json"));
    std::fs::rename(&path, &moved).unwrap();
    let server = Server::start(&world);
    assert_eq!(server.json("/health").await.0, 200);
    let (status, problem) = server.json("/ready").await;
    assert_eq!(status, 503);
    assert!(problem["detail"].as_str().unwrap().contains("reference.json"), "{problem}");
    assert_eq!(server.post("").await.0, 503);
    std::fs::rename(&moved, &path).unwrap();
    assert_eq!(server.json("/ready").await.0, 200);
}

#[tokio::test]
async fn readiness_follows_the_buckets() {
    let world = World::new();
    let server = Server::start(&world);
    assert_eq!(server.json("/ready").await.0, 200);
    std::fs::remove_dir_all(world.path("reports")).unwrap();
    let (status, problem) = server.json("/ready").await;
    assert_eq!(status, 503);
    let detail = problem["detail"].as_str().unwrap();
    assert!(!detail.contains(world.folder.path().to_str().unwrap()), "{detail}");
}

#[tokio::test]
async fn openapi_describes_the_routes() {
    let world = World::new();
    let server = Server::start(&world);
    let (_, description) = server.json("/openapi.json").await;
    for path in ["/run", "/reports", "/reports/{id}", "/health", "/ready", "/metrics"] {
        assert!(description["paths"].get(path).is_some(), "{path}");
    }
    assert_eq!(server.get("/docs/", "text/html").await.status(), 200);
}

#[test]
fn unsupported_or_unknown_settings_prevent_the_start() {
    let world = World::new();
    let run = world.command().env("OIDC_AUDIENCE", "https://monitor.example").output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).contains("OIDC_EMAILS"), "{}", stderr(&run));
    let unknown = world.path("settings.yaml");
    std::fs::write(&unknown, "drift: {shares: 1}").unwrap();
    let run = world.command().arg("--config").arg(unknown).output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).contains("shares"), "{}", stderr(&run));
}

#[test]
fn libtorch_is_not_linked() {
    let libraries = Command::new("ldd").arg(program().get_program()).output().unwrap();
    let text = String::from_utf8(libraries.stdout).unwrap();
    assert!(libraries.status.success() && text.contains("libc.so"), "{text}");
    assert!(!text.contains("libtorch") && !text.contains("libc10"), "{text}");
}

#[test]
fn the_health_check_follows_readiness() {
    let world = World::new();
    let server = Server::start(&world);
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    let check = || {
        let mut command = program();
        command.arg("healthcheck").env("HOST", "0.0.0.0").env("PORT", &port).stderr(Stdio::null());
        command.status().unwrap().code()
    };
    assert_eq!(check(), Some(0));
    server.stop();
    assert_eq!(check(), Some(1));
}
