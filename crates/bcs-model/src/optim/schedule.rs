//! Learning rate schedules, as `torch.optim.lr_scheduler` computes them.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::arguments::{at_least, in_range, parse};
use crate::error::{Error, argument};

/// Names of the schedules.
const SCHEDULES: [&str; 6] = ["constant", "step", "poly", "cosine", "one_cycle", "plateau"];

/// A learning rate schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// The initial rate.
    Constant,
    /// `StepLR`, stepped after every epoch: times `gamma` every `step_size` epochs.
    Step(StepArguments),
    /// `PolynomialLR`, stepped after every batch: to zero at the end of the run.
    Poly(PolyArguments),
    /// `CosineAnnealingLR`, stepped after every batch: to zero along half a cosine over the run.
    Cosine,
    /// `OneCycleLR`, stepped after every batch, with the initial rate as its maximum.
    OneCycle(OneCycleArguments),
    /// `ReduceLROnPlateau`, stepped after every epoch with the validation score.
    Plateau(PlateauArguments),
}

/// Arguments of `StepLR`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepArguments {
    /// Number of epochs between two changes.
    pub step_size: usize,
    /// Factor of each change.
    #[serde(default = "tenth")]
    pub gamma: f64,
}

/// Arguments of `PolynomialLR`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolyArguments {
    /// Exponent.
    pub power: f64,
}

/// Arguments of `OneCycleLR`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OneCycleArguments {
    /// Part of the run in which the rate grows.
    pub pct_start: f64,
    /// The rate begins with the maximum divided by this,
    pub div_factor: f64,
    /// and ends with that divided by this.
    pub final_div_factor: f64,
}

/// Arguments of `ReduceLROnPlateau`, for a score that should grow.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlateauArguments {
    /// Factor of each change.
    pub factor: f64,
    /// Number of epochs without a better score before a change.
    pub patience: usize,
    /// A score is better if it exceeds the best one by this part of it.
    pub threshold: f64,
}

fn tenth() -> f64 {
    0.1
}

impl Default for PolyArguments {
    fn default() -> Self {
        Self { power: 1.0 }
    }
}

impl Default for OneCycleArguments {
    fn default() -> Self {
        Self { pct_start: 0.3, div_factor: 25.0, final_div_factor: 1e4 }
    }
}

impl Default for PlateauArguments {
    fn default() -> Self {
        Self { factor: 0.1, patience: 10, threshold: 1e-4 }
    }
}

/// Where a step lies in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Steps taken before.
    pub step: usize,
    /// Number of steps of the run.
    pub steps: usize,
    /// Epochs finished before.
    pub epoch: usize,
}

impl Schedule {
    /// Makes a schedule from its name and PyTorch's arguments.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name or argument, and for a value out of range.
    pub fn new(name: &str, arguments: &Map<String, Value>) -> Result<Self, Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct None {}
        let schedule = match name {
            "constant" => parse::<None>(arguments).map(|None {}| Self::Constant),
            "step" => parse(arguments).map(Self::Step),
            "poly" => parse(arguments).map(Self::Poly),
            "cosine" => parse::<None>(arguments).map(|None {}| Self::Cosine),
            "one_cycle" => parse(arguments).map(Self::OneCycle),
            "plateau" => parse(arguments).map(Self::Plateau),
            _ => {
                let known = SCHEDULES.join(", ");
                return Err(argument("scheduler", format!("is '{name}'; the schedules are {known}")));
            }
        };
        let within = |error: Error| error.within("scheduler_arguments");
        let schedule = schedule.map_err(within)?;
        schedule.check().map_err(within)?;
        Ok(schedule)
    }

    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Constant | Self::Cosine => Ok(()),
            Self::Step(step) => {
                at_least("step_size", step.step_size as f64, 1.0)?;
                in_range("gamma", step.gamma, 0.0, 1.0)
            }
            Self::Poly(poly) => at_least("power", poly.power, 0.0),
            Self::OneCycle(cycle) => {
                in_range("pct_start", cycle.pct_start, 0.0, 1.0)?;
                at_least("div_factor", cycle.div_factor, 1.0)?;
                at_least("final_div_factor", cycle.final_div_factor, 1.0)
            }
            Self::Plateau(plateau) => {
                in_range("factor", plateau.factor, 0.0, 1.0)?;
                at_least("threshold", plateau.threshold, 0.0)
            }
        }
    }

    /// Returns the factor of the initial rate at a step. That of [`Schedule::Plateau`] is 1: it depends on the scores; see
    /// [`Plateau`].
    pub fn factor(&self, Position { step, steps, epoch }: Position) -> f64 {
        let progress = (step as f64 / steps.max(1) as f64).min(1.0);
        match self {
            Self::Constant | Self::Plateau(_) => 1.0,
            Self::Step(StepArguments { step_size, gamma }) => gamma.powf((epoch / step_size) as f64),
            Self::Poly(PolyArguments { power }) => (1.0 - progress).powf(*power),
            Self::Cosine => cosine(1.0, 0.0, progress),
            Self::OneCycle(arguments) => one_cycle(arguments, step, steps),
        }
    }

    /// Returns the factor of the initial rate with a linear warm-up: it grows over `warmup` steps, and the schedule takes the
    /// rest of the run.
    pub fn factor_after_warmup(&self, position: Position, warmup: usize) -> f64 {
        match position.step.checked_sub(warmup) {
            None => {
                (position.step + 1) as f64 / warmup as f64 * self.factor(Position { step: 0, ..position })
            }
            Some(step) => {
                self.factor(Position { step, steps: position.steps.saturating_sub(warmup), ..position })
            }
        }
    }
}

fn one_cycle(arguments: &OneCycleArguments, step: usize, steps: usize) -> f64 {
    let OneCycleArguments { pct_start, div_factor, final_div_factor } = *arguments;
    let first = 1.0 / div_factor;
    let (turn, end) = (pct_start * steps as f64 - 1.0, steps as f64 - 1.0);
    let step = step as f64;
    if step <= turn {
        cosine(first, 1.0, if turn > 0.0 { step / turn } else { 1.0 })
    } else {
        cosine(1.0, first / final_div_factor, ((step - turn) / (end - turn)).min(1.0))
    }
}

/// From `start` to `end` along half a cosine.
fn cosine(start: f64, end: f64, progress: f64) -> f64 {
    end + (start - end) * (1.0 + (PI * progress).cos()) / 2.0
}

/// What [`Schedule::Plateau`] remembers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// Factor of the initial rate.
    pub factor: f64,
    best: Option<f64>,
    epochs_without: usize,
}

impl Default for Plateau {
    fn default() -> Self {
        Self { factor: 1.0, best: None, epochs_without: 0 }
    }
}

impl Plateau {
    /// Takes the score of an epoch into account.
    pub fn update(&mut self, arguments: &PlateauArguments, score: f64) {
        if self.best.is_none_or(|best| score > best * (1.0 + arguments.threshold)) {
            self.best = Some(score);
            self.epochs_without = 0;
            return;
        }
        self.epochs_without += 1;
        if self.epochs_without > arguments.patience {
            self.factor *= arguments.factor;
            self.epochs_without = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn new(name: &str, arguments: &Value) -> Result<Schedule, Error> {
        Schedule::new(name, arguments.as_object().unwrap())
    }

    #[test]
    fn a_warm_up_is_linear_and_takes_its_steps_from_the_schedule() {
        let schedule = new("cosine", &json!({})).unwrap();
        let factor = |step| schedule.factor_after_warmup(Position { step, steps: 110, epoch: 0 }, 10);
        assert_eq!([factor(0), factor(4), factor(9), factor(10)], [0.1, 0.5, 1.0, 1.0]);
        assert!((factor(60) - 0.5).abs() < 1e-12 && factor(110).abs() < 1e-12);
    }

    #[test]
    fn invalid_schedules_are_named() {
        for (name, arguments, expected) in [
            ("linear", json!({}), "scheduler is 'linear'; the schedules are constant, step"),
            ("step", json!({}), "scheduler_arguments.step_size"),
            ("step", json!({"step_size": 0}), "step_size is 0; it must be at least 1"),
            ("cosine", json!({"power": 2}), "scheduler_arguments.power is unknown"),
            ("plateau", json!({"factor": 2}), "factor is 2; it must be in [0, 1]"),
        ] {
            let error = new(name, &arguments).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
