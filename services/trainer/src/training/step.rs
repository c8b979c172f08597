//! Optimization steps.

use std::rc::Rc;

use bcs_contracts::package::{Architecture, Scaling};
use bcs_data::loader::Batch;
use bcs_model::losses::DeepSupervisionLoss;
use bcs_model::nets::Network;
use bcs_model::optim::{Algorithm, Average, Optimizer, Parameters};
use bcs_model::preprocess::{to_channels_last, to_input};
use tch::{Kind, Tensor};

use super::profile::Profile;
use super::ranks::Ranks;
use super::twin::Twin;
use crate::config::{ClipAlgorithm, Precision, TrainHyp};
use crate::distributed::World;
use crate::error::Result;

/// Optimizes a network on batches.
pub(super) struct Stepper {
    loss: Rc<DeepSupervisionLoss>,
    scaling: Scaling,
    clip: Option<(ClipAlgorithm, f64)>,
    seed: i64,
    parameters: Parameters,
    optimizer: Optimizer,
    average: Option<Average>,
    twin: Option<Twin>,
    /// The other processes; `None` if there are none.
    ranks: Option<Ranks>,
    /// Sum of the gradients of the batches of the current step.
    gradient: Option<Tensor>,
    profile: Profile,
}

impl Stepper {
    /// Creates the optimizer of a network, whose parameters must have their first values.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] if no parameter is trainable; [`crate::error::Error::Distributed`].
    pub(super) fn new(
        hyp: &TrainHyp,
        architecture: &Architecture,
        network: &Network,
        loss: Rc<DeepSupervisionLoss>,
        scaling: Scaling,
        profile: Profile,
        world: &World,
    ) -> Result<Self> {
        let parameters = Parameters::new(network)?;
        let twin = match hyp.precision {
            Precision::Float32 => None,
            Precision::Bf16Mixed => Some(Twin::new(architecture, network)?),
        };
        let tensors = twin.as_ref().map_or(parameters.tensors(), Twin::tensors);
        let ranks = Ranks::new(world, tensors, &hyp.distributed)?;
        let algorithm = Algorithm::new(&hyp.optimizer, hyp.weight_decay, &hyp.optimizer_arguments)?;
        Ok(Self {
            loss,
            scaling,
            clip: hyp.gradient_clip_val.map(|value| (hyp.gradient_clip_algorithm, value)),
            // What dropout drops differs from process to process.
            seed: hyp.seed.wrapping_add(world.rank() as i64),
            optimizer: Optimizer::new(algorithm, &parameters)?,
            average: hyp.ema_decay.map(|decay| Average::new(decay, &parameters)).transpose()?,
            twin,
            ranks,
            parameters,
            gradient: None,
            profile,
        })
    }

    /// Adds the gradient of a batch to that of the step, and returns the part of this process in the mean loss: its own,
    /// weighted by its share of the tiles. `step` is the number of steps taken before: it determines what dropout drops,
    /// with the seed and `part`, the number of batches of the step before this one. With the last batch of the step,
    /// processes sum their gradients.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] if the network refuses the batch or libtorch fails;
    /// [`crate::error::Error::Distributed`] if a process is lost.
    pub(super) fn accumulate(
        &mut self,
        network: &Network,
        batch: &Batch,
        [step, part]: [usize; 2],
        is_last: bool,
    ) -> Result<f64> {
        tch::manual_seed(mixed(self.seed, step as u64, part as u64));
        let shape = [batch.len, batch.height, batch.width];
        let device = network.device();
        let half = self.twin.is_some();
        let to_target = |classes: &[u8]| -> Result<Tensor, bcs_model::Error> {
            let target = Tensor::f_from_data_size(classes, &shape.map(|length| length as i64), Kind::Uint8)?;
            Ok(target.f_to_device(device)?.f_to_kind(Kind::Int64)?)
        };
        let (input, target, second) = self.profile.time("copy", || -> Result<_, bcs_model::Error> {
            let input = match network.prefers_channels_last() {
                true => to_channels_last(&batch.pixels, shape, &self.scaling, half)?,
                false => {
                    let input = to_input(&batch.pixels, shape, network.in_channels(), &self.scaling, device)?;
                    if half { input.f_to_kind(Kind::BFloat16)? } else { input }
                }
            };
            let mixed = batch.mixed.as_ref();
            let second =
                mixed.map(|mixed| Ok::<_, bcs_model::Error>((to_target(&mixed.classes)?, mixed.weight)));
            Ok((input, to_target(&batch.classes)?, second.transpose()?))
        })?;
        if let Some(twin) = &mut self.twin {
            self.profile.time("copy of parameters", || twin.take_over(&self.parameters))?;
        }
        let network = self.twin.as_ref().map_or(network, Twin::network);
        let outputs = self.profile.time("forward", || -> Result<Vec<Tensor>, bcs_model::Error> {
            let forward = || network.outputs(&input, true);
            let outputs = match &self.ranks {
                None => forward(),
                Some(ranks) => ranks.with_common_statistics(&batch.part, forward),
            }?;
            Ok(outputs.iter().map(bcs_torch::planes).collect::<Result<_, _>>()?)
        });
        let outputs = Ranks::explain(self.ranks.as_ref(), outputs)?;
        let loss = self.profile.time("loss", || -> Result<Tensor, bcs_model::Error> {
            let loss = loss(&self.loss, &outputs, &target)?;
            let Some((target, weight)) = &second else { return Ok(loss) };
            let other = self::loss(&self.loss, &outputs, target)?;
            Ok(loss.f_mul_scalar(*weight)?.f_add(&other.f_mul_scalar(1.0 - weight)?)?)
        })?;
        let weight = batch.part.weight();
        let value = loss.f_double_value(&[])? * weight;
        self.profile.time("backward", || -> Result<()> {
            match &self.ranks {
                None => Ok(loss.f_backward()?),
                Some(ranks) => ranks.backward(&loss.f_mul_scalar(weight)?, is_last, &self.profile),
            }
        })?;
        // Processes sum the gradients of the whole step, which are in the tensors until then.
        if self.ranks.is_none() || is_last {
            self.take_gradient()?;
        }
        if let Some(twin) = &mut self.twin {
            twin.return_statistics()?;
        }
        Ok(value)
    }

    /// Moves the gradient of the tensors to that of the step.
    fn take_gradient(&mut self) -> Result<(), bcs_model::Error> {
        let tensors = self.twin.as_ref().map_or(self.parameters.tensors(), Twin::tensors);
        let gradient = Parameters::gradient(tensors)?;
        tensors.iter().for_each(|tensor| tensor.shallow_clone().zero_grad());
        self.gradient = Some(match self.gradient.take() {
            None => gradient,
            Some(mut sum) => sum.f_add_(&gradient)?,
        });
        Ok(())
    }

    /// Takes a step with the mean gradient of `batches` batches, and returns the norm of the gradient before clipping.
    ///
    /// # Errors
    /// [`bcs_model::Error::Torch`].
    pub(super) fn step(
        &mut self,
        batches: usize,
        learning_rate: f64,
    ) -> Result<Option<f64>, bcs_model::Error> {
        let Some(mut gradient) = self.gradient.take() else { return Ok(None) };
        if batches > 1 {
            gradient = gradient.f_div_scalar_(batches as f64)?;
        }
        let norm = gradient.f_norm()?.f_double_value(&[])?;
        let gradient = match self.clip {
            None => gradient,
            Some((ClipAlgorithm::Value, most)) => gradient.f_clamp_(-most, most)?,
            Some((ClipAlgorithm::Norm, most)) => {
                // As torch.nn.utils.clip_grad_norm_.
                let factor = most / (norm + 1e-6);
                if factor < 1.0 { gradient.f_mul_scalar_(factor)? } else { gradient }
            }
        };
        self.profile
            .time("optimizer step", || self.optimizer.step(&mut self.parameters, &gradient, learning_rate))?;
        if let Some(average) = &mut self.average {
            self.profile.time("average", || average.update(&self.parameters))?;
        }
        Ok(Some(norm))
    }

    /// Puts the averages of the parameters into the network while `work` runs, if there are averages.
    ///
    /// # Errors
    /// [`bcs_model::Error::Torch`].
    pub(super) fn with_average<T>(&mut self, work: impl FnOnce() -> T) -> Result<T, bcs_model::Error> {
        let Some(average) = &self.average else { return Ok(work()) };
        let trained = self.parameters.replace(average.vector())?;
        let result = work();
        _ = self.parameters.replace(&trained)?;
        Ok(result)
    }

    /// Returns the state of optimizer and averages.
    ///
    /// # Errors
    /// [`bcs_model::Error::Torch`]; [`bcs_model::Error::Weights`].
    pub(super) fn state(&self) -> Result<Vec<u8>, bcs_model::Error> {
        let mut state = self.optimizer.state(&self.parameters)?;
        if let Some(average) = &self.average {
            state.extend(average.state(&self.parameters)?);
        }
        bcs_model::weights::tensors_to_safetensors(&state)
    }

    /// Takes over a state that [`state`](Self::state) has returned.
    ///
    /// # Errors
    /// [`bcs_model::Error`] if it is damaged, or that of another optimizer or network.
    pub(super) fn load(&mut self, bytes: &[u8], name: &str) -> Result<(), bcs_model::Error> {
        let state = bcs_model::weights::read_safetensors(bytes, name)?;
        self.optimizer.load(&self.parameters, &state)?;
        match &mut self.average {
            None => Ok(()),
            Some(average) => average.load(&self.parameters, &state),
        }
    }
}

/// Returns the loss of the outputs of a network.
fn loss(loss: &DeepSupervisionLoss, outputs: &[Tensor], target: &Tensor) -> Result<Tensor, bcs_model::Error> {
    match outputs {
        [logits] => loss.loss().forward(logits, target),
        outputs => loss.forward(outputs, target),
    }
}

/// Mixes a seed with two numbers (`SplitMix64`).
fn mixed(seed: i64, step: u64, part: u64) -> i64 {
    let bits = [step, part].into_iter().fold(seed.cast_unsigned(), |state, value| {
        let mut bits =
            (state ^ value.wrapping_mul(0xd6e8_feb8_6659_fd93)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    });
    bits.cast_signed()
}
