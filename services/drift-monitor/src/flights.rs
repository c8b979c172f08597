//! Work that several callers wait for and that is done once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Work in progress, by key. A clone is the same.
pub struct Flights<T> {
    running: Arc<Mutex<Running<T>>>,
}

type Running<T> = HashMap<String, watch::Receiver<Option<T>>>;

impl<T> Clone for Flights<T> {
    fn clone(&self) -> Self {
        Self { running: Arc::clone(&self.running) }
    }
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self { running: Arc::default() }
    }
}

/// What a caller got.
#[derive(Debug, PartialEq, Eq)]
pub enum Landed<T> {
    /// The result of its own work.
    Own(T),
    /// The result of work that was already in progress.
    Shared(T),
    /// The work panicked.
    Crashed,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// Does the work, unless work for this key is in progress, whose result is then returned. The work goes on if the
    /// caller no longer waits.
    pub async fn join(&self, key: &str, work: impl Future<Output = T> + Send + 'static) -> Landed<T> {
        let (mut result, own) = self.start(key, work);
        // A sender that is dropped without a result has panicked.
        let result = match result.wait_for(Option::is_some).await {
            Ok(result) => result.clone(),
            Err(_) => None,
        };
        match result {
            None => Landed::Crashed,
            Some(result) if own => Landed::Own(result),
            Some(result) => Landed::Shared(result),
        }
    }

    /// Returns where the result will be, and whether the work was started by this call.
    fn start(
        &self,
        key: &str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> (watch::Receiver<Option<T>>, bool) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = running.get(key) {
            return (result.clone(), false);
        }
        let (sender, receiver) = watch::channel(None);
        running.insert(key.to_owned(), receiver.clone());
        let landing = Landing { running: Arc::clone(&self.running), key: key.to_owned() };
        tokio::spawn(async move {
            let result = work.await;
            // Before the result is seen, so that whoever has seen it starts new work.
            drop(landing);
            // Fails if nobody waits any longer.
            let _ = sender.send(Some(result));
        });
        (receiver, true)
    }
}

/// Removes work that has ended, also by a panic.
struct Landing<T> {
    running: Arc<Mutex<Running<T>>>,
    key: String,
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn callers_of_the_same_key_share_the_work() {
        let (flights, count) = (Flights::default(), Arc::new(AtomicUsize::new(0)));
        let (go, gone) = oneshot::channel::<()>();
        let counted = Arc::clone(&count);
        let first = flights.join("a", async move {
            gone.await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed)
        });
        let second = flights.join("a", async { unreachable!("the first is in progress") });
        let other = flights.join("b", async { 7 });
        let all = async {
            let other = other.await;
            go.send(()).unwrap();
            other
        };
        let (first, second, other) = tokio::join!(biased; first, second, all);
        assert_eq!((first, second, other), (Landed::Own(0), Landed::Shared(0), Landed::Own(7)));
        let counted = Arc::clone(&count);
        let again = flights.join("a", async move { counted.fetch_add(1, Ordering::Relaxed) }).await;
        assert_eq!(again, Landed::Own(1));
    }

    #[tokio::test]
    async fn a_panic_ends_the_flight() {
        let flights = Flights::<u32>::default();
        assert_eq!(flights.join("a", async { panic!("as a bug would") }).await, Landed::Crashed);
        assert_eq!(flights.join("a", async { 1 }).await, Landed::Own(1));
    }
}
