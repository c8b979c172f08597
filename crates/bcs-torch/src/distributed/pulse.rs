//! Signs of life of this process in the store, from a thread of its own: however long a step takes, they go on while the
//! process lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use tch::TchError;

use super::store::Store;

/// Time that the thread has to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Key of the signs of life of a rank.
pub(super) fn alive(rank: usize) -> String {
    format!("alive/{rank}")
}

/// Key that tells that a rank has left the group.
pub(super) fn closed(rank: usize) -> String {
    format!("closed/{rank}")
}

/// A sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    /// Number of signs before.
    number: u64,
    /// Number of collectives that the process has begun.
    pub begun: u64,
}

impl Sign {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, begun) = text.split_once(' ')?;
        Some(Self { number: number.parse().ok()?, begun: begun.parse().ok()? })
    }
}

/// The thread that gives signs of life. Dropping it tells that this process has left.
#[derive(Debug)]
pub(super) struct Pulse {
    begun: Arc<AtomicU64>,
    stop: Option<Sender<()>>,
    stopped: Receiver<()>,
}

impl Pulse {
    /// Begins to give a sign of life each `period`.
    pub(super) fn start(store: &Store, rank: usize, period: Duration) -> Result<Self, TchError> {
        // Requests of the group, as those that wait for a key, do not hold up the signs.
        let store = store.reconnect()?;
        let begun = Arc::new(AtomicU64::new(0));
        let ((stop, stops), (stopping, stopped)) = (mpsc::channel(), mpsc::channel());
        let count = Arc::clone(&begun);
        thread::spawn(move || {
            beat(&store, rank, &count, &stops, period);
            drop((store, stopping));
        });
        Ok(Self { begun, stop: Some(stop), stopped })
    }

    /// Counts a collective that begins.
    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of collectives that have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A store behind a cut link does not answer.
        _ = self.stopped.recv_timeout(PATIENCE);
    }
}

/// Gives signs of life until `stop` is dropped, or the store is lost.
fn beat(store: &Store, rank: usize, begun: &AtomicU64, stop: &Receiver<()>, period: Duration) {
    let key = alive(rank);
    for number in 0_u64.. {
        let sign = format!("{number} {}", begun.load(Ordering::Relaxed));
        if store.set(&key, &sign).is_err() {
            return;
        }
        if stop.recv_timeout(period) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    _ = store.set(&closed(rank), "");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_read() {
        assert_eq!(Sign::parse("3 17"), Some(Sign { number: 3, begun: 17 }));
        assert_eq!(Sign::parse("python"), None);
    }
}
