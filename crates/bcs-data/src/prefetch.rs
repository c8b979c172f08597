//! Items made ahead of their use, on background threads.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::error::Error;

/// Number of items that each thread keeps ready.
pub(crate) const DEPTH: usize = 2;

/// Iterator over items that background threads make ahead, in order. Dropping it stops the threads.
#[derive(Debug)]
pub struct Prefetch<T> {
    queues: Vec<Receiver<Result<T, Error>>>,
    next: usize,
    count: usize,
}

impl<T: Send + 'static> Prefetch<T> {
    /// Starts up to `threads` threads (at least one), which call `make` with each index in `0..count`.
    ///
    /// Thread k makes items k, k + `threads`, …; the iterator takes from the threads in turn, so the order of the items
    /// does not depend on the number of threads.
    pub fn new(
        count: usize,
        threads: usize,
        make: impl Fn(usize) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Self {
        let threads = threads.clamp(1, count.max(1));
        let make = Arc::new(make);
        let start = |first: usize| {
            let (sender, receiver) = sync_channel(DEPTH);
            let make = Arc::clone(&make);
            let work = move || {
                for index in (first..count).step_by(threads) {
                    // Sending fails once the iterator is dropped.
                    if sender.send(make(index)).is_err() {
                        break;
                    }
                }
            };
            // If no thread can be started, the sender is dropped, and the first item is an error.
            drop(thread::Builder::new().name(format!("loader {first}")).spawn(work));
            receiver
        };
        Self { queues: (0..threads).map(start).collect(), next: 0, count }
    }
}

impl<T> Iterator for Prefetch<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.count {
            return None;
        }
        let queue = &self.queues[self.next % self.queues.len()];
        self.next += 1;
        // A thread ends before its last item only if `make` panics.
        Some(queue.recv().unwrap_or(Err(Error::Worker)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_does_not_depend_on_the_number_of_threads() {
        for threads in [0, 1, 2, 3, 99] {
            let items: Vec<usize> = Prefetch::new(7, threads, Ok).map(Result::unwrap).collect();
            assert_eq!(items, [0, 1, 2, 3, 4, 5, 6], "{threads} threads");
        }
        assert_eq!(Prefetch::new(0, 2, Ok).count(), 0);
    }

    #[test]
    fn a_panic_is_an_error_of_its_item() {
        let items: Vec<_> = Prefetch::new(2, 2, |index| {
            assert!(index != 1, "a panic on purpose");
            Ok(index)
        })
        .collect();
        assert!(matches!(items[..], [Ok(0), Err(Error::Worker)]));
    }
}
