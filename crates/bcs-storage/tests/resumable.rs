//! Uploads in parts against a server that forgets, which the emulator cannot play: it ends a session when it is asked how
//! much it has received. The answers are those of Google's documentation of resumable uploads.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, too")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bcs_storage::gcs::Endpoint;
use bcs_storage::{Bytes, Error, GcsStore, PutMode, Store, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Size of a part in bytes.
const PART: usize = 8 << 20;

/// What the server does with the next requests that carry a part.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// Keeps it and answers.
    Keep,
    /// Keeps so many bytes of it and answers 503.
    KeepSome(usize),
    /// Keeps it and closes the connection.
    KeepSilently,
    /// Has lost the session.
    Forget,
    /// Changes a byte of it.
    Damage,
}

#[derive(Default)]
struct Server {
    steps: Vec<Step>,
    /// Number of sessions so far, and what the last one has received.
    sessions: usize,
    received: Vec<u8>,
    write: String,
    object: Option<Vec<u8>>,
    /// First byte of each part.
    starts: Vec<usize>,
    queries: usize,
}

struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut body = bytes.split_off(end + 4);
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        stream.read_buf(&mut body).await.ok()?;
    }
    Some(Request { line, headers, body })
}

impl Server {
    /// Returns status, an additional header and body of the answer; `None` closes the connection.
    fn answer(&mut self, request: &Request, address: &str) -> Option<(u16, String, String)> {
        let plain = |status: u16| Some((status, String::new(), String::new()));
        if request.line.starts_with("GET ") {
            return match &self.object {
                Some(object) => Some((200, String::new(), self.describe(object))),
                None => plain(404),
            };
        }
        if request.line.starts_with("POST ") {
            let about: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            about["metadata"]["bcs-write"].as_str().unwrap().clone_into(&mut self.write);
            self.sessions += 1;
            self.received.clear();
            return Some((200, format!("location: {address}/session/{}\r\n", self.sessions), String::new()));
        }
        let range = &request.headers["content-range"];
        let (part, total) = range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
        let total: usize = total.parse().unwrap();
        if !request.line.contains(&format!("/session/{} ", self.sessions)) {
            return plain(410);
        }
        let mut silent = false;
        let mut status = 308;
        if part == "*" {
            self.queries += 1;
        } else {
            let start: usize = part.split_once('-').unwrap().0.parse().unwrap();
            assert_eq!(start, self.received.len(), "a part that does not follow");
            self.starts.push(start);
            let mut body = request.body.clone();
            match if self.steps.is_empty() { Step::Keep } else { self.steps.remove(0) } {
                Step::Keep => {}
                Step::KeepSome(bytes) => {
                    body.truncate(bytes);
                    status = 503;
                }
                Step::KeepSilently => silent = true,
                Step::Forget => {
                    self.sessions += 1;
                    return plain(404);
                }
                Step::Damage => body[0] ^= 1,
            }
            self.received.extend(body);
        }
        if self.received.len() == total {
            self.object = Some(self.received.clone());
        }
        match (&self.object, silent) {
            (_, true) => None,
            (Some(object), _) if self.received.len() == total => {
                Some((200, String::new(), self.describe(object)))
            }
            _ if status == 503 => plain(503),
            _ if self.received.is_empty() => plain(308),
            _ => Some((308, format!("range: bytes=0-{}\r\n", self.received.len() - 1), String::new())),
        }
    }

    fn describe(&self, object: &[u8]) -> String {
        use base64::Engine;
        let crc32c = base64::prelude::BASE64_STANDARD.encode(crc32c::crc32c(object).to_be_bytes());
        let size = object.len().to_string();
        let metadata = serde_json::json!({"bcs-write": self.write});
        serde_json::json!({
            "name": "large", "size": size, "generation": "7", "crc32c": crc32c, "metadata": metadata,
        })
        .to_string()
    }
}

/// Starts a server that does these steps.
async fn start(steps: &[Step]) -> (GcsStore, Arc<Mutex<Server>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Arc::new(Mutex::new(Server { steps: steps.to_vec(), ..Server::default() }));
    let (shared, base) = (Arc::clone(&server), address.clone());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (server, base) = (Arc::clone(&shared), base.clone());
            tokio::spawn(async move {
                while let Some(request) = read(&mut stream).await {
                    let answer = server.lock().unwrap().answer(&request, &base);
                    let Some((status, header, body)) = answer else { return };
                    let length = body.len();
                    let text =
                        format!("HTTP/1.1 {status} S\r\n{header}content-length: {length}\r\n\r\n{body}");
                    stream.write_all(text.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let store = GcsStore::connect(&Uri::parse("gs://bucket").unwrap(), &Endpoint::named(&address)).await;
    (store.unwrap(), server)
}

/// Two parts and a bit.
fn large() -> Bytes {
    (0..2 * PART + 100).map(|at| (at % 251) as u8).collect()
}

async fn upload(steps: &[Step]) -> (Result<(), Error>, Arc<Mutex<Server>>) {
    let (store, server) = start(steps).await;
    (store.put("large", large(), PutMode::Create).await, server)
}

#[tokio::test]
async fn parts_follow_each_other() {
    let (result, server) = upload(&[]).await;
    result.unwrap();
    let server = server.lock().unwrap();
    assert!(server.object.as_deref() == Some(&large()[..]));
    assert_eq!((server.sessions, server.queries, &server.starts[..]), (1, 0, &[0, PART, 2 * PART][..]));
}

#[tokio::test]
async fn an_upload_goes_on_where_the_server_is() {
    let some = 3 << 20;
    let (result, server) = upload(&[Step::Keep, Step::KeepSome(some), Step::KeepSilently]).await;
    result.unwrap();
    let server = server.lock().unwrap();
    assert!(server.object.as_deref() == Some(&large()[..]));
    assert_eq!(server.sessions, 1);
    assert_eq!(server.starts, [0, PART, PART + some]);
    assert_eq!(server.queries, 2);
}

#[tokio::test]
async fn a_lost_session_begins_anew() {
    let (result, server) = upload(&[Step::Keep, Step::Forget]).await;
    result.unwrap();
    let server = server.lock().unwrap();
    assert!(server.object.as_deref() == Some(&large()[..]));
    assert_eq!(server.starts, [0, PART, 0, PART, 2 * PART]);
}

#[tokio::test]
async fn a_damaged_upload_is_replaced() {
    let (result, server) = upload(&[Step::Damage]).await;
    result.unwrap();
    let server = server.lock().unwrap();
    assert!(server.object.as_deref() == Some(&large()[..]));
    assert_eq!(server.sessions, 2);
}

#[tokio::test]
async fn an_object_that_exists_is_not_uploaded() {
    let (store, server) = start(&[]).await;
    server.lock().unwrap().object = Some(b"of another writer".to_vec());
    let error = store.put("large", large(), PutMode::Create).await.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error}");
    assert_eq!(server.lock().unwrap().sessions, 0);
}

#[tokio::test]
async fn a_server_that_keeps_nothing_is_unavailable_by_the_deadline() {
    let (store, server) = start(&[Step::KeepSome(0); 1000]).await;
    let start = Instant::now();
    let late = store.until(start + Duration::from_millis(500));
    let error = late.put("large", large(), PutMode::Create).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    // Without a deadline it would be a minute.
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(server.lock().unwrap().object.is_none());
}
