//! The loop over epochs and steps.

use std::rc::Rc;
use std::time::Instant;

use bcs_data::loader::Batch;
use bcs_data::prefetch::Prefetch;
use bcs_model::optim::{Position, Schedule};
use bcs_model::weights;
use bcs_tracking::Step;

use super::hypertune::Hypertune;
use super::profile;
use super::run::{Run, SCALING};
use super::signals::{self, Signals};
use super::state::State;
use super::step::Stepper;
use super::writer::Writer;
use crate::error::{Error, Result};
use crate::output::progress::Progress;

impl Run<'_> {
    /// Trains from where the run stands to its end, and returns where it stands then.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a checkpoint; [`Error::Diverged`]; [`Error::Distributed`] if a process is lost; errors of
    /// files and libtorch.
    pub(super) fn train(&mut self, mut writer: Option<Writer<'_>>, signals: &Signals) -> Result<State> {
        let hyp = &self.composed.config.train_hyp;
        if let Some(writer) = &writer {
            self.announce(&writer.checkpoints.location());
        }
        let (mut stepper, mut state) = self.start()?;
        let mut hypertune = writer.as_ref().and_then(|_| Hypertune::from_environment());
        let mut ahead = None;
        while state.epoch < hyp.max_epochs {
            if let Some(reason) = self.reason_to_end(&state) {
                println!("training ends: {reason}");
                break;
            }
            if let Some(writer) = &mut writer {
                writer.tracking.begin_epoch(&state);
            }
            let start = Instant::now();
            let batches = ahead
                .take()
                .unwrap_or_else(|| self.feed.epoch(state.epoch as u64, state.batch..self.batches()));
            self.epoch(batches, &mut stepper, &mut state, &mut writer, signals)?;
            // The first batches of the next epoch are made while this one is validated.
            let next = state.epoch + 1;
            let has_next = next < hyp.max_epochs && !self.limit_is_reached(&state);
            ahead = has_next.then(|| self.feed.epoch(next as u64, 0..self.batches()));
            self.profile.since(profile::EPOCH, start);
            let speed = writer.as_ref().map_or([0.0; 2], |writer| writer.tracking.speed(&state));
            let start = Instant::now();
            let epoch = state.epoch;
            let (scores, pictures, model) =
                match stepper.with_average(|| self.validated(epoch, signals, writer.is_some()))? {
                    Err(Error::Interrupted { signal, .. }) => {
                        return Err(self.interrupted(signal, &stepper, &state, writer.as_ref()));
                    }
                    result => result?,
                };
            self.profile.since(profile::VALIDATE, start);
            let start = Instant::now();
            let improved = self.metric.improves(scores.val_metric, state.best_score());
            if let Some(Writer { tracking, .. }) = &mut writer {
                let learning_rate = self.learning_rate(&state, state.step.saturating_sub(1));
                tracking.epoch(&state, learning_rate, speed, &scores, improved);
                tracking.parameters(state.step, self.engine.network())?;
                if improved {
                    tracking.pictures(state.step, pictures);
                }
            }
            if let Some(hypertune) = &mut hypertune {
                hypertune.report(scores.val_metric, epoch, jiff::Timestamp::now())?;
            }
            self.rank(&mut state, scores.val_metric, model.as_ref(), writer.as_ref())?;
            state.patience.update(scores.val_metric, hyp.early_stopping_min_delta);
            if let Schedule::Plateau(arguments) = self.schedule {
                state.plateau.update(&arguments, scores.val_metric);
            }
            state.next_epoch();
            self.save_last(&stepper, &state, Some(scores), writer.as_ref())?;
            self.profile.since(profile::CHECKPOINT, start);
        }
        self.world.barrier("end of training")?;
        if let Some(report) = self.profile.finish() {
            println!("\n{report}");
        }
        Ok(state)
    }

    /// Returns the optimizer, and where the run starts: at the beginning, or at a checkpoint. All processes start as the first
    /// one.
    fn start(&mut self) -> Result<(Stepper, State)> {
        let checkpoint = self.checkpoint.take();
        let (config, network, world) = (&self.composed.config, self.engine.network(), &self.world);
        let name = checkpoint.as_ref().map(|checkpoint| checkpoint.folder.display().to_string());
        let name = name.unwrap_or_default();
        if let Some(checkpoint) = &checkpoint {
            let weights = weights::read_safetensors(&checkpoint.weights, &name)?;
            weights::load_state(network, weights, weights::Load::Strict)?;
        }
        let tensors = network.state().into_values().collect();
        world.broadcast(tensors, "copy of the parameters")?;
        let (hyp, architecture) = (&config.train_hyp, &self.composed.architecture);
        let profile = self.profile.clone();
        let mut stepper =
            Stepper::new(hyp, architecture, network, Rc::clone(&self.loss), SCALING, profile, world)?;
        let state = serde_json::to_vec(&checkpoint.as_ref().map(|checkpoint| &checkpoint.state))?;
        let state = world.broadcast_bytes(state, "copy of the state")?;
        let Some(state) = serde_json::from_slice::<Option<State>>(&state)? else {
            if hyp.resume.is_some() {
                println!("resume      there is no unfinished run; this is a new one\n");
            }
            return Ok((stepper, State::default()));
        };
        let tensors = checkpoint.map(|checkpoint| checkpoint.tensors).unwrap_or_default();
        stepper.load(&world.broadcast_bytes(tensors, "copy of the optimizer")?, &name)?;
        let State { epoch, batch, step, .. } = state;
        println!("resume      {name}, epoch {epoch:02}, batch {batch}, step {step}\n");
        Ok((stepper, state))
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

    /// Trains on the batches that are left of an epoch, or until the largest number of steps, or the time, is reached.
    fn epoch(
        &self,
        mut batches: Prefetch<Batch>,
        stepper: &mut Stepper,
        state: &mut State,
        writer: &mut Option<Writer<'_>>,
        signals: &Signals,
    ) -> Result<()> {
        let hyp = &self.composed.config.train_hyp;
        let count = self.batches();
        let progress =
            Progress::silent_in_logs(format!("Epoch {:02} training", state.epoch), count, "batches");
        progress.skip(state.batch);
        let mut clock = Instant::now();
        while state.batch < count && !self.limit_is_reached(state) {
            let start = Instant::now();
            let group = hyp.accumulate_grad_batches.min(count - state.batch);
            let learning_rate = self.learning_rate(state, state.step);
            let (mut losses, mut tiles) = (Vec::new(), Vec::new());
            for part in 0..group {
                let next = || match writer {
                    Some(writer) => writer.tracking.wait(|| batches.next()),
                    None => batches.next(),
                };
                let Some(batch) = self.profile.time(profile::WAIT, next) else { break };
                let (batch, at) = (batch?, [state.step, part]);
                losses.push(stepper.accumulate(self.engine.network(), &batch, at, part + 1 == group)?);
                tiles.push(batch.part.total);
                progress.step();
            }
            let signal = self.agree(&mut losses, state, clock, signals)?;
            clock = Instant::now();
            for (loss, tiles) in losses.iter().zip(tiles) {
                if !loss.is_finite() {
                    let (loss, epoch, batch) = (*loss, state.epoch, state.batch);
                    return Err(Error::Diverged { loss, epoch, batch, learning_rate: hyp.learning_rate });
                }
                state.loss_sum += loss * tiles as f64;
                state.tiles += tiles;
                state.batch += 1;
            }
            progress.message(format!("loss {:.4}", state.loss()));
            let gradient_norm = stepper.step(group, learning_rate)?;
            state.step += 1;
            if let Some(writer) = writer {
                let loss = losses.iter().sum::<f64>() / group as f64;
                writer.tracking.step(state.step, Step { loss, learning_rate, gradient_norm });
            }
            self.profile.since(profile::STEP, start);
            if let Some(signal) = signal {
                return Err(self.interrupted(signal, stepper, state, writer.as_ref()));
            }
            let is_due = |steps: usize| state.step.is_multiple_of(steps) && state.batch < count;
            if hyp.checkpoint.every_n_train_steps.is_some_and(is_due) {
                self.profile
                    .time(profile::CHECKPOINT, || self.save_last(stepper, state, None, writer.as_ref()))?;
            }
        }
        Ok(())
    }

    /// Agrees with the other processes on the losses of a step, of which each has its part, on the time, and on whether a
    /// signal ends the run. `clock` is the time of the last agreement.
    fn agree(
        &self,
        losses: &mut [f64],
        state: &mut State,
        clock: Instant,
        signals: &Signals,
    ) -> Result<Option<u8>> {
        let is_first = f64::from(self.world.is_first());
        let seconds = (state.seconds + clock.elapsed().as_secs_f64()) * is_first;
        let parts = [&*losses, &signals::counts(signals.received())[..], &[seconds]].concat();
        let sums = self.world.sum(parts, "agreement on a step")?;
        let (agreed, [counts @ .., seconds]) = sums.split_at(losses.len()) else { return Ok(None) };
        losses.copy_from_slice(agreed);
        state.seconds = *seconds;
        Ok(signals::counted(counts))
    }

    /// Number of batches of an epoch.
    fn batches(&self) -> usize {
        let all = self.feed.batches();
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
        let of_batch = self.world.learning_rate_factor(&hyp.distributed);
        hyp.learning_rate * of_batch * factor * state.plateau.factor
    }
}
