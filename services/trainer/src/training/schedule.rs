//! Learning rate schedules.

use crate::config::Scheduler;

/// Returns the learning rate of a step, counted from 0 over all epochs. `Cosine` is `CosineAnnealingLR`, stepped after
/// every batch.
pub(super) fn learning_rate(scheduler: Scheduler, initial: f64, step: usize, steps: usize) -> f64 {
    match scheduler {
        Scheduler::Constant => initial,
        Scheduler::Cosine => {
            let progress = step as f64 / steps.max(1) as f64;
            initial * (1.0 + (std::f64::consts::PI * progress).cos()) / 2.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_anneals_from_the_initial_rate_to_zero() {
        let rate = |step| learning_rate(Scheduler::Cosine, 0.1, step, 100);
        assert_eq!(rate(0), 0.1);
        assert!((rate(50) - 0.05).abs() < 1e-12);
        assert!(rate(100).abs() < 1e-12);
        assert_eq!(learning_rate(Scheduler::Constant, 0.1, 99, 100), 0.1);
    }
}
