//! SGD, Adam and AdamW, as `torch.optim` computes them.

use std::collections::BTreeMap;

use bcs_torch::AdamStep;
use serde::Deserialize;
use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use super::parameters::Parameters;
use crate::arguments::{at_least, in_range, parse};
use crate::error::{Error, argument};

/// Names of the algorithms.
const ALGORITHMS: [&str; 3] = ["SGD", "Adam", "AdamW"];

/// An optimization algorithm with its arguments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Algorithm {
    /// `torch.optim.SGD`
    Sgd {
        /// Factor of the gradients before.
        momentum: f64,
        /// Whether the momentum is Nesterov's.
        nesterov: bool,
        /// L2 penalty.
        weight_decay: f64,
    },
    /// `torch.optim.Adam`, or `torch.optim.AdamW`, whose weight decay is not part of the gradient.
    Adam {
        /// Decay rates of the averages of the gradient and of its square.
        betas: [f64; 2],
        /// Added to the denominator.
        eps: f64,
        /// L2 penalty, or decoupled weight decay.
        weight_decay: f64,
        /// Whether the weight decay is decoupled (`AdamW`).
        decoupled: bool,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SgdArguments {
    momentum: f64,
    nesterov: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AdamArguments {
    betas: [f64; 2],
    eps: f64,
}

impl Default for SgdArguments {
    fn default() -> Self {
        Self { momentum: 0.0, nesterov: false }
    }
}

impl Default for AdamArguments {
    fn default() -> Self {
        Self { betas: [0.9, 0.999], eps: 1e-8 }
    }
}

impl Algorithm {
    /// Makes an algorithm from its name and PyTorch's arguments; without `weight_decay`, it has PyTorch's default (0.01 of
    /// AdamW, else 0).
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name or argument, and for a value out of range.
    pub fn new(name: &str, weight_decay: Option<f64>, arguments: &Map<String, Value>) -> Result<Self, Error> {
        let within = |error: Error| error.within("optimizer_arguments");
        let decay = |default| weight_decay.unwrap_or(default);
        let adam = |weight_decay, decoupled| {
            let AdamArguments { betas, eps } = parse(arguments)?;
            for beta in betas {
                in_range("betas", beta, 0.0, 1.0 - f64::EPSILON)?;
            }
            at_least("eps", eps, 0.0)?;
            Ok(Self::Adam { betas, eps, weight_decay, decoupled })
        };
        match name {
            "SGD" => {
                let SgdArguments { momentum, nesterov } = parse(arguments).map_err(within)?;
                at_least("momentum", momentum, 0.0).map_err(within)?;
                if nesterov && momentum == 0.0 {
                    return Err(within(argument("nesterov", "needs a momentum above 0")));
                }
                Ok(Self::Sgd { momentum, nesterov, weight_decay: decay(0.0) })
            }
            "Adam" => adam(decay(0.0), false).map_err(within),
            "AdamW" => adam(decay(0.01), true).map_err(within),
            _ => {
                let known = ALGORITHMS.join(", ");
                Err(argument("optimizer", format!("is '{name}'; the optimizers are {known}")))
            }
        }
    }
}

/// An optimizer of the parameters of a network.
#[derive(Debug)]
pub struct Optimizer {
    algorithm: Algorithm,
    /// Number of steps taken.
    steps: i64,
    /// Averages by PyTorch's names, each a vector as long as the parameters.
    moments: Vec<(&'static str, Tensor)>,
}

/// Name of the number of steps in the saved state.
const STEP: &str = "step";

impl Optimizer {
    /// Creates the optimizer of parameters.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn new(algorithm: Algorithm, parameters: &Parameters) -> Result<Self, Error> {
        let names: &[&str] = match algorithm {
            Algorithm::Sgd { momentum: 0.0, .. } => &[],
            Algorithm::Sgd { .. } => &["momentum_buffer"],
            Algorithm::Adam { .. } => &["exp_avg", "exp_avg_sq"],
        };
        let zeros = |name: &&'static str| Ok((*name, parameters.vector().f_zeros_like()?));
        let moments = names.iter().map(zeros).collect::<Result<_, Error>>()?;
        Ok(Self { algorithm, steps: 0, moments })
    }

    /// Takes a step against the gradient, with this learning rate.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn step(
        &mut self,
        parameters: &mut Parameters,
        gradient: &Tensor,
        learning_rate: f64,
    ) -> Result<(), Error> {
        self.steps += 1;
        tch::no_grad(|| match self.algorithm {
            Algorithm::Sgd { momentum, nesterov, weight_decay } => {
                let gradient = penalized(gradient, parameters.vector(), weight_decay)?;
                let direction = match self.moments.first_mut() {
                    None => gradient,
                    Some((_, buffer)) => {
                        // The first buffer is the gradient itself.
                        _ = buffer.f_mul_scalar_(momentum)?.f_add_(&gradient)?;
                        if nesterov {
                            gradient.f_add(&buffer.f_mul_scalar(momentum)?)?
                        } else {
                            buffer.shallow_clone()
                        }
                    }
                };
                _ = parameters.vector_mut().f_sub_(&direction.f_mul_scalar(learning_rate)?)?;
                Ok::<_, Error>(())
            }
            Algorithm::Adam { betas: [beta1, beta2], eps, weight_decay, decoupled } => {
                let penalty = if decoupled { 0.0 } else { weight_decay };
                let keep = if decoupled { 1.0 - learning_rate * weight_decay } else { 1.0 };
                let steps = self.steps as f64;
                let step_size = learning_rate / (1.0 - beta1.powf(steps));
                let correction = (1.0 - beta2.powf(steps)).sqrt();
                let [(_, average), (_, square)] = &mut self.moments[..] else { return Ok(()) };
                let step = AdamStep { betas: [beta1, beta2], eps, keep, penalty, step_size, correction };
                if bcs_torch::adam_step(parameters.vector_mut(), gradient, average, square, &step)? {
                    return Ok(());
                }
                let gradient = penalized(gradient, parameters.vector(), penalty)?;
                if decoupled {
                    _ = parameters.vector_mut().f_mul_scalar_(keep)?;
                }
                _ = average.f_lerp_(&gradient, 1.0 - beta1)?;
                _ = square
                    .f_mul_scalar_(beta2)?
                    .f_add_(&gradient.f_mul_scalar(1.0 - beta2)?.f_mul(&gradient)?)?;
                let denominator = square.f_sqrt()?.f_div_scalar_(correction)?.f_add_scalar_(eps)?;
                let change = average.f_mul_scalar(-step_size)?.f_div_(&denominator)?;
                _ = parameters.vector_mut().f_add_(&change)?;
                Ok(())
            }
        })?;
        parameters.copy_to_network()
    }

    /// Returns the state: the number of steps, and the averages by the names of PyTorch and of the parameters.
    ///
    /// # Errors
    /// [`Error::Torch`].
    pub fn state(&self, parameters: &Parameters) -> Result<BTreeMap<String, Tensor>, Error> {
        let mut state = BTreeMap::from([(STEP.to_owned(), Tensor::f_from_slice(&[self.steps])?)]);
        for (name, moment) in &self.moments {
            state.extend(parameters.named(name, moment)?);
        }
        Ok(state)
    }

    /// Takes over a state that [`state`](Self::state) has returned.
    ///
    /// # Errors
    /// [`Error::Weights`] if it is that of another algorithm or of other parameters.
    pub fn load(&mut self, parameters: &Parameters, state: &BTreeMap<String, Tensor>) -> Result<(), Error> {
        let steps = state.get(STEP).filter(|steps| steps.numel() == 1 && steps.kind() == Kind::Int64);
        self.steps = steps.ok_or_else(|| Error::Weights(format!("missing {STEP}")))?.f_int64_value(&[0])?;
        for (name, moment) in &mut self.moments {
            moment.f_copy_(&parameters.joined(name, state)?)?;
        }
        Ok(())
    }
}

/// Adds the gradient of an L2 penalty.
fn penalized(gradient: &Tensor, parameters: &Tensor, weight_decay: f64) -> Result<Tensor, Error> {
    match weight_decay {
        0.0 => Ok(gradient.shallow_clone()),
        decay => Ok(gradient.f_add(&parameters.f_mul_scalar(decay)?)?),
    }
}
