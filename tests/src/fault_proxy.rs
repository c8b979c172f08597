//! A proxy between a client and an emulator that makes the faults of a network and an overloaded server.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Bytes that a slow answer sends at once, and the pause after them.
const SLOW: (usize, Duration) = (32, Duration::from_millis(20));

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered.
    None,
    /// The answer is 503, and the server never sees the request.
    Unavailable,
    /// The connection is reset before the server sees the request.
    Reset,
    /// The server does what is asked, and the connection is reset before its answer.
    LostAnswer,
    /// The connection ends in the middle of the answer.
    HalfAnswer,
    /// The answer comes a few bytes at a time.
    SlowAnswer,
    /// No answer comes, and the connection stays open.
    Silence,
    /// The checksum in the answer is not that of the object, or a byte of the object is another one.
    WrongChecksum,
    /// A byte of the uploaded object is another one.
    DamagedUpload,
}

/// A running proxy on a free port, which ends when dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: String,
    requests: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts a proxy in front of `upstream`, such as `http://127.0.0.1:4443`. `plan` returns the fault of a request by
    /// its number, from 0, and its first line.
    pub async fn start(upstream: &str, plan: impl Fn(u64, &str) -> Fault + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (upstream, plan) = (upstream.trim_start_matches("http://").to_owned(), Arc::new(plan));
        let requests = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, plan, requests) = (upstream.clone(), Arc::clone(&plan), Arc::clone(&counted));
                tokio::spawn(async move {
                    // What fails here is a fault of the network like any other.
                    let _ = serve(client, &upstream, &requests, plan.as_ref()).await;
                });
            }
        });
        Self { address, requests, task }
    }

    /// Address, as `STORAGE_EMULATOR_HOST` has it.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Number of requests so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one request of a connection, and closes it.
async fn serve(
    mut client: TcpStream,
    upstream: &str,
    requests: &AtomicU64,
    plan: &(impl Fn(u64, &str) -> Fault + ?Sized),
) -> io::Result<()> {
    let Some(mut request) = Request::read(&mut client).await? else { return Ok(()) };
    let fault = plan(requests.fetch_add(1, Ordering::Relaxed), request.line());
    match fault {
        Fault::Unavailable => {
            let answer =
                b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            return client.write_all(answer).await;
        }
        Fault::Reset => return client.set_zero_linger(),
        Fault::Silence => {
            // Until the client gives up.
            let _ = client.read(&mut [0]).await?;
            return Ok(());
        }
        Fault::DamagedUpload => request.damage(),
        _ => {}
    }
    let mut answer = request.forward(upstream).await?;
    match fault {
        Fault::LostAnswer => client.set_zero_linger(),
        Fault::HalfAnswer => client.write_all(&answer[..answer.len() / 2]).await,
        Fault::SlowAnswer => {
            for part in answer.chunks(SLOW.0) {
                client.write_all(part).await?;
                tokio::time::sleep(SLOW.1).await;
            }
            Ok(())
        }
        Fault::WrongChecksum => {
            change_checksum(&mut answer);
            client.write_all(&answer).await
        }
        _ => client.write_all(&answer).await,
    }
}

/// Changes the checksum in the description of an object, or else the last byte of the body.
fn change_checksum(answer: &mut [u8]) {
    const NAME: &[u8] = b"\"crc32c\":\"";
    if let Some(start) = find(answer, NAME) {
        let digit = &mut answer[start + NAME.len()];
        *digit = if *digit == b'A' { b'B' } else { b'A' };
    } else if let (Some(end), Some(last)) = (find(answer, b"\r\n\r\n"), answer.len().checked_sub(1))
        && last > end + 4
    {
        answer[last] ^= 1;
    }
}

/// A request whose body has arrived.
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    /// Reads a request. Returns `None` if the connection ends before it.
    async fn read(client: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = find(&bytes, b"\r\n\r\n") {
                break end + 4;
            }
            if client.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        };
        let mut body = bytes.split_off(end);
        let head = String::from_utf8_lossy(&bytes).into_owned();
        let chunked = header(&head, "transfer-encoding").is_some_and(|coding| coding.contains("chunked"));
        let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        loop {
            let complete =
                if chunked { dechunk(&body) } else { (body.len() >= length).then(|| body.clone()) };
            if let Some(body) = complete {
                return Ok(Some(Self { head, body }));
            }
            if client.read_buf(&mut body).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// Changes the first byte of the uploaded object: of the second part of a multipart body, or of the whole body.
    fn damage(&mut self) {
        let multipart = header(&self.head, "content-type").is_some_and(|kind| kind.starts_with("multipart/"));
        let next = |from: usize| find(&self.body[from..], b"\r\n\r\n").map(|at| from + at + 4);
        let start = if multipart { next(0).and_then(next) } else { Some(0) };
        if let Some(byte) = start.and_then(|start| self.body.get_mut(start)) {
            *byte ^= 1;
        }
    }

    /// Sends the request on a connection of its own and returns the answer.
    async fn forward(&self, upstream: &str) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(upstream).await?;
        let replaced = ["connection", "content-length", "transfer-encoding"];
        let mut head = String::new();
        for line in self.head.lines().filter(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            if !replaced.contains(&name.as_str()) {
                head += &format!("{line}\r\n");
            }
        }
        head += &format!("connection: close\r\ncontent-length: {}\r\n\r\n", self.body.len());
        server.write_all(head.as_bytes()).await?;
        server.write_all(&self.body).await?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Returns a body without its chunks; `None` if it is not complete.
fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = find(rest, b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        let chunk = rest.get(end + 2..end + 2 + size)?;
        body.extend_from_slice(chunk);
        rest = rest.get(end + 2 + size + 2..)?;
        if size == 0 {
            return Some(body);
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
