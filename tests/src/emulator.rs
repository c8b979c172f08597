//! An emulator of Google Cloud Storage.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Variable that names the program of the emulator.
const VARIABLE: &str = "FAKE_GCS_SERVER";

/// Extended attribute in which the emulator keeps the attributes of an object.
const ATTRIBUTES: &str = "user.metadata";

/// Maximum time until the emulator listens.
const READY: Duration = Duration::from_secs(30);

/// A running emulator on a free port, killed on drop.
#[derive(Debug)]
pub struct Emulator {
    program: PathBuf,
    /// 0 before the first start, which picks a free one.
    port: u16,
    /// Folder of the buckets; `None` for memory.
    folder: Option<PathBuf>,
    child: Option<Child>,
}

impl Emulator {
    /// Starts an emulator that holds its objects in memory. Returns `None`, and prints the reason, if there is no
    /// emulator on this machine.
    pub fn start() -> Option<Self> {
        Self::new(None)
    }

    /// Starts an emulator that holds its objects in a folder, so that they are there after [`Emulator::restart`].
    pub fn start_in(folder: &Path) -> Option<Self> {
        Self::new(Some(folder.to_owned()))
    }

    fn new(folder: Option<PathBuf>) -> Option<Self> {
        let program = program()?;
        let mut emulator = Self { program, port: 0, folder, child: None };
        emulator.restart();
        Some(emulator)
    }

    /// Address, as `STORAGE_EMULATOR_HOST` has it.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Creates a bucket.
    pub async fn create_bucket(&self, name: &str) {
        self.create(name, false).await;
    }

    /// Creates a bucket that keeps all generations of its objects.
    pub async fn create_versioned_bucket(&self, name: &str) {
        self.create(name, true).await;
    }

    async fn create(&self, name: &str, versioned: bool) {
        let request = reqwest::Client::new().post(format!("{}/storage/v1/b", self.address()));
        let answer = request
            .json(&serde_json::json!({"name": name, "versioning": {"enabled": versioned}}))
            .send()
            .await
            .expect("it answers");
        assert!(answer.status().is_success(), "bucket {name}: {}", answer.status());
    }

    /// Stops the emulator at once.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it has ended");
        }
    }

    /// Starts the emulator on the same port, after stopping it if it runs.
    pub fn restart(&mut self) {
        self.stop();
        self.folder.iter().for_each(|folder| remove_unfinished(folder));
        let mut command = Command::new(&self.program);
        command.args(["-scheme", "http", "-host", "127.0.0.1", "-log-level", "error"]);
        command.arg("-port").arg(self.port.to_string());
        match &self.folder {
            Some(folder) => command.args(["-backend", "filesystem", "-filesystem-root"]).arg(folder),
            None => command.args(["-backend", "memory"]),
        };
        let child = self.child.insert(command.stdout(Stdio::null()).spawn().expect("the emulator starts"));
        let start = Instant::now();
        self.port = loop {
            if let Some(port) = listening_port(child.id()) {
                break port;
            }
            let ended = child.try_wait().expect("it is a child");
            assert!(ended.is_none(), "the emulator has ended: {ended:?}");
            assert!(start.elapsed() < READY, "the emulator does not listen within {READY:?}");
            thread::sleep(Duration::from_millis(5));
        };
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It fails if the emulator has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Removes the objects that an emulator was writing when it was stopped: they have no attributes, with which its lists fail.
fn remove_unfinished(folder: &Path) {
    let objects = |folder: &Path| -> Vec<PathBuf> {
        fs::read_dir(folder).expect("it is a folder").map(|entry| entry.expect("it is read").path()).collect()
    };
    let mut folders: Vec<PathBuf> = objects(folder).into_iter().filter(|path| path.is_dir()).collect();
    while let Some(folder) = folders.pop() {
        for path in objects(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if rustix::fs::getxattr(&path, ATTRIBUTES, &mut [0_u8; 0]).is_err() {
                fs::remove_file(path).expect("it is a file");
            }
        }
    }
}

fn program() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os(VARIABLE) {
        return Some(program.into());
    }
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/fake-gcs-server");
    if program.exists() {
        return Some(program);
    }
    println!(
        "skipped: there is no emulator of Google Cloud Storage; run scripts/emulator, or set {VARIABLE}"
    );
    None
}

/// Returns the port on which a process listens, by the tables of the kernel: the emulator does not tell.
fn listening_port(process: u32) -> Option<u16> {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    let files = files
        .filter_map(|file| std::fs::read_link(file.ok()?.path()).ok()?.into_os_string().into_string().ok());
    let sockets: Vec<_> =
        files.filter_map(|file| Some(file.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let table = std::fs::read_to_string(format!("/proc/{process}/net/tcp")).ok()?;
    table.lines().find_map(|line| {
        // Number, local address, remote address, state, …; the tenth column is the inode of the socket.
        let columns: Vec<_> = line.split_whitespace().collect();
        let (address, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        let listens = *state == "0A" && sockets.iter().any(|socket| socket == inode);
        listens.then(|| u16::from_str_radix(address.rsplit(':').next()?, 16).ok())?
    })
}
