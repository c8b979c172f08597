//! Number of connections, and which of them are idle. If there is no place for a new connection, it takes that of an idle
//! one: first of those that have never sent a request, then of the others, each time the one that is idle for longest.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Time between two attempts to find a place for a new connection.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Connections {
    places: Arc<Semaphore>,
    /// Idle connections, in the order in which they are closed.
    idle: Mutex<BTreeMap<Order, CancellationToken>>,
    next: AtomicU64,
}

/// Whether a connection has had a request, and when it became idle.
type Order = (bool, u64);

/// The place of a connection. It is idle at first.
#[derive(Debug)]
pub(super) struct Place {
    connections: Arc<Connections>,
    closed: CancellationToken,
    state: Mutex<State>,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// No request has come yet.
    New { since: Instant, order: Order },
    /// A request is in progress, which is given up at this time.
    Busy { until: Instant },
    /// All requests have been answered.
    Idle { since: Instant, order: Order },
}

impl Connections {
    pub(super) fn new(most: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { places, idle: Mutex::default(), next: AtomicU64::new(0) })
    }

    /// Waits for a place, closing idle connections if there is none.
    pub(super) async fn enter(self: &Arc<Self>) -> Place {
        let mut permit = std::pin::pin!(Arc::clone(&self.places).acquire_owned());
        loop {
            tokio::select! {
                biased;
                // The semaphore is never closed.
                Ok(permit) = &mut permit => return self.place(permit),
                () = self.close_one() => {}
            }
        }
    }

    /// Closes an idle connection, and waits a moment.
    pub(super) async fn close_one(&self) {
        if let Some((_, closed)) = self.locked().pop_first() {
            closed.cancel();
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }

    fn place(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Place {
        let closed = CancellationToken::new();
        let order = self.become_idle(&closed, false);
        let state = Mutex::new(State::New { since: Instant::now(), order });
        Place { connections: Arc::clone(self), closed, state, _permit: permit }
    }

    fn become_idle(&self, closed: &CancellationToken, served: bool) -> Order {
        let order = (served, self.next.fetch_add(1, Ordering::Relaxed));
        self.locked().insert(order, closed.clone());
        order
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Order, CancellationToken>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Completes when another connection needs the place. Only idle ones are chosen.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Marks the connection as busy until the result is dropped. The request is given up at `until`.
    pub(super) fn begin(self: &Arc<Self>, until: Instant) -> InProgress {
        self.leave_idle();
        *self.locked() = State::Busy { until };
        InProgress(Arc::clone(self))
    }

    /// Whether nothing has been sent for `flush` and no request is in progress, so that closing the connection cuts no
    /// response.
    pub(super) fn is_quiet(&self, flush: Duration) -> bool {
        match *self.locked() {
            State::New { .. } => true,
            State::Busy { .. } => false,
            State::Idle { since, .. } => since.elapsed() >= flush,
        }
    }

    /// Whether the first request has not come within `first`, or the request in progress is to be given up.
    pub(super) fn is_overdue(&self, first: Duration) -> bool {
        match *self.locked() {
            State::New { since, .. } => since.elapsed() >= first,
            State::Busy { until } => Instant::now() >= until,
            State::Idle { .. } => false,
        }
    }

    fn leave_idle(&self) {
        if let State::New { order, .. } | State::Idle { order, .. } = *self.locked() {
            self.connections.locked().remove(&order);
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave_idle();
    }
}

/// A request in progress, until its response has been handed over to the connection.
#[derive(Debug)]
pub(super) struct InProgress(Arc<Place>);

impl Drop for InProgress {
    fn drop(&mut self) {
        let order = self.0.connections.become_idle(&self.0.closed, true);
        *self.0.locked() = State::Idle { since: Instant::now(), order };
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SHORT: Duration = Duration::from_millis(250);

    #[tokio::test]
    async fn a_new_connection_replaces_one_without_requests_first() {
        let connections = Connections::new(2);
        let first = Arc::new(connections.enter().await);
        drop(first.begin(Instant::now()));
        let second = Arc::new(connections.enter().await);
        let third = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.enter().await }
        });
        timeout(SHORT * 20, second.closed()).await.unwrap();
        drop(second);
        let third = third.await.unwrap();
        assert!(!first.closed.is_cancelled() && !third.closed.is_cancelled());
    }

    #[tokio::test]
    async fn busy_connections_are_not_closed() {
        let connections = Connections::new(1);
        let place = Arc::new(connections.enter().await);
        let request = place.begin(Instant::now());
        assert!(timeout(SHORT, connections.enter()).await.is_err());
        assert!(place.is_overdue(SHORT) && !place.is_quiet(Duration::ZERO));
        drop(request);
        assert!(!place.is_overdue(SHORT) && place.is_quiet(Duration::ZERO));
        drop(place);
        assert!(connections.locked().is_empty());
    }
}
