//! A mask laid over its image.

use bcs_contracts::Color;
use image::{GrayImage, RgbImage};

use crate::error::Error;

/// Lays the colours of a mask over its image, in place. `alpha` is the weight of the colour in [0, 1];
/// pixels of a class whose colour is `None` stay as they are, as does a code beyond the palette.
///
/// # Errors
/// [`Error::SizeMismatch`].
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

/// What each value of a channel becomes under a colour: one look-up a pixel instead of a multiplication.
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
    fn only_coloured_classes_are_tinted() {
        let mut image = RgbImage::from_pixel(2, 1, Rgb([200, 100, 50]));
        let mask = GrayImage::from_fn(2, 1, |x, _| Luma([x as u8]));
        blend(&mut image, &mask, &[None, Some(Color([0, 200, 250]))], 0.5).unwrap();
        assert_eq!(image.get_pixel(0, 0), &Rgb([200, 100, 50]));
        assert_eq!(image.get_pixel(1, 0), &Rgb([100, 150, 150]));
    }

    #[test]
    fn a_mask_of_another_size_is_refused() {
        let error = blend(&mut RgbImage::new(4, 4), &GrayImage::new(4, 5), &[], 0.5).unwrap_err();
        assert!(error.to_string().contains("4×5"), "{error}");
    }
}
