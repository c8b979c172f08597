//! Training in several processes, with libtorch's own engine (`c10d`): what `torch.distributed` is in Python. Processes of
//! both can be in one group.
//!
//! # Layout
//! - [`batch_norm`]: batch normalization over all processes
//! - [`error`]: errors, which name ranks
//! - [`group`]: groups of processes and their collectives
//! - `peers`: what the processes of a group know of each other
//! - `pulse`: signs of life of a process
//! - [`reducer`]: gradients, summed while backward still runs
//! - `store`: key-value store in which processes find each other

pub mod batch_norm;
pub mod error;
pub mod group;
mod peers;
mod pulse;
pub mod reducer;
mod store;

pub use error::Error;
pub use group::{Group, Rendezvous};
pub use reducer::{Reducer, Reduction};
