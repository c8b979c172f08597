//! Parameters from and to files, under MONAI's `state_dict` names.

pub(crate) mod archive;
mod buffer;
mod bytes;
mod described;
mod encoder;
mod finite;
#[cfg(test)]
mod fuzz;
mod load;
mod natural;
mod pickle;
mod prefix;
mod read;
mod safetensors;
mod torchscript;

pub use self::safetensors::{
    read_safetensors, tensor_to_safetensors, tensors_to_safetensors, write_safetensors,
};
pub use described::write_described_safetensors;
pub use finite::check_finite;
pub use load::{Load, Loaded, load_state};
pub use read::read;
pub use torchscript::check_torchscript;
