//! Bytes shared by requests, in parts by the size of the requests. A part serves requests in the order of their arrival.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Refused;

/// Bytes per permit: semaphores count up to 2³² permits at once, which allows 4 TiB.
const UNIT: u64 = 1 << 10;

/// Time between two attempts to free memory for a waiting request.
pub(super) const EVICTION_INTERVAL: Duration = Duration::from_millis(50);

/// Bounds of waiting.
pub(super) struct Wait<'a> {
    pub(super) longest: Duration,
    pub(super) deadline: Instant,
    pub(super) token: &'a CancellationToken,
}

/// Bytes that a request got.
pub(super) struct Taken {
    pub(super) permit: OwnedSemaphorePermit,
    /// Whether the request had to wait.
    pub(super) waited: bool,
}

#[derive(Debug)]
pub(super) struct Pool {
    /// Parts for requests of up to a size, smallest first. The last one is for all others.
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    permits: Arc<Semaphore>,
    size: u32,
    /// Largest request in bytes.
    largest: u64,
}

impl Part {
    fn new(bytes: u64, largest: u64) -> Self {
        let size = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX);
        Self { permits: Arc::new(Semaphore::new(size as usize)), size, largest }
    }

    fn in_use(&self) -> u64 {
        let free = self.permits.available_permits() as u64;
        u64::from(self.size).saturating_sub(free) * UNIT
    }
}

impl Pool {
    /// Creates a pool of `bytes`. Of these, a quarter each is for requests of up to the sizes in `small`, in ascending
    /// order, and the rest for larger ones.
    pub(super) fn new(bytes: u64, small: &[u64]) -> Self {
        let quarter = bytes / 4;
        // Several small requests fit at any size of the pool.
        let small = small.iter().map(|largest| Part::new(quarter, (*largest).min(quarter / 8)));
        let mut parts: Vec<_> = small.collect();
        let rest = bytes - quarter * parts.len() as u64;
        parts.push(Part::new(rest, rest / UNIT * UNIT));
        Self { parts }
    }

    pub(super) fn in_use(&self) -> u64 {
        self.parts.iter().map(Part::in_use).sum()
    }

    pub(super) fn largest(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.largest)
    }

    /// Takes `bytes` as soon as they are free, calling `evict` from time to time while it waits.
    pub(super) async fn take(&self, bytes: u64, wait: Wait<'_>, evict: impl Fn()) -> Result<Taken, Refused> {
        let part = self.parts.iter().find(|part| bytes <= part.largest);
        let part = part.ok_or(Refused::TooLarge { bytes, limit: self.largest() })?;
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let start = Instant::now();
        let until = wait.deadline.min(start + wait.longest);
        // One future, so that the request keeps its place.
        let mut permit = std::pin::pin!(Arc::clone(&part.permits).acquire_many_owned(units));
        let mut waited = false;
        loop {
            tokio::select! {
                biased;
                () = wait.token.cancelled() => return Err(Refused::Cancelled),
                // The semaphore is never closed.
                permit = &mut permit => {
                    return permit.map(|permit| Taken { permit, waited }).map_err(|_| Refused::Cancelled);
                }
                () = tokio::time::sleep_until(until.into()) => return Err(refused(&wait)),
                () = tokio::time::sleep(EVICTION_INTERVAL) => {
                    waited = true;
                    evict();
                }
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
