//! What `model.onnx` says about itself.

use serde::{Deserialize, Serialize};

/// Key of the [`GraphShapes`] among the metadata of an ONNX file, in JSON.
pub const GRAPH_SHAPES: &str = "bcs.shapes";

/// Name of the output of an ONNX graph that holds the [embeddings](crate::features::Embedding) of the images, `[images, 8]`.
/// The logits are the first output; graphs of earlier versions have no other.
pub const EMBEDDING_OUTPUT: &str = "embedding";

/// Sizes of images that a graph accepts, which its operators do not tell; height before width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphShapes {
    /// Numbers that height and width of the input must be multiples of.
    pub size_divisor: [u32; 2],
    /// Least height and width.
    pub min_size: [u32; 2],
}
