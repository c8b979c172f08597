//! The loop over epochs and steps.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use bcs_contracts::keys;
use bcs_data::Tile;
use bcs_inference::Segmentation;
use bcs_model::optim::{Position, Schedule};
use bcs_model::weights;
use bcs_tracking::{Picture, Step};

use super::checkpoint::{Checkpoints, Resumable, Snapshot};
use super::hypertune::Hypertune;
use super::profile;
use super::run::{EXAMPLES, Run, SCALING, batching};
use super::signals::Signals;
use super::state::{Best, State};
use super::step::Stepper;
use super::tracking::Tracking;
use super::validate::{Scores, validate};
use crate::error::{Error, Result};
use crate::output::progress::Progress;
use crate::output::sheet::{Example, evenly_spaced};

impl Run<'_> {
    /// Trains from where the run stands to its end, and returns where it stands then.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a checkpoint; [`Error::Diverged`]; errors of files and libtorch.
    pub(super) fn train(
        &mut self,
        checkpoints: &Checkpoints,
        tracking: &mut Tracking,
        signals: &Signals,
    ) -> Result<State> {
        let hyp = &self.composed.config.train_hyp;
        self.announce(&checkpoints.location());
        let (mut stepper, mut state) = self.start()?;
        let mut hypertune = Hypertune::from_environment();
        while state.epoch < hyp.max_epochs {
            if let Some(reason) = self.reason_to_end(&state) {
                println!("training ends: {reason}");
                break;
            }
            tracking.begin_epoch(&state);
            let start = Instant::now();
            self.epoch(&mut stepper, &mut state, checkpoints, tracking, signals)?;
            self.profile.since(profile::EPOCH, start);
            let speed = tracking.speed(&state);
            let start = Instant::now();
            let epoch = state.epoch;
            let scores = match stepper.with_average(|| -> Result<(Scores, Vec<Picture>, Snapshot)> {
                let (scores, pictures) = self.validate(epoch, signals)?;
                let snapshot = Snapshot::new(self.engine.network(), Some(scores.clone()), epoch)?;
                Ok((scores, pictures, snapshot))
            })? {
                Err(Error::Interrupted { signal, .. }) => {
                    return Err(self.interrupted(signal, &stepper, &state, checkpoints, tracking));
                }
                result => result,
            };
            let (scores, pictures, model) = scores?;
            self.profile.since(profile::VALIDATE, start);
            let start = Instant::now();
            let improved = self.metric.improves(scores.val_metric, state.best_score());
            let learning_rate = self.learning_rate(&state, state.step.saturating_sub(1));
            tracking.epoch(&state, learning_rate, speed, &scores, improved);
            tracking.parameters(state.step, self.engine.network())?;
            if improved {
                tracking.pictures(state.step, pictures);
            }
            if let Some(hypertune) = &mut hypertune {
                hypertune.report(scores.val_metric, epoch, jiff::Timestamp::now())?;
            }
            self.rank(&mut state, &model, checkpoints)?;
            state.patience.update(scores.val_metric, hyp.early_stopping_min_delta);
            if let Schedule::Plateau(arguments) = self.schedule {
                state.plateau.update(&arguments, scores.val_metric);
            }
            state.next_epoch();
            self.save_last(&stepper, &state, Some(scores), checkpoints, tracking)?;
            self.profile.since(profile::CHECKPOINT, start);
        }
        if let Some(report) = self.profile.finish()? {
            println!("\n{report}");
        }
        Ok(state)
    }

    /// Returns the optimizer, and where the run starts: at the beginning, or at a checkpoint.
    fn start(&mut self) -> Result<(Stepper, State)> {
        let checkpoint = self.checkpoint.take();
        let (config, network) = (&self.composed.config, self.engine.network());
        let name = checkpoint.as_ref().map(|checkpoint| checkpoint.folder.display().to_string());
        let name = name.unwrap_or_default();
        if let Some(checkpoint) = &checkpoint {
            let weights = weights::read_safetensors(&checkpoint.weights, &name)?;
            weights::load_state(network, weights, weights::Load::Strict)?;
        }
        let (hyp, architecture) = (&config.train_hyp, &self.composed.architecture);
        let profile = self.profile.clone();
        let mut stepper = Stepper::new(hyp, architecture, network, Rc::clone(&self.loss), SCALING, profile)?;
        let Some(checkpoint) = checkpoint else {
            if hyp.resume.is_some() {
                println!("resume      there is no unfinished run; this is a new one\n");
            }
            return Ok((stepper, State::default()));
        };
        stepper.load(&checkpoint.tensors, &name)?;
        let State { epoch, batch, step, .. } = checkpoint.state;
        println!("resume      {name}, epoch {epoch:02}, batch {batch}, step {step}\n");
        Ok((stepper, checkpoint.state))
    }

    /// Returns why no further epoch begins.
    fn reason_to_end(&self, state: &State) -> Option<String> {
        let patience = self.composed.config.train_hyp.early_stopping_patience;
        if state.batch > 0 {
            None
        } else if self.limit_is_reached(state) {
            Some("train_hyp.max_steps or train_hyp.max_time is reached".to_owned())
        } else {
            let epochs = state.patience.epochs;
            patience
                .filter(|patience| epochs >= *patience)
                .map(|_| format!("no better val_metric in {epochs} epochs"))
        }
    }

    /// Trains on the rest of an epoch, or until the largest number of steps, or the time, is reached.
    fn epoch(
        &self,
        stepper: &mut Stepper,
        state: &mut State,
        checkpoints: &Checkpoints,
        tracking: &mut Tracking,
        signals: &Signals,
    ) -> Result<()> {
        let hyp = &self.composed.config.train_hyp;
        let count = self.batches();
        let progress =
            Progress::silent_in_logs(format!("Epoch {:02} training", state.epoch), count, "batches");
        progress.skip(state.batch);
        let mut batches = self.loader.epoch(state.epoch as u64, state.batch..count);
        while state.batch < count && !self.limit_is_reached(state) {
            let start = Instant::now();
            let group = hyp.accumulate_grad_batches.min(count - state.batch);
            let learning_rate = self.learning_rate(state, state.step);
            let mut losses = 0.0;
            for part in 0..group {
                let next = || tracking.wait(|| batches.next());
                let Some(batch) = self.profile.time(profile::WAIT, next) else { break };
                let batch = batch?;
                let loss = stepper.accumulate(self.engine.network(), &batch, [state.step, part])?;
                if !loss.is_finite() {
                    let (epoch, batch) = (state.epoch, state.batch);
                    return Err(Error::Diverged { loss, epoch, batch, learning_rate: hyp.learning_rate });
                }
                losses += loss;
                state.loss_sum += loss * batch.len as f64;
                state.tiles += batch.len;
                state.batch += 1;
                progress.message(format!("loss {:.4}", state.loss()));
                progress.step();
            }
            let gradient_norm = stepper.step(group, learning_rate)?;
            state.step += 1;
            tracking.step(state.step, Step { loss: losses / group as f64, learning_rate, gradient_norm });
            state.seconds += start.elapsed().as_secs_f64();
            self.profile.since(profile::STEP, start);
            if let Some(signal) = signals.received() {
                return Err(self.interrupted(signal, stepper, state, checkpoints, tracking));
            }
            let is_due = |steps: usize| state.step.is_multiple_of(steps) && state.batch < count;
            if hyp.checkpoint.every_n_train_steps.is_some_and(is_due) {
                self.profile.time(profile::CHECKPOINT, || {
                    self.save_last(stepper, state, None, checkpoints, tracking)
                })?;
            }
        }
        Ok(())
    }

    /// Number of batches of an epoch.
    fn batches(&self) -> usize {
        let all = self.loader.batches();
        self.composed.config.train_hyp.limit_train_batches.map_or(all, |limit| limit.of(all))
    }

    fn limit_is_reached(&self, state: &State) -> bool {
        let hyp = &self.composed.config.train_hyp;
        hyp.max_steps.is_some_and(|most| state.step >= most)
            || hyp.max_time.is_some_and(|most| state.seconds >= most.0.as_secs_f64())
    }

    /// Returns the learning rate of a step.
    fn learning_rate(&self, state: &State, step: usize) -> f64 {
        let hyp = &self.composed.config.train_hyp;
        let per_epoch = self.batches().div_ceil(hyp.accumulate_grad_batches);
        let all = hyp.max_epochs * per_epoch;
        let steps = hyp.max_steps.map_or(all, |most| all.min(most));
        let position = Position { step, steps, epoch: state.epoch };
        let factor = self.schedule.factor_after_warmup(position, hyp.warmup_steps);
        hyp.learning_rate * factor * state.plateau.factor
    }

    /// Saves a model if it is among the best, in place of one that no longer is.
    fn rank(&self, state: &mut State, model: &Snapshot, checkpoints: &Checkpoints) -> Result<()> {
        let score = model.scores.as_ref().map_or(f64::NAN, |scores| scores.val_metric);
        let folder = PathBuf::from(keys::checkpoint(model.epoch, score));
        let best = Best { epoch: model.epoch, val_metric: score, folder };
        let evicted = state.rank(best.clone(), self.composed.config.train_hyp.checkpoint.save_top_k);
        if state.best.contains(&best) {
            checkpoints.save_best(model, &best)?;
        }
        evicted.iter().try_for_each(|best| checkpoints.remove(best))
    }

    fn save_last(
        &self,
        stepper: &Stepper,
        state: &State,
        scores: Option<Scores>,
        checkpoints: &Checkpoints,
        tracking: &Tracking,
    ) -> Result<()> {
        let model = Snapshot::new(self.engine.network(), scores, state.epoch)?;
        let resumable = Resumable { state, tensors: stepper.state()?, metrics: tracking.metrics() };
        checkpoints.save_last(&model, resumable, self.composed.config.train_hyp.checkpoint.keep_last)
    }

    /// Writes a checkpoint, and returns the error that ends the run.
    fn interrupted(
        &self,
        signal: u8,
        stepper: &Stepper,
        state: &State,
        checkpoints: &Checkpoints,
        tracking: &Tracking,
    ) -> Error {
        match self.save_last(stepper, state, None, checkpoints, tracking) {
            Ok(()) => Error::Interrupted { signal, checkpoint: checkpoints.last().unwrap_or_default() },
            Err(error) => error,
        }
    }

    /// Scores the model on the validation tiles, and returns some of them as pictures.
    fn validate(&mut self, epoch: usize, signals: &Signals) -> Result<(Scores, Vec<Picture>)> {
        let tiles = &self.dataset.validation;
        let progress = Progress::silent_in_logs(format!("Epoch {epoch:02} validating"), tiles.len(), "tiles");
        let batching = batching(self.composed);
        let shown = evenly_spaced(EXAMPLES, tiles.len());
        let mut pictures = Vec::new();
        let visit = |index: usize, tile: &Tile, segmentation: &Segmentation| {
            if shown.contains(&index) {
                let example = Example::new(&tile.to_image(), &tile.to_mask(), &segmentation.mask);
                pictures.push(example.into_picture(tiles.name(index).to_owned()));
            }
            match signals.received() {
                Some(signal) => Err(Error::Interrupted { signal, checkpoint: PathBuf::new() }),
                None => Ok(()),
            }
        };
        let scores = validate(&mut self.engine, tiles, &self.map, &self.metric, batching, &progress, visit)?;
        Ok((scores, pictures))
    }
}
