//! Clients that send more, slower or stranger things than they should. Memory stays within the setting, and a tile that
//! someone else sends meanwhile waits little longer than usual.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::images;
use crate::server::{Server, problem};

/// Settings of the attacked server.
const SETTINGS: &str = "limits: {memory: 512MB}";

/// Its memory in bytes.
const MEMORY: u64 = 512_000_000;

/// Time that a tile may wait for attackers, besides the time that it takes in a busy server: a few times the usual.
const WAIT: Duration = Duration::from_secs(1);

/// Head of an upload of this many bytes, with a boundary `x`.
fn head(length: usize) -> String {
    format!(
        "POST /predict-img/ HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=x\r\n\
         content-length: {length}\r\n\r\n"
    )
}

/// Beginning of the body of an upload.
const BODY: &str = "--x\r\ncontent-disposition: form-data; name=\"data\"\r\n\r\nhalf";

/// Time that a tile takes.
async fn tile(server: &Server) -> Duration {
    let start = Instant::now();
    let response = server.predict("?output=json", images::png(64, 64)).await;
    assert_eq!(response.status(), 200);
    start.elapsed()
}

/// Checks memory and the wait of a tile during an attack. `usual` is its time before.
async fn check(server: &Server, usual: Duration) {
    let time = tile(server).await;
    assert!(time < WAIT + 10 * usual, "a tile takes {time:?}, without the attack {usual:?}");
    let peak = server.peak_memory();
    assert!(peak < MEMORY, "{peak} bytes");
}

async fn start() -> (Server, Duration) {
    let server = Server::ready_with(&[], SETTINGS).await;
    tile(&server).await;
    let usual = tile(&server).await;
    (server, usual)
}

/// Sends `start` and then the same bytes without end, until the server closes the connection. Returns the number of bytes
/// sent and the response.
fn endless(server: &Server, start: &str) -> (usize, String) {
    let head = "POST /predict-img/ HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=x\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let mut stream = server.send(format!("{head}{:x}\r\n{start}\r\n", start.len()).as_bytes());
    let piece = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let mut sent = 0;
    while sent < 400 << 20 && stream.write_all(piece.as_bytes()).is_ok() {
        sent += piece.len();
    }
    (sent, text(stream))
}

fn text(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_part_header_or_preamble_is_cut_off() {
    let (server, usual) = start().await;
    let server = Arc::new(server);
    for start in ["--x\r\na: ", "preamble"] {
        let attacked = Arc::clone(&server);
        let attack = tokio::task::spawn_blocking(move || endless(&attacked, start));
        check(&server, usual).await;
        let (sent, response) = attack.await.unwrap();
        assert!(sent < 400 << 20, "the server reads on and on");
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 400"), "{response}");
        check(&server, usual).await;
    }
}

#[tokio::test]
async fn stalled_uploads_do_not_delay_others() {
    let (server, usual) = start().await;
    for length in [50_000, 900_000, 30_000_000] {
        let stalled: Vec<_> =
            (0..200).map(|_| server.send(format!("{}{BODY}", head(length)).as_bytes())).collect();
        check(&server, usual).await;
        drop(stalled);
    }
}

#[tokio::test]
async fn an_upload_that_stalls_is_ended() {
    let settings = "limits: {memory: 512MB, upload_timeout: 0.3}\nconnections: {header_timeout: 0.3}";
    let server = Server::ready_with(&[], settings).await;
    let stalled = server.send(format!("{}{BODY}", head(1000)).as_bytes());
    let slow = server.send(b"POST /predict-img/ HTTP/1.1\r\nhost:");
    let (stalled, slow) = tokio::task::spawn_blocking(|| (text(stalled), text(slow))).await.unwrap();
    assert!(stalled.starts_with("HTTP/1.1 503") && stalled.contains("retry-after"), "{stalled}");
    assert!(!slow.starts_with("HTTP/1.1 2"), "{slow}");
}

#[tokio::test]
async fn slow_headers_do_not_delay_others() {
    let (server, usual) = start().await;
    let mut slow: Vec<_> = (0..300).map(|_| server.send(b"POST /predict-img/ HTTP/1.1\r\n")).collect();
    for _ in 0..5 {
        for stream in &mut slow {
            stream.write_all(b"x-slow: 1\r\n").unwrap();
        }
        check(&server, usual).await;
    }
    // Large headers cost no more than a connection may.
    let large = format!("x-large: {}\r\n", "a".repeat(30_000));
    for stream in &mut slow {
        // The server may have refused it already.
        let _ = stream.write_all(large.as_bytes());
    }
    check(&server, usual).await;
}

#[tokio::test]
async fn many_connections_give_way_to_new_ones() {
    let server = Server::ready_with(&[], "limits: {memory: 512MB}\nconnections: {max: 400}").await;
    tile(&server).await;
    let usual = tile(&server).await;
    let idle: Vec<_> = (0..1000).map(|_| server.send(b"")).collect();
    check(&server, usual).await;
    drop(idle);
    check(&server, usual).await;
}

#[tokio::test]
async fn invented_methods_and_routes_do_not_grow_the_metrics() {
    let (server, usual) = start().await;
    for at in 0..3000 {
        let method = Method::from_bytes(format!("BREW{at}").as_bytes()).unwrap();
        let path = if at % 2 == 0 { "ready".to_owned() } else { format!("r{at}") };
        let url = format!("{}/{path}", server.address);
        let status = server.client.request(method, url).send().await.unwrap().status();
        assert!(status == 405 || status == 404, "{status}");
    }
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(metrics.len() < 50_000, "{} bytes", metrics.len());
    assert!(metrics.contains("method=\"other\",route=\"unmatched\",status=\"404\"} 1500"), "{metrics}");
    check(&server, usual).await;
}

#[tokio::test]
async fn broken_forms_are_client_errors() {
    let (server, usual) = start().await;
    let tile = images::png(64, 64);
    let mut form =
        b"--x\r\ncontent-disposition: form-data; name=\"data\"; filename=\"a.png\"\r\n\r\n".to_vec();
    form.extend_from_slice(&tile);
    form.extend_from_slice(b"\r\n--x--\r\n");
    let head = form.len() - tile.len();
    // A fixed sequence of changes (a linear congruential generator), most of them outside the image.
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..2000 {
        let mut body = form.clone();
        for _ in 0..=random(3) {
            let at = if random(4) == 0 { random(body.len()) } else { random(head.min(body.len())) };
            match random(4) {
                0 => body[at] = random(256) as u8,
                1 => drop(body.remove(at)),
                2 => body.truncate(at + 2),
                _ => body.extend_from_within(at..),
            }
        }
        let request = server.client.post(format!("{}/predict-img/?output=json", server.address));
        let request = request.header("content-type", "multipart/form-data; boundary=x").body(body.clone());
        let status = request.send().await.unwrap().status().as_u16();
        let expected = [200, 400, 413, 415, 422];
        assert!(expected.contains(&status), "{status}: {}", String::from_utf8_lossy(&body));
    }
    check(&server, usual).await;
}

#[tokio::test]
async fn files_that_claim_much_memory_are_refused() {
    let (server, usual) = start().await;
    for bytes in [images::bomb(), images::webp_bomb()] {
        let detail = problem(server.predict("", bytes).await, 413).await;
        assert!(detail.contains("pixels"), "{detail}");
        check(&server, usual).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_images_wait_for_memory_or_are_refused() {
    let (server, usual) = start().await;
    let server = Arc::new(server);
    // Within the limit of pixels, but not of memory.
    let detail = problem(server.predict("", images::flat(9_000, 9_000)).await, 413).await;
    assert!(detail.contains("memory"), "{detail}");
    let large = images::flat(3_000, 3_000);
    let requests: Vec<_> = (0..20)
        .map(|_| {
            let (server, large) = (Arc::clone(&server), large.clone());
            tokio::spawn(async move { server.predict("?output=mask", large).await.status().as_u16() })
        })
        .collect();
    for _ in 0..5 {
        check(&server, usual).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut answered = 0;
    for request in requests {
        let status = request.await.unwrap();
        assert!([200, 429].contains(&status), "{status}");
        answered += u32::from(status == 200);
    }
    assert!(answered > 0, "no image was segmented");
    check(&server, usual).await;
}

#[tokio::test]
async fn the_server_stops_in_time_whatever_its_clients_do() {
    let (server, _) = start().await;
    let stalled: Vec<_> =
        (0..30).map(|_| server.send(format!("{}{BODY}", head(900_000)).as_bytes())).collect();
    let slow: Vec<_> = (0..30).map(|_| server.send(b"POST /predict-img/ HTTP/1.1\r\nhost:")).collect();
    let idle: Vec<_> = (0..30).map(|_| server.send(b"")).collect();
    let start = Instant::now();
    let status = tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    drop((stalled, slow, idle));
}
