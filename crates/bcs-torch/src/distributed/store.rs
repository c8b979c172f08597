//! The store in which the processes of a group find each other.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tch::TchError;

use crate::ffi::distributed as ffi;

/// Time between two looks for a key.
const POLL: Duration = Duration::from_millis(20);

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

    /// Returns a client with a connection of its own, which does not wait for requests of this one.
    pub(super) fn reconnect(&self) -> Result<Self, TchError> {
        self.0.reconnect().map(|store| Self(Arc::new(store)))
    }

    pub(super) fn handle(&self) -> &ffi::Store {
        &self.0
    }

    pub(super) fn set(&self, key: &str, value: &str) -> Result<(), TchError> {
        self.0.set(key, value.as_bytes())
    }

    /// Returns the value of a key, if it has one.
    pub(super) fn get(&self, key: &str) -> Result<Option<String>, TchError> {
        if !self.0.has(key)? {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&self.0.get(key)?).into_owned()))
    }

    /// Sets a key unless it has a value, and returns the one that it has then.
    pub(super) fn settle(&self, key: &str, value: &str) -> Result<String, TchError> {
        Ok(String::from_utf8_lossy(&self.0.settle(key, value.as_bytes())?).into_owned())
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
        self.set(&format!("{name}/{rank}"), value)?;
        let mut values: Vec<Option<String>> = vec![None; size];
        loop {
            for (rank, value) in values.iter_mut().enumerate().filter(|(_, value)| value.is_none()) {
                *value = self.get(&format!("{name}/{rank}"))?;
            }
            let missing: Vec<usize> = (0..size).filter(|rank| values[*rank].is_none()).collect();
            if missing.is_empty() {
                return Ok(Ok(values.into_iter().flatten().collect()));
            }
            if Instant::now() > deadline {
                return Ok(Err(missing));
            }
            thread::sleep(POLL);
        }
    }
}
