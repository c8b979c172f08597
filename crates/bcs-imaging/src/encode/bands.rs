//! Encoding of images whose rows are computed when they are needed, from top to bottom.

use std::cell::RefCell;
use std::io::Write;
use std::ops::Range;

use image::codecs::jpeg::JpegEncoder;
use image::{GenericImageView, Rgb, RgbImage};

use super::JPEG_QUALITY;
use crate::error::Error;

/// Number of rows that are computed at a time: a multiple of the 8 rows of a JPEG's blocks.
const ROWS: usize = 256;

/// Encodes an image of this height and width as PNG. `rows` computes some rows.
///
/// # Errors
/// Those of `rows`; [`Error::Encode`].
pub(crate) fn png(
    size: [usize; 2],
    rows: impl Fn(Range<usize>) -> Result<RgbImage, Error>,
) -> Result<Vec<u8>, Error> {
    let failed = |reason: String| Error::Encode { format: "png", reason };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size[1] as u32, size[0] as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(|error| failed(error.to_string()))?;
    let mut stream = writer.stream_writer().map_err(|error| failed(error.to_string()))?;
    for top in (0..size[0]).step_by(ROWS) {
        let band = rows(top..(top + ROWS).min(size[0]))?;
        stream.write_all(band.as_raw()).map_err(|error| failed(error.to_string()))?;
    }
    stream.finish().map_err(|error| failed(error.to_string()))?;
    drop(writer);
    Ok(bytes)
}

/// Does the same as JPEG, of at most 65535 pixels a side.
///
/// # Errors
/// Those of [`png()`].
pub(crate) fn jpeg(
    size: [usize; 2],
    rows: impl Fn(Range<usize>) -> Result<RgbImage, Error>,
) -> Result<Vec<u8>, Error> {
    let view = View { size, rows, band: RefCell::default() };
    let mut bytes = Vec::new();
    let encoded = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(&view);
    if let Some(error) = view.band.into_inner().error {
        return Err(error);
    }
    encoded.map_err(|error| Error::Encode { format: "jpeg", reason: error.to_string() })?;
    Ok(bytes)
}

/// An image as the JPEG encoder reads it: pixel by pixel, in rows of blocks.
struct View<F> {
    size: [usize; 2],
    rows: F,
    band: RefCell<Band>,
}

#[derive(Default)]
struct Band {
    top: usize,
    image: RgbImage,
    /// Error of computing rows, which the encoder cannot pass on.
    error: Option<Error>,
}

impl<F: Fn(Range<usize>) -> Result<RgbImage, Error>> GenericImageView for View<F> {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        (self.size[1] as u32, self.size[0] as u32)
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        let mut band = self.band.borrow_mut();
        let row = y as usize;
        let known = band.top..band.top + band.image.height() as usize;
        if !known.contains(&row) && band.error.is_none() {
            band.top = row / ROWS * ROWS;
            match (self.rows)(band.top..(band.top + ROWS).min(self.size[0])) {
                Ok(image) => band.image = image,
                Err(error) => band.error = Some(error),
            }
        }
        let top = band.top as u32;
        band.image.get_pixel_checked(x, y.wrapping_sub(top)).copied().unwrap_or(Rgb([0; 3]))
    }
}

#[cfg(test)]
mod tests {
    use image::imageops::crop_imm;

    use super::*;
    use crate::encode;

    fn image() -> RgbImage {
        RgbImage::from_fn(70, 600, |x, y| Rgb([(x * 3) as u8, (y / 3) as u8, (x + y) as u8]))
    }

    fn rows(image: &RgbImage) -> impl Fn(Range<usize>) -> Result<RgbImage, Error> {
        |rows: Range<usize>| {
            Ok(crop_imm(image, 0, rows.start as u32, image.width(), rows.len() as u32).to_image())
        }
    }

    #[test]
    fn bands_are_encoded_as_the_whole_image_is() {
        let image = image();
        let encoded = png([600, 70], rows(&image)).unwrap();
        assert_eq!(image::load_from_memory(&encoded).unwrap().into_rgb8(), image);
        assert_eq!(jpeg([600, 70], rows(&image)).unwrap(), encode::jpeg(&image).unwrap());
    }

    #[test]
    fn errors_of_computing_rows_are_returned() {
        let image = image();
        let failing = |range: Range<usize>| match range.start {
            0 => rows(&image)(range),
            _ => Err(Error::Empty),
        };
        assert!(matches!(png([600, 70], failing), Err(Error::Empty)));
        assert!(matches!(jpeg([600, 70], failing), Err(Error::Empty)));
    }
}
