//! Optimization steps and epochs.

use std::rc::Rc;

use bcs_contracts::package::Scaling;
use bcs_data::loader::{Batch, Loader};
use bcs_model::losses::DeepSupervisionLoss;
use bcs_model::nets::Network;
use bcs_model::preprocess::to_input;
use tch::nn::{self, Optimizer, OptimizerConfig};
use tch::{Kind, Tensor};

use super::profile::Profile;
use super::schedule::learning_rate;
use crate::config::{self, TrainHyp};
use crate::error::{Error, Result};
use crate::output::progress::Progress;

/// Optimizes a network on batches.
pub(super) struct Stepper {
    loss: Rc<DeepSupervisionLoss>,
    scaling: Scaling,
    optimizer: Optimizer,
    /// Time spent per action.
    pub profile: Profile,
}

/// Statistics of a training epoch.
pub(super) struct EpochStatistics {
    /// Mean loss over the tiles.
    pub loss: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Number of tiles.
    pub tiles: usize,
}

impl Stepper {
    /// Creates the optimizer of a network.
    ///
    /// # Errors
    /// [`Error::Model`] if libtorch fails.
    pub(super) fn new(
        hyp: &TrainHyp,
        network: &Network,
        loss: Rc<DeepSupervisionLoss>,
        scaling: Scaling,
    ) -> Result<Self> {
        let (variables, rate) = (network.variables(), hyp.learning_rate);
        let optimizer = match hyp.optimizer {
            config::Optimizer::Adam => {
                nn::Adam { wd: hyp.weight_decay.unwrap_or(0.0), ..nn::Adam::default() }.build(variables, rate)
            }
            config::Optimizer::AdamW => {
                nn::AdamW { wd: hyp.weight_decay.unwrap_or(0.01), ..nn::AdamW::default() }
                    .build(variables, rate)
            }
        }?;
        Ok(Self { loss, scaling, optimizer, profile: Profile::default() })
    }

    /// Trains a network for one epoch, counted from 0.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the loss is not finite; [`Error::Data`] and [`Error::Model`].
    pub(super) fn epoch(
        &mut self,
        network: &Network,
        loader: &Loader,
        hyp: &TrainHyp,
        epoch: usize,
    ) -> Result<EpochStatistics> {
        let count = hyp.limit_train_batches.map_or(loader.batches(), |limit| limit.of(loader.batches()));
        let progress = Progress::silent_in_logs(format!("Epoch {epoch:02} training"), count, "batches");
        let mut batches = loader.epoch(epoch as u64, count);
        let (mut sum, mut tiles, mut rate) = (0.0, 0, hyp.learning_rate);
        let mut index = 0;
        while let Some(batch) = self.profile.time("wait for data", || batches.next()) {
            let batch = batch?;
            rate = learning_rate(
                hyp.scheduler,
                hyp.learning_rate,
                epoch * count + index,
                hyp.max_epochs * count,
            );
            self.optimizer.set_lr(rate);
            let loss = self.step(network, &batch)?;
            if !loss.is_finite() {
                return Err(Error::Diverged { loss, epoch, batch: index, learning_rate: hyp.learning_rate });
            }
            sum += loss * batch.len as f64;
            tiles += batch.len;
            index += 1;
            progress.message(format!("loss {:.4}", sum / tiles as f64));
            progress.step();
        }
        Ok(EpochStatistics { loss: sum / tiles as f64, learning_rate: rate, tiles })
    }

    /// Takes one optimization step and returns the loss.
    ///
    /// # Errors
    /// [`Error::Model`] if the network refuses the batch or libtorch fails.
    pub(super) fn step(&mut self, network: &Network, batch: &Batch) -> Result<f64, bcs_model::Error> {
        let shape = [batch.len, batch.height, batch.width];
        let device = network.device();
        let (input, target) = self.profile.time("to tensors", || -> Result<_, bcs_model::Error> {
            let input = to_input(&batch.pixels, shape, network.in_channels(), &self.scaling, device)?;
            let sizes = shape.map(|length| length as i64);
            let target = Tensor::f_from_data_size(&batch.classes, &sizes, Kind::Uint8)?;
            Ok((input, target.f_to_device(device)?.f_to_kind(Kind::Int64)?))
        })?;
        let outputs = self.profile.time("forward", || network.outputs(&input, true))?;
        let loss = self.profile.time("loss", || match &outputs[..] {
            [logits] => self.loss.loss().forward(logits, &target),
            outputs => self.loss.forward(outputs, &target),
        })?;
        self.profile.time("backward", || -> Result<(), bcs_model::Error> {
            self.optimizer.zero_grad();
            Ok(loss.f_backward()?)
        })?;
        self.profile.time("optimizer step", || self.optimizer.step());
        Ok(loss.f_double_value(&[])?)
    }
}
