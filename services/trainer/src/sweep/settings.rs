//! Settings of a sweep, the group `sweep`.

use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::error::{Error, Result};

/// Settings of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// How trials are chosen.
    pub sampler: Sampler,
    /// Number of random draws.
    pub n_trials: usize,
    /// Seed of the random draws.
    pub seed: u64,
    /// Values to sweep, by key, in the grammar of overrides; those of the command line take precedence.
    pub params: Map<String, serde_json::Value>,
    /// Key of the metrics that ranks the trials, as `val_metric` or `val_dice.tumour`.
    pub objective: String,
    /// Whether a larger or a smaller objective is better.
    pub direction: Direction,
    /// Number of trials at a time.
    pub n_jobs: Amount,
    /// Memory that the trials share, in megabytes; `None` for no limit.
    pub memory_mb: Option<Amount>,
    /// Early end of trials that are worse than others.
    pub median_stopping: MedianStopping,
    /// Sweep that goes on: `auto` or a folder; `None` for a new one.
    pub resume: Option<String>,
}

/// How trials are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sampler {
    /// Every combination of values.
    Grid,
    /// Independent random draws.
    Random,
}

/// Whether a larger or a smaller objective is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    /// Larger is better.
    Maximize,
    /// Smaller is better.
    Minimize,
}

/// A number, or one that the program chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be auto or a whole number")]
pub(crate) enum Amount {
    /// This number.
    Given(u64),
    /// What the program chooses.
    Chosen(Auto),
}

/// The word `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auto {
    /// The word.
    Auto,
}

/// When a trial is stopped; see [`super::median`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MedianStopping {
    /// Whether trials are stopped.
    pub enabled: bool,
    /// Number of epochs that every trial trains.
    pub warmup_epochs: usize,
    /// Number of completed trials to compare with.
    pub min_trials: usize,
}

impl Settings {
    /// Checks the ranges of the values.
    ///
    /// # Errors
    /// [`Error::Usage`] with the key.
    pub(crate) fn check(&self) -> Result<()> {
        let zero = [
            ("n_trials", self.n_trials == 0),
            ("n_jobs", self.n_jobs == Amount::Given(0)),
            ("memory_mb", self.memory_mb == Some(Amount::Given(0))),
            ("median_stopping.min_trials", self.median_stopping.min_trials == 0),
        ];
        match zero.iter().find(|(_, is_zero)| *is_zero) {
            None => Ok(()),
            Some((key, _)) => Err(Error::Usage(format!("sweep.{key} is 0; it must be at least 1"))),
        }
    }
}

impl Settings {
    /// Returns the settings with which a sweep goes on: the saved ones, and of those of the command line what concerns the
    /// machine and stopping. `keys` are the keys that the command line gives.
    ///
    /// # Errors
    /// [`Error::Usage`] if the command line would change the trials or their order.
    pub(crate) fn resumed(self, given: &Self, keys: &[String]) -> Result<Self> {
        let gives = |name: &str| keys.iter().any(|key| key.split('.').nth(1) == Some(name));
        let resumed = Self {
            n_jobs: if gives("n_jobs") { given.n_jobs } else { self.n_jobs },
            memory_mb: if gives("memory_mb") { given.memory_mb } else { self.memory_mb },
            median_stopping: if gives("median_stopping") {
                given.median_stopping
            } else {
                self.median_stopping
            },
            ..self
        };
        let same = [
            ("sampler", resumed.sampler == given.sampler),
            ("n_trials", resumed.n_trials == given.n_trials),
            ("seed", resumed.seed == given.seed),
            ("params", resumed.params == given.params),
            ("objective", resumed.objective == given.objective),
            ("direction", resumed.direction == given.direction),
        ];
        match same.iter().find(|(name, same)| gives(name) && !same) {
            None => Ok(resumed),
            Some((name, _)) => Err(Error::Usage(format!(
                "sweep.{name} differs from that of the sweep that goes on; leave it out, or start a new sweep"
            ))),
        }
    }
}

impl Direction {
    /// Whether `value` is strictly better than `other`. NaN is worse than any number.
    pub(crate) fn is_better(self, value: f64, other: f64) -> bool {
        match self {
            _ if value.is_nan() => false,
            _ if other.is_nan() => true,
            Self::Maximize => value > other,
            Self::Minimize => value < other,
        }
    }

    /// Word of the direction.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Maximize => "maximize",
            Self::Minimize => "minimize",
        }
    }

    /// Returns the first of the best values and its index; `None` if there is no number.
    pub(crate) fn best(self, values: &[f64]) -> Option<(usize, f64)> {
        let numbers = values.iter().copied().enumerate().filter(|(_, value)| !value.is_nan());
        numbers.reduce(|best, next| if self.is_better(next.1, best.1) { next } else { best })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The default settings.
    pub(in crate::sweep) fn settings() -> Settings {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/hydra/sweep/grid.yaml");
        bcs_config::yaml::read(file.as_ref()).unwrap().decode().unwrap()
    }

    #[test]
    fn the_first_of_the_best_values_is_found() {
        let values = [f64::NAN, 0.3, 0.5, 0.5, 0.1];
        assert_eq!(Direction::Maximize.best(&values), Some((2, 0.5)));
        assert_eq!(Direction::Minimize.best(&values), Some((4, 0.1)));
        assert_eq!(Direction::Minimize.best(&[f64::NAN]), None);
    }

    #[test]
    fn what_concerns_the_machine_may_change_when_a_sweep_goes_on() {
        let given = Settings { n_jobs: Amount::Given(3), seed: 9, memory_mb: None, ..settings() };
        let resumed = |keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| format!("sweep.{key}")).collect();
            settings().resumed(&given, &keys)
        };
        assert_eq!(resumed(&[]).unwrap(), settings());
        let changed = resumed(&["n_jobs", "resume"]).unwrap();
        assert_eq!(changed, Settings { n_jobs: Amount::Given(3), ..settings() });
        assert!(resumed(&["objective"]).is_ok(), "the same objective");
        assert!(resumed(&["seed"]).unwrap_err().to_string().contains("sweep.seed"));
    }

    #[test]
    fn nan_is_worse_than_any_number() {
        for direction in [Direction::Maximize, Direction::Minimize] {
            assert!(direction.is_better(0.0, f64::NAN) && !direction.is_better(f64::NAN, 0.0));
            assert!(!direction.is_better(f64::NAN, f64::NAN));
        }
    }
}
