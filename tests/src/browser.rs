//! A headless Chromium, driven by its DevTools protocol.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as loudly as tests")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Time after which a wait fails; far longer than any takes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Programs that are Chromium.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A page in a browser of its own, which is killed when dropped.
#[derive(Debug)]
pub struct Page {
    process: Child,
    _profile: tempfile::TempDir,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    calls: u64,
    events: Vec<Value>,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = PROGRAMS.iter().find_map(|name| {
        std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
    });
    if found.is_none() {
        println!("skipped: there is no chromium on this machine (Debian, Ubuntu: apt-get install chromium)");
    }
    found
}

impl Page {
    /// Opens a page of this size. Returns `None`, and prints the reason, if there is no browser on this machine.
    pub async fn open(url: &str, width: u32, height: u32) -> Option<Self> {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(program()?)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-dev-shm-usage",
            ])
            .args(["--remote-debugging-port=0", &format!("--window-size={width},{height}")])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.split_once("DevTools listening on ")?.1.to_owned()));
        // Reads to the end, so that the pipe never fills up.
        std::thread::spawn(move || lines.for_each(drop));
        let (socket, _) =
            tokio_tungstenite::connect_async(address.expect("it prints its address")).await.unwrap();
        let mut page =
            Self { process, _profile: profile, socket, session: None, calls: 0, events: Vec::new() };
        let target = page.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attached = json!({"targetId": target["targetId"], "flatten": true});
        let session = page.call("Target.attachToTarget", attached).await["sessionId"].clone();
        page.session = Some(session.as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page.go(url).await;
        Some(page)
    }

    /// Goes to another page.
    pub async fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url})).await;
        self.until("document.readyState === 'complete'").await;
    }

    /// Calls a method of the protocol and returns its result.
    pub async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.socket.send(Message::text(message.to_string())).await.unwrap();
        loop {
            let next = tokio::time::timeout(TIMEOUT, self.socket.next()).await.expect("the browser answers");
            let Message::Text(text) = next.unwrap().unwrap() else { continue };
            let mut answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == id {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// Returns the value of an expression of the page, or of its promise.
    pub async fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", parameters).await;
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Waits until an expression of the page is true.
    pub async fn until(&mut self, expression: &str) {
        let start = Instant::now();
        while self.value(expression).await != true {
            assert!(start.elapsed() < TIMEOUT, "{expression} does not become true");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Clicks on an element.
    pub async fn click(&mut self, id: &str) {
        self.value(&format!("document.getElementById('{id}').click()")).await;
    }

    /// Chooses a file in an input.
    pub async fn choose(&mut self, id: &str, file: &Path) {
        let document = self.call("DOM.getDocument", json!({})).await["root"]["nodeId"].clone();
        let selector = json!({"nodeId": document, "selector": format!("#{id}")});
        let node = self.call("DOM.querySelector", selector).await["nodeId"].clone();
        self.call("DOM.setFileInputFiles", json!({"nodeId": node, "files": [file.to_str().unwrap()]})).await;
    }

    /// Presses and releases a key.
    pub async fn press(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            " " => 32,
            _ => 0,
        };
        let text = if key.len() == 1 {
            key
        } else if key == "Enter" {
            "\r"
        } else {
            ""
        };
        let down = json!({"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", down).await;
        let up = json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", up).await;
    }

    /// Drags the mouse between two points, given as fractions of an element.
    pub async fn drag(&mut self, id: &str, from: [f64; 2], to: [f64; 2]) {
        let expression = format!(
            "(b => [b.left, b.top, b.width, b.height])(document.getElementById('{id}').getBoundingClientRect())"
        );
        let bounds: Vec<f64> = serde_json::from_value(self.value(&expression).await).unwrap();
        let at = |point: [f64; 2]| [bounds[0] + bounds[2] * point[0], bounds[1] + bounds[3] * point[1]];
        for (kind, [x, y], buttons) in [
            ("mouseMoved", at(from), 0),
            ("mousePressed", at(from), 1),
            ("mouseMoved", at(to), 1),
            ("mouseReleased", at(to), 0),
        ] {
            let event =
                json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Writes what the page looks like to a PNG file.
    pub async fn screenshot(&mut self, path: &Path) {
        use base64::Engine as _;
        let data =
            self.call("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await["data"].clone();
        let png = base64::engine::general_purpose::STANDARD.decode(data.as_str().unwrap()).unwrap();
        std::fs::write(path, png).unwrap();
    }

    /// Returns exceptions, errors on the console, and requests to other servers, up to now.
    pub fn faults(&self, origin: &str) -> Vec<String> {
        let fault = |event: &Value| {
            let parameters = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(parameters["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if parameters["type"] == "error" => Some(parameters.to_string()),
                "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
                    Some(parameters["entry"]["text"].to_string())
                }
                "Network.requestWillBeSent" => {
                    let url = parameters["request"]["url"].as_str()?;
                    let own = [origin, "blob:", "data:"].iter().any(|start| url.starts_with(start));
                    (!own).then(|| format!("request to {url}"))
                }
                _ => None,
            }
        };
        self.events.iter().filter_map(fault).collect()
    }
}
