//! Choice of scales and layers of a quantized graph.
//!
//! # Layout
//! - [`calibration`]: ranges of the tensors on training tiles
//! - [`search`]: layers that stay in floating point
//! - [`tiles`]: pixels of calibration tiles

pub(crate) mod calibration;
pub(crate) mod search;
pub(crate) mod tiles;

use std::num::NonZeroUsize;
use std::thread;

use bcs_contracts::PackageMetadata;
use bcs_inference::{Engine, EngineKind, Options, Precision, open_graph};

use crate::error::Result;

/// Opens a graph with OpenVINO, on all cores.
///
/// # Errors
/// [`crate::error::Error::Inference`].
pub(crate) fn engine(
    metadata: &PackageMetadata,
    graph: &[u8],
    precision: Precision,
) -> Result<Box<dyn Engine>> {
    let options = Options { engine: EngineKind::OpenVino, precision, ..Options::on("cpu") };
    let mut engine = open_graph(metadata.clone(), graph, &options)?.engine()?;
    engine.set_threads(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    Ok(engine)
}
