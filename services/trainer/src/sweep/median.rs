//! The median rule of Vizier (Golovin et al., 2017): a trial is stopped if its best value so far is strictly worse than the
//! median of what the completed trials reached on average up to the same epoch.

use super::settings::{Direction, MedianStopping};

/// Whether a trial is stopped after its last epoch. `curve` has its objective per epoch, `completed` those of the completed
/// trials. A trial that ended earlier counts with all its epochs.
pub(super) fn stops(
    curve: &[f64],
    completed: &[Vec<f64>],
    direction: Direction,
    rule: MedianStopping,
) -> bool {
    if !rule.enabled || curve.is_empty() || curve.len() < rule.warmup_epochs {
        return false;
    }
    let averages: Vec<f64> =
        completed.iter().filter_map(|other| mean(&other[..other.len().min(curve.len())])).collect();
    if averages.len() < rule.min_trials {
        return false;
    }
    let best = direction.best(curve).map_or(f64::NAN, |(_, value)| value);
    direction.is_better(median(averages), best)
}

/// Mean of the numbers; `None` if there is none.
fn mean(values: &[f64]) -> Option<f64> {
    let numbers: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// Median of at least one number.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: MedianStopping = MedianStopping { enabled: true, warmup_epochs: 2, min_trials: 3 };

    /// Averages after two epochs: 0.2, 0.4, 0.6; after three: 0.3, 0.5, 0.7.
    fn completed() -> Vec<Vec<f64>> {
        vec![vec![0.1, 0.3, 0.5], vec![0.3, 0.5, 0.7], vec![0.5, 0.7, 0.9]]
    }

    fn maximized(curve: &[f64]) -> bool {
        stops(curve, &completed(), Direction::Maximize, RULE)
    }

    #[test]
    fn a_trial_below_the_median_of_the_running_averages_is_stopped() {
        assert!(maximized(&[0.1, 0.39]));
        assert!(maximized(&[0.1, 0.45, 0.2]), "0.45 is below 0.5");
        assert!(!maximized(&[0.1, 0.4]), "equal is not worse");
        assert!(!maximized(&[0.45, 0.1]), "the best epoch counts, not the last one");
        assert!(!maximized(&[0.1, 0.2, 0.55]));
    }

    #[test]
    fn a_smaller_objective_is_better_if_it_is_minimized() {
        let stops = |curve: &[f64]| stops(curve, &completed(), Direction::Minimize, RULE);
        assert!(stops(&[0.9, 0.41]));
        assert!(!stops(&[0.9, 0.39]));
    }

    #[test]
    fn warmup_and_few_completed_trials_let_a_trial_go_on() {
        assert!(!maximized(&[0.0]));
        assert!(!stops(&[0.0, 0.0], &completed()[..2], Direction::Maximize, RULE));
        let off = MedianStopping { enabled: false, ..RULE };
        assert!(!stops(&[0.0, 0.0], &completed(), Direction::Maximize, off));
        let eager = MedianStopping { enabled: true, warmup_epochs: 0, min_trials: 1 };
        assert!(!stops(&[], &completed(), Direction::Maximize, eager));
    }

    #[test]
    fn shorter_trials_count_with_all_their_epochs_and_even_numbers_with_the_midpoint() {
        let rule = MedianStopping { min_trials: 2, ..RULE };
        let completed = [vec![0.4], vec![0.6, 0.8, 1.0]];
        // The averages are 0.4 and 0.8, their midpoint 0.6.
        assert!(stops(&[0.0, 0.59, 0.1], &completed, Direction::Maximize, rule));
        assert!(!stops(&[0.0, 0.61, 0.1], &completed, Direction::Maximize, rule));
    }

    #[test]
    fn a_trial_without_numbers_is_stopped() {
        assert!(maximized(&[f64::NAN, f64::NAN]));
    }
}
