//! Overlay of a mask on its image.

use bcs_contracts::Color;
use image::{GrayImage, RgbImage};

use crate::error::Error;

/// Blends the colours of a mask with its image, in place. `alpha` is the weight of the colour, in [0, 1]. Pixels of a
/// class whose colour is `None`, and codes beyond the palette, are left unchanged.
///
/// # Errors
/// [`Error::SizeMismatch`] if mask and image differ in size.
pub fn blend(
    image: &mut RgbImage,
    mask: &GrayImage,
    palette: &[Option<Color>],
    alpha: f64,
) -> Result<(), Error> {
    if image.dimensions() != mask.dimensions() {
        let ((mask_width, mask_height), (width, height)) = (mask.dimensions(), image.dimensions());
        return Err(Error::SizeMismatch { mask_width, mask_height, width, height });
    }
    let tables: Vec<Option<[[u8; 256]; 3]>> = palette
        .iter()
        .map(|color| color.map(|color| color.0.map(|target| mixing_table(target, alpha))))
        .collect();
    for (pixel, code) in image.pixels_mut().zip(mask.as_raw()) {
        if let Some(Some(table)) = tables.get(usize::from(*code)) {
            pixel.0 = [0, 1, 2].map(|channel| table[channel][usize::from(pixel.0[channel])]);
        }
    }
    Ok(())
}

/// The blended value for each value of a channel: a table look-up is cheaper than a multiplication per pixel.
fn mixing_table(target: u8, alpha: f64) -> [u8; 256] {
    std::array::from_fn(|value| {
        let mixed = (1.0 - alpha) * value as f64 + alpha * f64::from(target);
        mixed.round().clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb};

    use super::*;

    #[test]
    fn only_classes_with_a_color_are_blended() {
        let mut image = RgbImage::from_pixel(2, 1, Rgb([200, 100, 50]));
        let mask = GrayImage::from_fn(2, 1, |x, _| Luma([x as u8]));
        blend(&mut image, &mask, &[None, Some(Color([0, 200, 250]))], 0.5).unwrap();
        assert_eq!(image.get_pixel(0, 0), &Rgb([200, 100, 50]));
        assert_eq!(image.get_pixel(1, 0), &Rgb([100, 150, 150]));
    }

    #[test]
    fn a_mask_of_another_size_is_an_error() {
        let error = blend(&mut RgbImage::new(4, 4), &GrayImage::new(4, 5), &[], 0.5).unwrap_err();
        assert!(error.to_string().contains("4×5"), "{error}");
    }
}
