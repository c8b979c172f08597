//! Networks as programs of other runtimes.

mod code;
mod module;
mod pickle;
mod torchscript;
mod trace;

pub use torchscript::torchscript;
