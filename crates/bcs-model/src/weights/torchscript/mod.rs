//! TorchScript archives: their check before libtorch opens them, and their parameters.

mod check;
mod class;
mod parameters;

pub use check::check_torchscript;
pub(super) use parameters::tensors;
