//! What a run keeps: its best models and its newest checkpoints. Only the first process writes.

use std::path::PathBuf;

use bcs_contracts::keys;

use super::checkpoint::{Resumable, Snapshot};
use super::run::Run;
use super::state::{Best, State};
use super::step::Stepper;
use super::validate::Scores;
use super::writer::Writer;
use crate::error::{Error, Result};

impl Run<'_> {
    /// Saves a model if it is among the best, in place of one that no longer is.
    pub(super) fn rank(
        &self,
        state: &mut State,
        val_metric: f64,
        model: Option<&Snapshot>,
        writer: Option<&Writer<'_>>,
    ) -> Result<()> {
        let folder = PathBuf::from(keys::checkpoint(state.epoch, val_metric));
        let best = Best { epoch: state.epoch, val_metric, folder };
        let evicted = state.rank(best.clone(), self.composed.config.train_hyp.checkpoint.save_top_k);
        let (Some(Writer { checkpoints, .. }), Some(model)) = (writer, model) else { return Ok(()) };
        if state.best.contains(&best) {
            checkpoints.save_best(model, &best)?;
        }
        evicted.iter().try_for_each(|best| checkpoints.remove(best))
    }

    pub(super) fn save_last(
        &self,
        stepper: &Stepper,
        state: &State,
        scores: Option<Scores>,
        writer: Option<&Writer<'_>>,
    ) -> Result<()> {
        let Some(Writer { checkpoints, tracking }) = writer else { return Ok(()) };
        let model = Snapshot::new(self.engine.network(), scores, state.epoch)?;
        let resumable = Resumable { state, tensors: stepper.state()?, metrics: tracking.metrics() };
        checkpoints.save_last(&model, resumable, self.composed.config.train_hyp.checkpoint.keep_last)
    }

    /// Writes a checkpoint, and returns the error that ends the run.
    pub(super) fn interrupted(
        &self,
        signal: u8,
        stepper: &Stepper,
        state: &State,
        writer: Option<&Writer<'_>>,
    ) -> Error {
        let last = || writer.and_then(|writer| writer.checkpoints.last()).unwrap_or_default();
        match self.save_last(stepper, state, None, writer) {
            Ok(()) => Error::Interrupted { signal, checkpoint: last() },
            Err(error) => error,
        }
    }
}
