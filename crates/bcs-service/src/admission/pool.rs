//! Bytes shared by requests, with a part kept for small ones. Both parts serve requests in the order of their arrival.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Refused;

/// Bytes per permit: semaphores count up to 2³² permits at once, which allows 4 TiB.
const UNIT: u64 = 1 << 10;

/// Time between two attempts to free memory for a waiting request.
const EVICTION_INTERVAL: Duration = Duration::from_millis(100);

/// Bounds of waiting.
pub(super) struct Wait<'a> {
    pub(super) longest: Duration,
    pub(super) deadline: Instant,
    pub(super) token: &'a CancellationToken,
}

#[derive(Debug)]
pub(super) struct Pool {
    small: Part,
    large: Part,
    /// Largest request in bytes that is served from the part for small ones.
    small_request: u64,
}

#[derive(Debug)]
struct Part {
    permits: Arc<Semaphore>,
    size: u32,
}

impl Part {
    fn new(bytes: u64) -> Self {
        let size = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX);
        Self { permits: Arc::new(Semaphore::new(size as usize)), size }
    }

    fn in_use(&self) -> u64 {
        let free = self.permits.available_permits() as u64;
        u64::from(self.size).saturating_sub(free) * UNIT
    }
}

impl Pool {
    /// Creates a pool of `bytes`, of which `small` are kept for requests of up to `small_request` bytes.
    pub(super) fn new(bytes: u64, small: u64, small_request: u64) -> Self {
        // Several small requests fit at any size of the pool.
        let small_request = small_request.min(small / 8);
        Self { small: Part::new(small), large: Part::new(bytes - small), small_request }
    }

    pub(super) fn in_use(&self) -> u64 {
        self.small.in_use() + self.large.in_use()
    }

    pub(super) fn largest(&self) -> u64 {
        u64::from(self.large.size) * UNIT
    }

    /// Takes `bytes` as soon as they are free, calling `evict` from time to time while it waits.
    pub(super) async fn take(
        &self,
        bytes: u64,
        wait: Wait<'_>,
        evict: impl Fn(),
    ) -> Result<OwnedSemaphorePermit, Refused> {
        let part = if bytes <= self.small_request { &self.small } else { &self.large };
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        if units > part.size {
            return Err(Refused::TooLarge { bytes, limit: self.largest() });
        }
        let start = Instant::now();
        let until = wait.deadline.min(start + wait.longest);
        // One future, so that the request keeps its place.
        let mut permit = std::pin::pin!(Arc::clone(&part.permits).acquire_many_owned(units));
        loop {
            tokio::select! {
                biased;
                () = wait.token.cancelled() => return Err(Refused::Cancelled),
                // The semaphore is never closed.
                permit = &mut permit => return permit.map_err(|_| Refused::Cancelled),
                () = tokio::time::sleep_until(until.into()) => return Err(refused(&wait)),
                () = tokio::time::sleep(EVICTION_INTERVAL) => evict(),
            }
        }
    }
}

fn refused(wait: &Wait<'_>) -> Refused {
    if Instant::now() >= wait.deadline {
        return Refused::Deadline;
    }
    let seconds = u32::try_from(wait.longest.as_secs()).unwrap_or(u32::MAX);
    Refused::Busy { retry_after: seconds.max(1) }
}
