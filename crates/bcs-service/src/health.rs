//! Readiness of a server, as reported by its worker: a server is ready once the worker has done its first piece of
//! work, not when the socket is open.

use std::borrow::Cow;

use serde::Serialize;
use tokio::sync::watch;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// State of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status", content = "reason")]
pub enum State {
    /// Not ready yet.
    Starting,
    /// Ready for requests.
    Ready,
    /// Failed, with the reason.
    Failed(String),
    /// Finishing requests in progress, taking no new ones.
    Stopping,
}

/// The fields of a serialized [`State`]: generators of clients understand an object better than one of four.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what a state becomes")]
struct Fields {
    /// Whether the server is ready.
    status: Status,
    /// Why it has failed.
    #[schema(required = false, nullable = false)]
    reason: Option<String>,
}

/// Names of the states.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what a state becomes")]
enum Status {
    Starting,
    Ready,
    Failed,
    Stopping,
}

impl PartialSchema for State {
    fn schema() -> RefOr<Schema> {
        Fields::schema()
    }
}

impl ToSchema for State {
    fn name() -> Cow<'static, str> {
        "State".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Fields::schemas(schemas);
    }
}

/// Shared state of a server; clones refer to the same state.
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
    /// Returns the current state.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Changes the state. [`State::Stopping`] is final.
    pub fn set(&self, state: State) {
        self.state.send_if_modified(|current| {
            let changes = *current != State::Stopping && *current != state;
            if changes {
                *current = state;
            }
            changes
        });
    }

    /// Waits until the state is no longer [`State::Starting`] and returns it.
    pub async fn started(&self) -> State {
        let mut states = self.state.subscribe();
        let started = states.wait_for(|state| *state != State::Starting).await;
        started.map_or(State::Stopping, |state| state.clone())
    }

    /// Waits until the state is [`State::Stopping`].
    pub async fn stopping(&self) {
        // The sender is `self`, so it does not end before.
        let _ = self.state.subscribe().wait_for(|state| *state == State::Stopping).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stopping_is_final() {
        let health = Health::default();
        assert_eq!(health.state(), State::Starting);
        health.set(State::Ready);
        assert_eq!(health.started().await, State::Ready);
        health.set(State::Stopping);
        health.set(State::Ready);
        assert_eq!(health.state(), State::Stopping);
        health.stopping().await;
    }
}
