use bcs_contracts::{DriftReference, TissueClass};

use crate::error::Error;

/// What is known about a model before it runs.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    /// The name of the run that made it, or of its file.
    pub version: String,
    /// MONAI's name of the network, or `TorchScript`.
    pub architecture: String,
    /// The classes, in the order of the logits.
    pub classes: Vec<TissueClass>,
    /// Height and width of the window over larger images.
    pub tile: [usize; 2],
    /// Height and width of what the engine is given must be multiples of these.
    pub size_divisor: [usize; 2],
    /// Height and width of the smallest image worth asking about.
    pub min_size: [usize; 2],
    /// Micrometres a pixel of the tiles trained on, where known.
    pub mpp: Option<f64>,
    /// What drift is measured against, where the model has it.
    pub reference: Option<DriftReference>,
    /// `cpu`, `cuda:0`, …
    pub device: String,
}

/// Runs a network. It is owned by one thread.
pub trait Engine: Send {
    /// What is known about its model.
    fn info(&self) -> &ModelInfo;

    /// Logits `[count, classes, height, width]` of `count` RGB images of one size, given one after the other.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn run(&mut self, pixels: &[u8], shape: [usize; 3]) -> Result<Vec<f32>, Error>;
}

#[cfg(test)]
pub(crate) mod fake {
    //! A model that needs no library: class 1 wins where an image is redder than green.

    use bcs_contracts::class::unnamed_classes;

    use super::*;

    pub(crate) struct Fake {
        /// What it says of itself.
        pub(crate) info: ModelInfo,
        /// The most pixels it was given at once.
        pub(crate) largest: usize,
        /// What it does when it is run.
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
