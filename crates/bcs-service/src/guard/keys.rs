use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tracing::{info, warn};

use crate::failure::Failure;

/// Time between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// Shortest key in bytes that does not draw a warning.
const SHORT: usize = 16;

/// Keys of clients, one per line of a file; empty lines, and those that start with `#`, are left out. The file is read again
/// when it changes, so that keys come and go without a restart.
pub struct ApiKeys {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// Hashes, so that the time of a comparison does not depend on the keys.
    hashes: Vec<[u8; 32]>,
    modified: Option<SystemTime>,
    looked: Instant,
}

impl ApiKeys {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`Failure::Usage`] if the file cannot be read or has no key.
    pub fn open(path: PathBuf) -> Result<Self, Failure> {
        let modified = modified(&path);
        let hashes = read(&path).map_err(Failure::usage)?;
        info!(keys = hashes.len(), "Clients need one of the keys.");
        let state = Mutex::new(State { hashes, modified, looked: Instant::now() });
        Ok(Self { path, state })
    }

    /// Returns whether this is one of the keys.
    pub fn contains(&self, key: &[u8]) -> bool {
        let hash: [u8; 32] = Sha256::digest(key).into();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK {
            self.refresh(&mut state);
        }
        // All of them, so that the time does not tell which one it is.
        let found = state.hashes.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&hash));
        found.into()
    }

    /// Reads the file again if it has changed. A file that cannot be read leaves the keys as they are.
    fn refresh(&self, state: &mut State) {
        state.looked = Instant::now();
        let modified = modified(&self.path);
        if modified == state.modified {
            return;
        }
        state.modified = modified;
        match read(&self.path) {
            Ok(hashes) => {
                info!(keys = hashes.len(), "The keys of clients have changed.");
                state.hashes = hashes;
            }
            Err(reason) => warn!(reason, "The keys of clients stay as they were."),
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("path", &self.path).finish_non_exhaustive()
    }
}

fn modified(path: &std::path::Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn read(path: &std::path::Path) -> Result<Vec<[u8; 32]>, String> {
    let text = fs::read_to_string(path).map_err(|error| {
        format!("the file of keys {} (API_KEYS_FILE) cannot be read: {error}", path.display())
    })?;
    let keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Vec<&str> = keys.collect();
    if keys.is_empty() {
        return Err(format!(
            "the file of keys {} (API_KEYS_FILE) has no key; write one per line",
            path.display()
        ));
    }
    if keys.iter().any(|key| key.len() < SHORT) {
        warn!("A key of clients has fewer than {SHORT} characters and may be guessed.");
    }
    Ok(keys.into_iter().map(|key| Sha256::digest(key).into()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_lines_and_change_with_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, "# of the viewer\n  first-key \n\nsecond-key\n").unwrap();
        let keys = ApiKeys::open(path.clone()).unwrap();
        assert!(keys.contains(b"first-key") && keys.contains(b"second-key"));
        assert!(!keys.contains(b"# of the viewer") && !keys.contains(b""));

        let look_again = || {
            let mut state = keys.state.lock().unwrap();
            state.modified = None;
            keys.refresh(&mut state);
        };
        fs::write(&path, "third-key\n").unwrap();
        look_again();
        assert!(keys.contains(b"third-key") && !keys.contains(b"first-key"));
        fs::write(&path, "").unwrap();
        look_again();
        assert!(keys.contains(b"third-key"));
    }

    #[test]
    fn a_file_without_keys_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        for content in [None, Some("# nothing\n")] {
            if let Some(content) = content {
                fs::write(&path, content).unwrap();
            }
            let error = ApiKeys::open(path.clone()).unwrap_err().to_string();
            assert!(error.contains("API_KEYS_FILE"), "{error}");
        }
    }
}
