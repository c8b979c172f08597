//! Bounded pool for work on pixels, on blocking threads rather than those of the runtime.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Limits how much work runs at the same time; clones share the limit.
#[derive(Debug, Clone)]
pub struct Workers {
    permits: Arc<Semaphore>,
}

/// The work panicked.
#[derive(Debug, thiserror::Error)]
#[error("image processing panicked")]
pub struct Panicked;

/// Returns the number of cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

impl Workers {
    /// Creates a pool that runs up to `count` tasks at the same time, at least one.
    pub fn new(count: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(count.max(1))) }
    }

    /// Runs `work` on a blocking thread as soon as the limit permits. Dropping the future cancels the work if it has not
    /// started.
    ///
    /// # Errors
    /// [`Panicked`] if the work panics; the message of the panic is logged.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        // The semaphore is never closed, so this does not fail.
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Panicked)?;
        let result = tokio::task::spawn_blocking(move || {
            // Held by the work rather than the future: started work continues if the future is dropped.
            let _permit = permit;
            work()
        });
        result.await.map_err(|error| {
            tracing::error!(error = error.to_string(), "Image processing panicked.");
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
    async fn the_limit_is_respected() {
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
    async fn a_panic_releases_its_permit() {
        let workers = Workers::new(1);
        assert!(workers.run(|| panic!("a test panics")).await.is_err());
        assert_eq!(workers.run(|| 7).await.unwrap(), 7);
    }
}
