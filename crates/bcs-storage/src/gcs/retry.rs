use std::future::Future;
use std::time::Duration;

use google_cloud_gax::backoff_policy::BackoffPolicy;
use google_cloud_gax::exponential_backoff::{ExponentialBackoff, ExponentialBackoffBuilder};
use google_cloud_gax::retry_state::RetryState;
use tokio::time::{Instant, sleep, timeout_at};

use super::failure::Failure;

/// Longest pause before the second attempt; that before each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Attempts of an operation until a deadline, with pauses of random length that grow exponentially.
pub(super) struct Retry {
    deadline: Instant,
    state: RetryState,
    backoff: ExponentialBackoff,
}

impl Retry {
    pub(super) fn until(deadline: std::time::Instant) -> Self {
        let backoff = ExponentialBackoffBuilder::new()
            .with_initial_delay(FIRST_PAUSE)
            .with_maximum_delay(LONGEST_PAUSE)
            .with_scaling(2.0)
            .clamp();
        Self { deadline: deadline.into(), state: RetryState::new(true), backoff }
    }

    /// Whether no attempt has failed yet.
    pub(super) fn is_first(&self) -> bool {
        self.state.attempt_count == 0
    }

    /// Runs one attempt, which may take `longest`, but not beyond the deadline.
    pub(super) async fn attempt<T>(
        &self,
        longest: Duration,
        attempt: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        if self.deadline <= start {
            return Err(Failure::Retryable("the time is over".to_owned()));
        }
        let end = self.deadline.min(start + longest);
        timeout_at(end, attempt).await.unwrap_or_else(|_| {
            Err(Failure::Retryable(format!("no answer within {:.1} s", start.elapsed().as_secs_f64())))
        })
    }

    /// Waits before the next attempt. Returns the failure if it is permanent, or if the deadline comes before the next
    /// attempt.
    pub(super) async fn pause(&mut self, failure: Failure) -> Result<(), Failure> {
        if !failure.is_retryable() {
            return Err(failure);
        }
        self.state.attempt_count += 1;
        let pause = self.backoff.on_failure(&self.state);
        if Instant::now() + pause >= self.deadline {
            return Err(failure);
        }
        tracing::debug!(attempt = self.state.attempt_count, ?failure, "The store failed; trying again.");
        sleep(pause).await;
        // A busy machine wakes up late. The failure says more than that the time is over.
        if Instant::now() >= self.deadline { Err(failure) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A retry in this time.
    fn within(time: Duration) -> Retry {
        Retry::until((Instant::now() + time).into_std())
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_at_the_deadline() {
        let start = Instant::now();
        let mut retry = within(Duration::from_millis(300));
        let mut attempts = 0;
        let failure = loop {
            attempts += 1;
            let attempt = async { Err::<(), _>(Failure::Retryable("503".to_owned())) };
            let failure = retry.attempt(Duration::from_secs(5), attempt).await.unwrap_err();
            if let Err(failure) = retry.pause(failure).await {
                break failure;
            }
        };
        assert!(attempts > 1 && !retry.is_first());
        assert!(start.elapsed() < Duration::from_millis(300));
        assert_eq!(failure, Failure::Retryable("503".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_takes_one_attempt_and_not_all_the_time() {
        let start = Instant::now();
        let retry = within(Duration::from_secs(3600));
        let silent = std::future::pending::<Result<(), Failure>>();
        let failure = retry.attempt(Duration::from_secs(20), silent).await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(30));
        assert!(matches!(failure, Failure::Retryable(reason) if reason.contains("no answer")));
    }

    #[tokio::test]
    async fn permanent_failures_are_not_tried_again() {
        let mut retry = within(Duration::from_secs(3600));
        for failure in [Failure::NotFound, Failure::Precondition, Failure::Rejected(String::new())] {
            assert_eq!(retry.pause(failure.clone()).await, Err(failure));
        }
    }
}
