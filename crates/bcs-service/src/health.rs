//! Readiness, as the one who does the work reports it: a server is ready when its worker has answered, not when
//! its socket is open.

use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

/// What a worker can do at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "status", content = "reason")]
pub enum State {
    /// It is being made ready.
    Starting,
    /// It has answered.
    Ready,
    /// It failed, and why.
    Failed(String),
    /// It finishes what was begun and takes nothing new.
    Stopping,
}

/// A shared view of the state; clones see the same.
#[derive(Debug, Clone)]
pub struct Health {
    state: watch::Sender<State>,
}

impl Default for Health {
    fn default() -> Self {
        Self { state: watch::Sender::new(State::Starting) }
    }
}

impl Health {
    /// What holds now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Whether new work is taken.
    pub fn is_ready(&self) -> bool {
        *self.state.borrow() == State::Ready
    }

    /// Says what holds from now on. Nothing follows [`State::Stopping`].
    pub fn set(&self, state: State) {
        self.state.send_if_modified(|current| {
            let changes = *current != State::Stopping && *current != state;
            if changes {
                *current = state;
            }
            changes
        });
    }

    /// Waits until it is neither starting nor, unless it fails, unready; gives what then holds.
    pub async fn settled(&self) -> State {
        let mut states = self.state.subscribe();
        let settled = states.wait_for(|state| *state != State::Starting).await;
        settled.map_or(State::Stopping, |state| state.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stopping_is_final() {
        let health = Health::default();
        assert!(!health.is_ready());
        health.set(State::Ready);
        assert!(health.is_ready());
        assert_eq!(health.settled().await, State::Ready);
        health.set(State::Stopping);
        health.set(State::Ready);
        assert_eq!(health.state(), State::Stopping);
    }
}
