//! Parameters from and to files, under MONAI's `state_dict` names.

mod archive;
mod buffer;
mod bytes;
#[cfg(test)]
mod fuzz;
mod pickle;
mod safetensors;
mod state;
mod torchscript;

pub use self::safetensors::{read_safetensors, tensor_to_safetensors, write_safetensors};
pub use pickle::read_pickle;
pub use state::{check_finite, load_state};
pub use torchscript::check_torchscript;
