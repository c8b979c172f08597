//! An image as it came in: decoded within limits, and measured.

use std::sync::Arc;
use std::time::Instant;

use bcs_contracts::Features;
use bcs_contracts::record::InputInfo;
use bcs_imaging::{Error, Limits, decode, features};
use image::RgbImage;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// An image with what is known of it before a model sees it.
#[derive(Debug, Clone)]
pub struct Input {
    /// Upright, in RGB.
    pub image: Arc<RgbImage>,
    /// The file.
    pub info: InputInfo,
    /// What was measured of the pixels.
    pub features: Features,
    /// When it came in.
    pub arrival: Arrival,
}

/// When something came in: by the calendar, and by a clock that never jumps.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// For people and records.
    pub time: Timestamp,
    /// For latencies.
    pub instant: Instant,
}

impl Arrival {
    /// This moment.
    pub fn now() -> Self {
        Self { time: Timestamp::now(), instant: Instant::now() }
    }
}

impl Input {
    /// Decodes and measures a file.
    ///
    /// # Errors
    /// Those of [`fn@decode`].
    pub fn read(bytes: &[u8], limits: Limits, arrival: Arrival) -> Result<Self, Error> {
        let decoded = decode(bytes, limits)?;
        let (width, height) = decoded.rgb.dimensions();
        let info = InputInfo {
            sha256: sha256(bytes),
            bytes: bytes.len() as u64,
            format: decoded.format.to_owned(),
            width,
            height,
        };
        let features = features::measure(&decoded.rgb, bcs_contracts::package::InputSpec::default().tile);
        Ok(Self { image: Arc::new(decoded.rgb), info, features, arrival })
    }
}

/// In lower-case hex.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_named_by_its_bytes() {
        let bytes = bcs_imaging::encode::png(&RgbImage::from_pixel(7, 5, image::Rgb([255; 3]))).unwrap();
        let input = Input::read(&bytes, Limits::default(), Arrival::now()).unwrap();
        assert_eq!((input.info.width, input.info.height, input.info.format.as_str()), (7, 5, "png"));
        assert_eq!(input.info.bytes, bytes.len() as u64);
        assert_eq!(input.features["grey_mean"], 1.0);
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
