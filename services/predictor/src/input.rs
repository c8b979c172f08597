//! An uploaded image, decoded and measured.

use std::time::Instant;

use bcs_contracts::Features;
use bcs_contracts::record::InputInfo;
use bcs_imaging::{Error, Limits, Raster, decode, features};
use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// An image and everything that is known about it before inference.
#[derive(Debug)]
pub struct Input {
    /// RGB pixels, after applying the EXIF orientation.
    pub image: Raster,
    /// Hash, format and size of the file.
    pub info: InputInfo,
    /// Image features.
    pub features: Features,
}

/// Time at which a request or file was received.
#[derive(Debug, Clone, Copy)]
pub struct ReceiveTime {
    /// Wall-clock time, for records.
    pub timestamp: Timestamp,
    /// Monotonic time, for latencies.
    pub instant: Instant,
}

impl ReceiveTime {
    /// Returns the current time.
    pub fn now() -> Self {
        Self { timestamp: Timestamp::now(), instant: Instant::now() }
    }
}

impl Default for ReceiveTime {
    fn default() -> Self {
        Self::now()
    }
}

impl Input {
    /// Decodes and measures a file. `window` is the height and width of the model's window, over which features are
    /// measured and averaged.
    ///
    /// # Errors
    /// The errors of [`decode::raster`].
    pub fn read(bytes: &Bytes, limits: Limits, window: [usize; 2]) -> Result<Self, Error> {
        let (image, format) = decode::raster(bytes, limits)?;
        let [height, width] = image.size().map(|side| side as u32);
        let info = InputInfo {
            sha256: sha256(bytes),
            bytes: bytes.len() as u64,
            format: format.to_owned(),
            width,
            height,
            mpp: None,
        };
        let window = window.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let features = features::measure_raster(&image, window)?;
        Ok(Self { image, info, features })
    }
}

/// Returns the SHA-256 in lower-case hex.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn read(image: &RgbImage, window: [usize; 2]) -> Input {
        let bytes = bcs_imaging::encode::png(image).unwrap();
        Input::read(&bytes.into(), Limits::default(), window).unwrap()
    }

    #[test]
    fn file_and_pixels_are_described() {
        let input = read(&RgbImage::from_pixel(7, 5, image::Rgb([255; 3])), [224, 224]);
        assert_eq!((input.info.width, input.info.height, input.info.format.as_str()), (7, 5, "png"));
        assert_eq!(input.features["grey_mean"], 1.0);
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn features_are_measured_over_the_window_of_the_model() {
        // Two flat halves: no variation within a window of 16×16, much over the whole image.
        let image = RgbImage::from_fn(32, 16, |x, _| image::Rgb([if x < 16 { 40 } else { 200 }; 3]));
        assert_eq!(read(&image, [16, 16]).features["grey_std"], 0.0);
        assert!(read(&image, [16, 32]).features["grey_std"] > 0.3);
    }
}
