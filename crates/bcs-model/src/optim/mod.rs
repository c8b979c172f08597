//! Optimizers by PyTorch's names, with its numbers, whose state is saved and loaded.
//!
//! All parameters lie in one vector: a step is a few operations on it, however many layers a network has.
//!
//! - `algorithm`: SGD, Adam and AdamW
//! - `average`: exponential moving average of the parameters
//! - `parameters`: the parameters of a network as one vector
//! - `schedule`: learning rate schedules

mod algorithm;
mod average;
mod parameters;
mod schedule;

pub use algorithm::{Algorithm, Optimizer};
pub use average::Average;
pub use parameters::{Parameters, copy_vector};
pub use schedule::{
    OneCycleArguments, Plateau, PlateauArguments, PolyArguments, Position, Schedule, StepArguments,
};
