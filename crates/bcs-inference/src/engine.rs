use bcs_contracts::{DriftReference, TissueClass};

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
    /// Drift reference, if the model has one.
    pub reference: Option<DriftReference>,
    /// Device that runs the model: `cpu`, `cuda:0`, …
    pub device: String,
}

/// A network on a device. An engine is owned by one thread.
pub trait Engine: Send {
    /// Returns the description of the model.
    fn info(&self) -> &ModelInfo;

    /// Returns the logits `[count, classes, height, width]` of a batch of RGB images; `pixels` holds their bytes, and
    /// `shape` is `[count, height, width]`.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn run(&mut self, pixels: &[u8], shape: [usize; 3]) -> Result<Vec<f32>, Error>;
}

#[cfg(test)]
pub(crate) mod fake {
    //! An engine without a library: class 1 wins where an image is redder than green.

    use bcs_contracts::class::unnamed_classes;

    use super::*;

    pub(crate) struct Fake {
        /// Description it returns.
        pub(crate) info: ModelInfo,
        /// Largest number of pixels in one call.
        pub(crate) largest: usize,
        /// Called by [`Engine::run`] first.
        pub(crate) behaviour: fn() -> Result<(), Error>,
    }

    impl Default for Fake {
        fn default() -> Self {
            let info = ModelInfo {
                version: "fake".to_owned(),
                architecture: "Fake".to_owned(),
                classes: unnamed_classes(2),
                tile: [32, 32],
                size_divisor: [8, 8],
                min_size: [16, 16],
                mpp: None,
                reference: None,
                device: "cpu".to_owned(),
            };
            Self { info, largest: 0, behaviour: || Ok(()) }
        }
    }

    impl Engine for Fake {
        fn info(&self) -> &ModelInfo {
            &self.info
        }

        fn run(&mut self, pixels: &[u8], [count, height, width]: [usize; 3]) -> Result<Vec<f32>, Error> {
            (self.behaviour)()?;
            assert_eq!(pixels.len(), count * height * width * 3);
            self.largest = self.largest.max(count * height * width);
            let logits = pixels.chunks_exact(height * width * 3).flat_map(|image| {
                let tumour = image.chunks_exact(3).map(|pixel| f32::from(pixel[0]) - f32::from(pixel[1]));
                std::iter::repeat_n(0.0, height * width).chain(tumour)
            });
            Ok(logits.collect())
        }
    }
}
