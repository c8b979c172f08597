//! One pass over the training tiles.

use anyhow::{Result, bail};
use bcs_contracts::package::Scaling;
use bcs_data::loader::{Batch, Loader};
use bcs_model::losses::Loss;
use bcs_model::nets::Network;
use bcs_model::preprocess::to_input;
use tch::nn::Optimizer;
use tch::{Kind, Tensor};

use super::profile::Profile;
use super::schedule::learning_rate;
use crate::config::TrainHyp;
use crate::output::progress::Progress;

/// What an epoch needs and changes.
pub(super) struct Epochs<'a> {
    /// How is trained.
    pub hyp: &'a TrainHyp,
    /// The tiles.
    pub loader: &'a Loader,
    /// What is minimised.
    pub loss: &'a dyn Loss,
    /// What a byte becomes.
    pub scaling: &'a Scaling,
    /// Batches of an epoch.
    pub batches: usize,
    /// Makes steps of gradients.
    pub optimizer: Optimizer,
    /// Where the time goes.
    pub profile: Profile,
}

/// What came of an epoch.
pub(super) struct Learnt {
    /// Mean over the tiles.
    pub loss: f64,
    /// Of the last step.
    pub learning_rate: f64,
    /// Seen.
    pub tiles: usize,
}

impl Epochs<'_> {
    /// Trains a network for one epoch, counted from 0.
    pub(super) fn run(&mut self, network: &Network, epoch: usize) -> Result<Learnt> {
        let label = format!("Epoch {epoch:02} learning");
        let progress = Progress::silent_in_logs(label, self.batches, "batches");
        let mut batches = self.loader.epoch(epoch as u64, self.batches);
        let (mut sum, mut tiles, mut rate) = (0.0, 0, 0.0);
        for index in 0..self.batches {
            let Some(batch) = self.profile.time("wait for data", || batches.next()) else {
                bail!("a data worker ended before its time; what it said stands above");
            };
            let batch = batch?;
            let step = epoch * self.batches + index;
            let steps = self.hyp.max_epochs * self.batches;
            rate = learning_rate(self.hyp.scheduler, self.hyp.learning_rate, step, steps);
            self.optimizer.set_lr(rate);
            let loss = self.step(network, &batch)?;
            if !loss.is_finite() {
                bail!(
                    "the loss is {loss} in epoch {epoch}, batch {index}; a smaller train_hyp.learning_rate than {} helps",
                    self.hyp.learning_rate
                );
            }
            sum += loss * batch.len as f64;
            tiles += batch.len;
            progress.message(format!("loss {:.4}", sum / tiles as f64));
            progress.step();
        }
        Ok(Learnt { loss: sum / tiles as f64, learning_rate: rate, tiles })
    }

    fn step(&mut self, network: &Network, batch: &Batch) -> Result<f64> {
        let shape = [batch.len, batch.height, batch.width];
        let device = network.device();
        let (input, target) = self.profile.time("to tensors", || -> Result<_> {
            let input = to_input(&batch.pixels, shape, network.in_channels(), self.scaling, device)?;
            let sizes = shape.map(|length| length as i64);
            let target = Tensor::f_from_data_size(&batch.classes, &sizes, Kind::Uint8)?;
            Ok((input, target.f_to_device(device)?.f_to_kind(Kind::Int64)?))
        })?;
        let logits = self.profile.time("forward", || network.forward(&input, true))?;
        let loss = self.profile.time("loss", || self.loss.forward(&logits, &target))?;
        self.profile.time("backward", || -> Result<()> {
            self.optimizer.zero_grad();
            Ok(loss.f_backward()?)
        })?;
        self.profile.time("optimizer step", || self.optimizer.step());
        Ok(loss.f_double_value(&[])?)
    }
}
