//! The right to make a report, which one process holds at a time: an object in the bucket of the reports, which also tells
//! how the run ended.

use std::sync::Arc;
use std::time::Duration;

use bcs_contracts::keys;
use bcs_storage::{Bytes, Generation, Object, PutMode, Store};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use utoipa::ToSchema;

use crate::error::Error;

/// Time after which a lease that is not renewed is free: the process that held it has ended. Clocks may differ by less.
const LIFETIME: SignedDuration = SignedDuration::from_secs(30);

/// Time between two renewals.
const RENEWAL: Duration = Duration::from_secs(10);

/// First and longest time between two looks at the lease of another process.
const LOOKS: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(2)];

/// State of a run: `runs/<id>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunState {
    /// How far the run is.
    pub state: State,
    /// Time at which it started.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// Time until which the process that runs it holds the lease.
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
    /// Id of the report, if the run is done.
    pub report: Option<String>,
    /// Why the run failed, if it did.
    pub reason: Option<String>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A process works on it, or has ended without a word if its lease has expired.
    Running,
    /// There is a report.
    Done,
    /// There is none.
    Failed,
}

impl RunState {
    fn started(now: Timestamp) -> Self {
        Self { state: State::Running, started: now, expires: now + LIFETIME, report: None, reason: None }
    }

    /// Whether a process works on the run.
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.state == State::Running && now < self.expires
    }

    fn bytes(&self) -> Bytes {
        serde_json::to_vec(self).expect("times and strings are valid JSON").into()
    }
}

/// Who runs.
pub enum Claim {
    /// This process.
    Ours(Lease),
    /// Another process ran meanwhile and made this report.
    Made(String),
}

/// Takes the lease of a run. While another process holds it, waits until that has ended.
///
/// # Errors
/// [`Error::Store`].
pub async fn claim(store: &Arc<dyn Store>, id: &str) -> Result<Claim, Error> {
    let key = keys::run(id);
    let (mut waited, [mut pause, longest]) = (false, LOOKS);
    loop {
        let now = Timestamp::now();
        let mode = match read(store.as_ref(), &key).await? {
            None => PutMode::Create,
            Some((generation, None)) => PutMode::IfGeneration(generation),
            Some((_, Some(state))) if state.is_held(now) => {
                waited = true;
                tokio::time::sleep(pause).await;
                pause = longest.min(pause * 2);
                continue;
            }
            // What another process found while this one waited is what this one would find.
            Some((_, Some(RunState { report: Some(report), .. }))) if waited => {
                return Ok(Claim::Made(report));
            }
            Some((generation, Some(_))) => PutMode::IfGeneration(generation),
        };
        let state = RunState::started(now);
        match store.write(&key, state.bytes(), mode).await {
            Ok(generation) => return Ok(Claim::Ours(Lease::hold(Arc::clone(store), key, generation, state))),
            Err(bcs_storage::Error::AlreadyExists { .. } | bcs_storage::Error::Changed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns the state of a run; `None` if it is not known.
///
/// # Errors
/// [`Error::Store`].
pub async fn state(store: &dyn Store, id: &str) -> Result<Option<RunState>, Error> {
    Ok(read(store, &keys::run(id)).await?.and_then(|(_, state)| state))
}

/// Returns generation and content of a lease. A damaged one has no content, and is free.
async fn read(store: &dyn Store, key: &str) -> Result<Option<(Generation, Option<RunState>)>, Error> {
    use bcs_storage::Error as Storage;
    match store.read(key).await {
        Ok(Object { bytes, generation }) => Ok(Some((generation, serde_json::from_slice(&bytes).ok()))),
        Err(Storage::NotFound { .. } | Storage::InvalidKey { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The right to run, which is renewed until it is dropped.
pub struct Lease {
    held: Arc<Held>,
    renewal: JoinHandle<()>,
}

struct Held {
    store: Arc<dyn Store>,
    key: String,
    /// Generation and content as last written; `None` once another process has taken the lease.
    written: Mutex<Option<(Generation, RunState)>>,
}

impl Lease {
    fn hold(store: Arc<dyn Store>, key: String, generation: Generation, state: RunState) -> Self {
        let held = Arc::new(Held { store, key, written: Mutex::new(Some((generation, state))) });
        let renewed = Arc::clone(&held);
        let renewal = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL).await;
                renewed.write(|state| state.expires = Timestamp::now() + LIFETIME).await;
            }
        });
        Self { held, renewal }
    }

    /// Ends the run with the id of its report, or the reason why there is none.
    pub async fn end(self, result: Result<&str, String>) {
        self.held
            .write(|state| match result {
                Ok(report) => (state.state, state.report) = (State::Done, Some(report.to_owned())),
                Err(reason) => (state.state, state.reason) = (State::Failed, Some(reason)),
            })
            .await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl Held {
    /// Changes the object. If that fails, another process may take the lease and do the same work, which does no harm:
    /// a report is stored once.
    async fn write(&self, change: impl FnOnce(&mut RunState)) {
        let mut written = self.written.lock().await;
        let Some((generation, mut state)) = written.take() else { return };
        change(&mut state);
        match self.store.write(&self.key, state.bytes(), PutMode::IfGeneration(generation)).await {
            Ok(generation) => *written = Some((generation, state)),
            Err(error @ bcs_storage::Error::Changed { .. }) => {
                tracing::warn!(reason = error.to_string(), "Another process has taken the run.");
            }
            Err(error) => {
                tracing::warn!(reason = error.to_string(), "The state of the run cannot be stored.");
                *written = Some((generation, state));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bcs_storage::LocalStore;

    use super::*;

    fn store() -> (tempfile::TempDir, Arc<dyn Store>) {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).unwrap();
        (folder, Arc::new(store))
    }

    async fn ours(store: &Arc<dyn Store>) -> Lease {
        match claim(store, "r").await.unwrap() {
            Claim::Ours(lease) => lease,
            Claim::Made(report) => panic!("another process made {report}"),
        }
    }

    async fn state_of(store: &Arc<dyn Store>) -> RunState {
        state(store.as_ref(), "r").await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn who_waits_gets_the_report_of_who_runs() {
        let (_folder, store) = store();
        assert_eq!(state(store.as_ref(), "r").await.unwrap(), None);
        let lease = ours(&store).await;
        assert_eq!(state_of(&store).await.state, State::Running);
        let (made, ()) = tokio::join!(biased; claim(&store, "r"), async {
            tokio::time::sleep(2 * LOOKS[0]).await;
            lease.end(Ok("report")).await;
        });
        assert!(matches!(made.unwrap(), Claim::Made(report) if report == "report"));
        // Who comes later runs again: there may be new records.
        let lease = ours(&store).await;
        lease.end(Err("the bucket is gone".to_owned())).await;
        let ended = state_of(&store).await;
        assert_eq!((ended.state, ended.reason.as_deref()), (State::Failed, Some("the bucket is gone")));
    }

    #[tokio::test]
    async fn the_lease_of_a_process_that_was_killed_expires() {
        let (_folder, store) = store();
        let long_ago = Timestamp::now() - 2 * LIFETIME;
        let write = async |bytes: Bytes| store.put(&keys::run("r"), bytes, PutMode::Overwrite).await.unwrap();
        write(RunState::started(long_ago).bytes()).await;
        ours(&store).await.end(Ok("report")).await;
        write(Bytes::from_static(b"{")).await;
        let lease = ours(&store).await;
        // Taken by another process meanwhile, whose state stays.
        write(RunState::started(long_ago).bytes()).await;
        lease.end(Ok("late")).await;
        assert_eq!(state_of(&store).await.state, State::Running);
    }
}
