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

/// A network on a device. An engine is owned by one thread.
pub trait Engine: Send {
    /// Returns the description of the model.
    fn info(&self) -> &ModelInfo;

    /// Returns the logits `[count, classes, height, width]` of a batch of RGB images; `pixels` holds their bytes, and
    /// `shape` is `[count, height, width]`. With a border, the logits are those of the larger input: their height and
    /// width include the border.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn run(&mut self, pixels: &[u8], shape: [usize; 3], border: &Border) -> Result<Vec<f32>, Error>;
}

#[cfg(test)]
pub(crate) mod fake {
    //! An engine without a library: class 1 wins where an image is redder than green. Logits in a border are its value.

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

        fn run(
            &mut self,
            pixels: &[u8],
            [count, height, width]: [usize; 3],
            border: &Border,
        ) -> Result<Vec<f32>, Error> {
            (self.behaviour)()?;
            assert_eq!(pixels.len(), count * height * width * 3);
            let (rows, columns) = (border.top + height + border.bottom, border.left + width + border.right);
            self.largest = self.largest.max(count * rows * columns);
            let mut logits = vec![border.value; count * 2 * rows * columns];
            for (image, planes) in
                pixels.chunks_exact(height * width * 3).zip(logits.chunks_exact_mut(2 * rows * columns))
            {
                let (zero, tumour) = planes.split_at_mut(rows * columns);
                zero.fill(0.0);
                for (at, pixel) in image.chunks_exact(3).enumerate() {
                    let (y, x) = (border.top + at / width, border.left + at % width);
                    tumour[y * columns + x] = f32::from(pixel[0]) - f32::from(pixel[1]);
                }
            }
            Ok(logits)
        }
    }
}
