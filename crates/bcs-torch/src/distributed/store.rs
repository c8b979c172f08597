//! The store in which the processes of a group find each other, and by which those that are left find out who is lost.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tch::TchError;

use crate::ffi::distributed as ffi;

/// Time between two looks for a key.
const POLL: Duration = Duration::from_millis(20);

/// Time that processes have to report after a failure.
const GRACE: Duration = Duration::from_secs(5);

/// A client of PyTorch's `TCPStore`.
#[derive(Debug, Clone)]
pub(super) struct Store(Arc<ffi::Store>);

impl Store {
    /// Connects to a store, which this process serves if `serves`. Keys are below `prefix`.
    pub(super) fn connect(
        host: &str,
        port: u16,
        serves: bool,
        prefix: &str,
        timeout: Duration,
    ) -> Result<Self, TchError> {
        ffi::Store::connect(host, port, serves, prefix, timeout).map(|store| Self(Arc::new(store)))
    }

    pub(super) fn handle(&self) -> &ffi::Store {
        &self.0
    }

    /// Reports that this rank is there, and returns the values of all ranks, or the ranks that are not there in time.
    pub(super) fn meet(
        &self,
        name: &str,
        [rank, size]: [usize; 2],
        value: &str,
        timeout: Duration,
    ) -> Result<Result<Vec<String>, Vec<usize>>, TchError> {
        let deadline = Instant::now() + timeout;
        let key = |rank: usize| format!("{name}/{rank}");
        self.0.set(&key(rank), value.as_bytes())?;
        let mut missing: Vec<usize> = (0..size).collect();
        loop {
            let mut absent = Vec::new();
            for rank in missing {
                if !self.0.has(&key(rank))? {
                    absent.push(rank);
                }
            }
            missing = absent;
            if missing.is_empty() {
                let value = |rank| Ok(String::from_utf8_lossy(&self.0.get(&key(rank))?).into_owned());
                return (0..size).map(value).collect::<Result<_, TchError>>().map(Ok);
            }
            if Instant::now() > deadline {
                return Ok(Err(missing));
            }
            thread::sleep(POLL);
        }
    }

    /// Returns the ranks that do not report after a failure that all ranks notice; `None` if the store itself is lost.
    pub(super) fn find_lost(&self, ranks: [usize; 2]) -> Option<Vec<usize>> {
        let (store, (sender, receiver)) = (self.clone(), mpsc::channel());
        // A store behind a cut link does not answer, and libtorch waits for it without end.
        thread::spawn(move || sender.send(store.meet("failed", ranks, "", GRACE)));
        match receiver.recv_timeout(GRACE * 2) {
            Ok(Ok(Ok(_))) => Some(Vec::new()),
            Ok(Ok(Err(lost))) => Some(lost),
            Ok(Err(_)) | Err(_) => None,
        }
    }
}
