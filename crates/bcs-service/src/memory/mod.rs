//! Memory that this process may use, and sizes in settings.

mod byte_size;
mod limit;

pub use byte_size::{ByteSize, InvalidByteSize};
pub use limit::{available, process_peak, process_resident};
