//! Where a run stands: what a checkpoint holds besides tensors.

use std::path::PathBuf;

use bcs_model::optim::Plateau;
use serde::{Deserialize, Serialize};

/// Version of the format.
pub(super) const FORMAT_VERSION: u32 = 1;

/// Where a run stands. All random choices follow from the seed, the epoch and the step, so that there is no state of a
/// random generator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Version of the format.
    pub format_version: u32,
    /// Current epoch, from 0.
    pub epoch: usize,
    /// Number of batches of the epoch that were trained on.
    pub batch: usize,
    /// Number of optimization steps taken.
    pub step: usize,
    /// Sum of the loss over the tiles of the epoch.
    pub loss_sum: f64,
    /// Number of tiles of the epoch that were trained on.
    pub tiles: usize,
    /// Seconds of training.
    pub seconds: f64,
    /// Best models, the best one first.
    pub best: Vec<Best>,
    /// Early stopping.
    pub patience: Patience,
    /// State of the schedule `plateau`.
    pub plateau: Plateau,
}

/// What early stopping remembers, as Lightning's `EarlyStopping`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patience {
    /// Best score that counted as an improvement.
    best: Option<f64>,
    /// Number of epochs since.
    pub epochs: usize,
}

impl Patience {
    /// Takes the score of an epoch into account: it counts if it exceeds the best one by `min_delta`.
    pub(super) fn update(&mut self, score: f64, min_delta: f64) {
        if self.best.is_none_or(|best| score - min_delta > best) {
            *self = Self { best: Some(score), epochs: 0 };
        } else {
            self.epochs += 1;
        }
    }
}

/// A model among the best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Best {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Score on the validation tiles.
    pub val_metric: f64,
    /// Folder of the model in that of the checkpoints.
    pub folder: PathBuf,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            epoch: 0,
            batch: 0,
            step: 0,
            loss_sum: 0.0,
            tiles: 0,
            seconds: 0.0,
            best: Vec::new(),
            patience: Patience::default(),
            plateau: Plateau::default(),
        }
    }
}

impl State {
    /// Returns the mean loss over the tiles of the epoch.
    pub(super) fn loss(&self) -> f64 {
        self.loss_sum / self.tiles as f64
    }

    /// Returns the score of the best model.
    pub(super) fn best_score(&self) -> Option<f64> {
        self.best.first().map(|best| best.val_metric)
    }

    /// Puts a model among the `most` best ones, if it is one, and returns those that are no longer. Of equal scores, the
    /// older model is better.
    pub(super) fn rank(&mut self, model: Best, most: usize) -> Vec<Best> {
        let at = self.best.partition_point(|best| best.val_metric >= model.val_metric);
        if at < most {
            self.best.insert(at, model);
        }
        self.best.split_off(self.best.len().min(most))
    }

    /// Goes on to the next epoch.
    pub(super) fn next_epoch(&mut self) {
        self.epoch += 1;
        self.batch = 0;
        self.loss_sum = 0.0;
        self.tiles = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_to_the_bit() {
        let state = State { loss_sum: 0.1 + 0.2, seconds: 1.0 / 3.0, ..State::default() };
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
    }

    #[test]
    fn small_improvements_do_not_count_for_patience() {
        let mut patience = Patience::default();
        let epochs = [0.5, 0.52, 0.54, 0.56, 0.1].map(|score| {
            patience.update(score, 0.05);
            patience.epochs
        });
        assert_eq!(epochs, [0, 1, 2, 0, 1]);
    }

    #[test]
    fn the_best_models_are_kept() {
        let mut state = State::default();
        let model =
            |epoch: usize, val_metric: f64| Best { epoch, val_metric, folder: epoch.to_string().into() };
        let mut evicted = Vec::new();
        for (epoch, score) in [0.1, 0.3, 0.2, 0.3, 0.4].into_iter().enumerate() {
            evicted.extend(state.rank(model(epoch, score), 2).iter().map(|best| best.epoch));
        }
        assert_eq!(state.best.iter().map(|best| best.epoch).collect::<Vec<_>>(), [4, 1]);
        assert_eq!(evicted, [0, 2, 3]);
    }
}
