//! The server itself: start, readiness, stop.

use std::process::Command;
use std::time::Duration;

use crate::support::{Server, World, program, stderr};

#[tokio::test]
async fn it_answers_soon_and_stops_when_told() {
    let world = World::new();
    let server = Server::start(&world);
    let (status, health) = server.json("/health").await;
    let elapsed = server.started.elapsed();
    println!("/health answered {} ms after the start", elapsed.as_millis());
    assert_eq!((status.as_u16(), &health["status"]), (200, &"alive".into()));
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    assert_eq!(server.json("/ready").await.0, 200);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test]
async fn without_reference_it_is_alive_and_not_ready_until_there_is_one() {
    let world = World::new();
    let (there, away) = (world.path("model/reference.json"), world.path("away.json"));
    std::fs::rename(&there, &away).unwrap();
    let server = Server::start(&world);
    assert_eq!(server.json("/health").await.0, 200);
    let (status, problem) = server.json("/ready").await;
    assert_eq!(status, 503);
    assert!(problem["detail"].as_str().unwrap().contains("reference.json"), "{problem}");
    assert_eq!(server.post("").await.0, 503);
    std::fs::rename(&away, &there).unwrap();
    assert_eq!(server.json("/ready").await.0, 200);
}

#[tokio::test]
async fn a_bucket_that_is_lost_makes_it_unready() {
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
async fn its_routes_are_described() {
    let world = World::new();
    let server = Server::start(&world);
    let (_, description) = server.json("/openapi.json").await;
    for path in ["/run", "/reports", "/reports/{id}", "/health", "/ready", "/metrics"] {
        assert!(description["paths"].get(path).is_some(), "{path}");
    }
    assert_eq!(server.get("/docs/", "text/html").await.status(), 200);
}

#[test]
fn a_protection_that_is_not_there_is_not_promised() {
    let world = World::new();
    let run = world.command().env("OIDC_AUDIENCE", "https://monitor.example").output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).contains("OIDC_AUDIENCE"), "{}", stderr(&run));
    let unknown = world.path("settings.yaml");
    std::fs::write(&unknown, "drift: {shares: 1}").unwrap();
    let run = world.command().arg("--config").arg(unknown).output().unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).contains("shares"), "{}", stderr(&run));
}

#[test]
fn it_has_no_libtorch() {
    let libraries = Command::new("ldd").arg(program().get_program()).output().unwrap();
    let text = String::from_utf8(libraries.stdout).unwrap();
    assert!(libraries.status.success() && text.contains("libc.so"), "{text}");
    assert!(!text.contains("torch") && !text.contains("c10"), "{text}");
}
