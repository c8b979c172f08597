//! Parameters from and to files, under MONAI's `state_dict` names.

mod pickle;
mod safetensors;
mod state;

pub use self::safetensors::{read_safetensors, tensor_to_safetensors, write_safetensors};
pub use pickle::read_pickle;
pub use state::{check_finite, load_state};
