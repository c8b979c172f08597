//! Work on pixels, off the threads that answer, and no more of it at a time than there are cores for.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// A bound on work that runs at the same time; clones share it.
#[derive(Debug, Clone)]
pub struct Workers {
    permits: Arc<Semaphore>,
}

/// The work panicked.
#[derive(Debug, thiserror::Error)]
#[error("a panic in work on pixels")]
pub struct Panicked;

impl Workers {
    /// As many at a time.
    pub fn new(count: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(count.max(1))) }
    }

    /// Runs `work` on a blocking thread when its turn comes. Whoever drops the future before has left, and it does
    /// not run.
    ///
    /// # Errors
    /// [`Panicked`]; the panic's text is in the log.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        // Never closed: an error here is as good as a panic.
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Panicked)?;
        let result = tokio::task::spawn_blocking(move || {
            // Held by the work, not by the one who waits for it: it goes on where that one leaves.
            let _permit = permit;
            work()
        });
        result.await.map_err(|error| {
            tracing::error!(error = error.to_string(), "Work on pixels panicked.");
            Panicked
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn no_more_run_than_may() {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        let workers = Workers::new(2);
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let workers = workers.clone();
                tokio::spawn(async move {
                    let work = || {
                        let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
                        std::thread::sleep(Duration::from_millis(5));
                        RUNNING.fetch_sub(1, Ordering::SeqCst);
                        running
                    };
                    workers.run(work).await.unwrap()
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap() <= 2);
        }
    }

    #[tokio::test]
    async fn a_panic_gives_its_place_back() {
        let workers = Workers::new(1);
        assert!(workers.run(|| panic!("a bad day")).await.is_err());
        assert_eq!(workers.run(|| 7).await.unwrap(), 7);
    }
}
