use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time after which the slower number of threads is tried again: a busy neighbour may have gone.
const RETRY: Duration = Duration::from_secs(10);

/// Weight of the newest batch in the mean time.
const NEWEST: f64 = 0.25;

/// The number of threads of a batch that runs alone: all of them, unless one turns out to be faster. Several threads wait
/// for each other many times per batch, so that they are far slower than one as soon as another process takes a core.
pub(super) struct Pace {
    all: NonZeroUsize,
    one: NonZeroUsize,
    times: Mutex<Times>,
}

#[derive(Default)]
struct Times {
    /// Mean time of a pixel in seconds with all threads, and with one.
    all: Option<f64>,
    one: Option<f64>,
    /// When the slower one was last tried.
    tried: Option<Instant>,
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
        let (Some(all), Some(one)) = (times.all, times.one) else {
            return if times.all.is_none() { self.all } else { self.one };
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
        let mean = if threads == self.all { &mut times.all } else { &mut times.one };
        let newest = time.as_secs_f64() / pixels.max(1) as f64;
        *mean = Some(mean.map_or(newest, |mean| mean + NEWEST * (newest - mean)));
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
        assert_eq!([run(0, 8), run(0, 8), run(0, 8), run(1, 8)], [4, 1, 4, 4]);
        assert_eq!(pace.threads(false, start), count(1));
        // A neighbour comes, and goes.
        assert_eq!([run(2, 400), run(2, 400), run(9, 400)], [4, 1, 1]);
        let tried: Vec<usize> = (1..20).map(|turn| run(20 * turn, 8)).collect();
        assert!(tried.starts_with(&[4]) && tried.contains(&1), "{tried:?}");
        let (last, now) = (pace.threads(true, start + Duration::from_secs(381)), count(4));
        assert_eq!(last, now);
    }

    #[test]
    fn one_worker_has_no_choice() {
        let pace = Pace::new(count(1), count(3));
        assert_eq!(pace.threads(true, Instant::now()), count(3));
    }
}
