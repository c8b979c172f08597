//! Networks as programs of other runtimes.

mod code;
mod module;
mod onnx;
mod pickle;
mod tensors;
mod torchscript;
mod trace;

pub use onnx::{OPSET, onnx, quantize};
pub use torchscript::torchscript;
