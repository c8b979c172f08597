use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time after which the slower number of threads is tried again: a busy neighbour may have gone.
const RETRY: Duration = Duration::from_secs(10);

/// Number of newest batches whose fastest stands for all. The first batch with several threads starts them, and any batch
/// may meet a short disturbance; neither says anything about the next one.
const NEWEST: usize = 3;

/// The number of threads of a batch that runs alone: all of them, unless one turns out to be faster. Several threads wait
/// for each other many times per batch, so that they are far slower than one as soon as another process takes a core.
pub(super) struct Pace {
    all: NonZeroUsize,
    one: NonZeroUsize,
    times: Mutex<Times>,
}

#[derive(Default)]
struct Times {
    /// With all threads.
    all: Newest,
    /// With one thread.
    one: Newest,
    /// When the slower one was last tried.
    tried: Option<Instant>,
}

/// Times of a pixel in the newest batches, in seconds.
#[derive(Default)]
struct Newest(VecDeque<f64>);

impl Newest {
    fn push(&mut self, time: f64) {
        self.0.truncate(NEWEST - 1);
        self.0.push_front(time);
    }

    /// Returns the fastest one, or `None` before there are enough.
    fn fastest(&self) -> Option<f64> {
        (self.0.len() == NEWEST).then(|| self.0.iter().copied().fold(f64::INFINITY, f64::min))
    }
}

impl Pace {
    /// Creates a pace that chooses between the threads of all workers and those of one.
    pub(super) fn new(workers: NonZeroUsize, threads: NonZeroUsize) -> Self {
        Self { all: workers.saturating_mul(threads), one: threads, times: Mutex::default() }
    }

    /// Returns the number of threads for a batch.
    pub(super) fn threads(&self, alone: bool, now: Instant) -> NonZeroUsize {
        if !alone || self.all == self.one {
            return self.one;
        }
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(all), Some(one)) = (times.all.fastest(), times.one.fastest()) else {
            return if times.all.fastest().is_none() { self.all } else { self.one };
        };
        let (faster, slower) = if all < one { (self.all, self.one) } else { (self.one, self.all) };
        let tried = times.tried.get_or_insert(now);
        if now.duration_since(*tried) < RETRY {
            return faster;
        }
        *tried = now;
        slower
    }

    /// Records the time that a batch of this number of pixels took alone.
    pub(super) fn record(&self, threads: NonZeroUsize, pixels: usize, time: Duration) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = if threads == self.all { &mut times.all } else { &mut times.one };
        newest.push(time.as_secs_f64() / pixels.max(1) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(threads: usize) -> NonZeroUsize {
        NonZeroUsize::new(threads).unwrap()
    }

    #[test]
    fn the_faster_number_of_threads_is_used_and_the_other_tried_again() {
        let (pace, start) = (Pace::new(count(4), count(1)), Instant::now());
        let run = |after: u64, all: u64| {
            let now = start + Duration::from_secs(after);
            let threads = pace.threads(true, now);
            let time = Duration::from_millis(if threads == count(4) { all } else { 20 });
            pace.record(threads, 100, time);
            threads.get()
        };
        // The first batch starts the threads, which takes long.
        let threads: Vec<usize> = [100, 8, 8, 0, 0, 0, 8, 8].into_iter().map(|all| run(0, all)).collect();
        assert_eq!(threads, [4, 4, 4, 1, 1, 1, 4, 4]);
        assert_eq!(pace.threads(false, start), count(1));
        // A neighbour comes. It takes three slow batches until one thread is faster.
        let threads: Vec<usize> = (0..5).map(|_| run(1, 400)).collect();
        assert_eq!(threads, [4, 4, 4, 1, 1]);
        // Every ten seconds the slower number is tried; one fast batch is enough once the neighbour has gone.
        assert_eq!([run(11, 400), run(11, 400), run(22, 8), run(22, 8)], [4, 1, 4, 4]);
    }

    #[test]
    fn one_worker_has_no_choice() {
        let pace = Pace::new(count(1), count(3));
        assert_eq!(pace.threads(true, Instant::now()), count(3));
    }
}
