use std::num::NonZeroUsize;

use bcs_contracts::TissueClass;
use bcs_contracts::features::Embedding;

use crate::error::Error;

/// Description of an opened model.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    /// Version of the model, which names its weights. Where the model's metadata has none, the name of its file or
    /// folder and a short hash of the weights.
    pub version: String,
    /// MONAI's class name of the network, or `TorchScript`.
    pub architecture: String,
    /// Classes, in the order of the output channels.
    pub classes: Vec<TissueClass>,
    /// Height and width in pixels of the training tiles, the size of the sliding window.
    pub tile: [usize; 2],
    /// Height and width of the engine's input must be multiples of these.
    pub size_divisor: [usize; 2],
    /// Least height and width in pixels of an image.
    pub min_size: [usize; 2],
    /// Resolution of the training tiles in µm/px, if known.
    pub mpp: Option<f64>,
    /// Device that runs the model: `cpu`, `cuda:0`, …
    pub device: String,
    /// Library that runs the model: `libtorch`, `openvino`.
    pub engine: &'static str,
}

/// Returns the size of the sliding window: that of the training tiles, enlarged to a size that the network accepts.
#[cfg(any(feature = "libtorch", feature = "openvino"))]
pub(crate) fn window(tile: [u32; 2], min_size: [usize; 2], size_divisor: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|axis| (tile[axis] as usize).max(min_size[axis]).next_multiple_of(size_divisor[axis]))
}

/// Border of one value around the network's input.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Border {
    /// Number of rows above the image.
    pub top: usize,
    /// Number of rows below the image.
    pub bottom: usize,
    /// Number of columns to the left of the image.
    pub left: usize,
    /// Number of columns to the right of the image.
    pub right: usize,
    /// Value of all channels in the border, on the scale of the network's input.
    pub value: f32,
}

/// A network on a device. An engine is used by one thread at a time.
pub trait Engine: Send {
    /// Returns the description of the model.
    fn info(&self) -> &ModelInfo;

    /// Sets the number of threads of a forward pass; by default it is that of the library. Ignored by engines that
    /// do not compute on the CPU.
    fn set_threads(&mut self, threads: NonZeroUsize);

    /// Computes the logits `[count, classes, height, width]` of a batch of RGB images into `logits`, which must have
    /// that many elements. `pixels` holds the bytes of the images, and `shape` is `[count, height, width]`. With a border,
    /// the logits are those of the larger input: their height and width include the border. Returns the embedding of each
    /// image; none if the model gives no embeddings.
    ///
    /// # Errors
    /// [`Error::Engine`], also for an output that does not have the size of `logits`.
    fn run(
        &mut self,
        pixels: &[u8],
        shape: [usize; 3],
        border: &Border,
        logits: &mut [f32],
    ) -> Result<Vec<Embedding>, Error>;
}
