//! Uploads that are being received. One that holds memory and sends too slowly is cancelled while another one waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// Least rate of an upload in bytes per second.
const LEAST_RATE: f64 = 65_536.0;

/// Longest pause of an upload.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause of an upload that had to wait: what it sent meanwhile is there already.
const PAUSE_AFTER_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(super) struct Uploads {
    next: AtomicU64,
    receiving: Mutex<HashMap<u64, Arc<Upload>>>,
}

/// An upload that is being received.
#[derive(Debug)]
pub(super) struct Upload {
    id: u64,
    token: CancellationToken,
    slow: AtomicBool,
    /// Time up to which the bytes received so far keep the upload fast enough. Each byte moves it by the time that the
    /// least rate allows for it, but to no later than [`LONGEST_PAUSE`] from its arrival.
    fast_until: Mutex<Instant>,
}

impl Uploads {
    /// An upload begins, which had to wait or not.
    pub(super) fn start(&self, token: CancellationToken, waited: bool, now: Instant) -> Arc<Upload> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let fast_until = Mutex::new(now + if waited { PAUSE_AFTER_WAIT } else { LONGEST_PAUSE });
        let upload = Arc::new(Upload { id, token, slow: AtomicBool::new(false), fast_until });
        self.locked().insert(id, Arc::clone(&upload));
        upload
    }

    /// The upload is complete, or abandoned.
    pub(super) fn end(&self, upload: &Upload) {
        self.locked().remove(&upload.id);
    }

    /// Cancels all uploads that are too slow.
    pub(super) fn evict_slow(&self, now: Instant) {
        for upload in self.locked().values().filter(|upload| upload.fast_until() < now) {
            upload.slow.store(true, Ordering::Release);
            upload.token.cancel();
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Upload>>> {
        self.receiving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Whether the upload was cancelled because it was too slow.
    pub(super) fn was_slow(&self) -> bool {
        self.slow.load(Ordering::Acquire)
    }

    /// Notes that `bytes` bytes have arrived.
    pub(super) fn receive(&self, bytes: usize, now: Instant) {
        let mut until = self.fast_until.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = Duration::from_secs_f64(bytes as f64 / LEAST_RATE);
        *until =
            until.checked_add(earned).map_or(now + LONGEST_PAUSE, |until| until.min(now + LONGEST_PAUSE));
    }

    fn fast_until(&self) -> Instant {
        *self.fast_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receives `bytes` every `interval` for 5 s, and returns whether the upload was cancelled.
    fn evicted(bytes: usize, interval: Duration) -> bool {
        let (uploads, start) = (Uploads::default(), Instant::now());
        let upload = uploads.start(CancellationToken::new(), false, start);
        let mut now = start;
        while now < start + Duration::from_secs(5) {
            upload.receive(bytes, now);
            now += interval;
            uploads.evict_slow(now);
        }
        assert_eq!(upload.was_slow(), upload.token().is_cancelled());
        upload.was_slow()
    }

    #[test]
    fn uploads_are_cancelled_by_rate_and_pause() {
        let milliseconds = Duration::from_millis;
        assert!(!evicted(40_000, milliseconds(400)));
        assert!(!evicted(7_000, milliseconds(100)));
        // A byte from time to time does not help, nor does much data before a pause.
        assert!(evicted(1, milliseconds(100)));
        assert!(evicted(5_000, milliseconds(100)));
        assert!(evicted(30_000_000, milliseconds(600)));
    }

    #[test]
    fn an_upload_that_waited_must_send_at_once() {
        let (uploads, start) = (Uploads::default(), Instant::now());
        let [sending, stalled] = [0, 1].map(|_| uploads.start(CancellationToken::new(), true, start));
        sending.receive(50_000, start);
        uploads.evict_slow(start + 2 * PAUSE_AFTER_WAIT);
        assert!(stalled.was_slow() && !sending.was_slow());
    }

    #[test]
    fn complete_uploads_are_not_cancelled() {
        let (uploads, start) = (Uploads::default(), Instant::now());
        let upload = uploads.start(CancellationToken::new(), false, start);
        uploads.end(&upload);
        uploads.evict_slow(start + Duration::from_secs(60));
        assert!(!upload.was_slow() && !upload.token().is_cancelled());
    }
}
