//! Overlay of a mask on its image.

use std::ops::Range;

use bcs_contracts::Color;
use image::{GrayImage, RgbImage};

use crate::encode;
use crate::error::Error;
use crate::legend::Legend;
use crate::raster::Raster;

/// Colour of the borders of codes beyond the palette.
const OUTSIDE: Color = Color([128; 3]);

/// Overlay of a mask on its image.
#[derive(Debug, Clone, Copy)]
pub struct Overlay<'a> {
    /// Position of the colour of each pixel in the palette.
    pub mask: &'a GrayImage,
    /// Colours; `None` leaves pixels unchanged.
    pub palette: &'a [Option<Color>],
    /// Weight of the colours, in [0, 1].
    pub alpha: f64,
    /// Legend in the upper left corner.
    pub legend: Option<&'a Legend>,
}

impl Overlay<'_> {
    /// Draws the overlay on an image and encodes it as PNG.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`] if mask and image differ in size; [`Error::Encode`]; those of [`Raster::rows`].
    pub fn png(&self, raster: Raster) -> Result<Vec<u8>, Error> {
        match raster {
            Raster::Whole(image) => encode::png(&self.drawn(image)?),
            bands @ Raster::Bands(_) => {
                encode::bands::png(self.checked(bands.size())?, |rows| self.band(&bands, rows))
            }
        }
    }

    /// Does the same as JPEG.
    ///
    /// # Errors
    /// Those of [`png`](Self::png).
    pub fn jpeg(&self, raster: Raster) -> Result<Vec<u8>, Error> {
        match raster {
            Raster::Whole(image) => encode::jpeg(&self.drawn(image)?),
            bands @ Raster::Bands(_) => {
                encode::bands::jpeg(self.checked(bands.size())?, |rows| self.band(&bands, rows))
            }
        }
    }

    fn drawn(&self, mut image: RgbImage) -> Result<RgbImage, Error> {
        blend(&mut image, self.mask, self.palette, self.alpha)?;
        if let Some(legend) = self.legend {
            legend.draw(&mut image, 0);
        }
        Ok(image)
    }

    /// Returns some rows of the overlay.
    fn band(&self, raster: &Raster, rows: Range<usize>) -> Result<RgbImage, Error> {
        let (top, width) = (rows.start, self.mask.width() as usize);
        let read = raster.rows(rows.clone())?;
        let pixels =
            read.image().as_raw()[(top - read.top()) * width * 3..][..rows.len() * width * 3].to_vec();
        // The buffer has the size that was computed from these sides.
        let mut band = RgbImage::from_raw(width as u32, rows.len() as u32, pixels).unwrap_or_default();
        Tint::new(self.palette, self.alpha)
            .blend(&mut band, &self.mask.as_raw()[top * width..][..rows.len() * width]);
        if let Some(legend) = self.legend {
            legend.draw(&mut band, top);
        }
        Ok(band)
    }

    fn checked(&self, size: [usize; 2]) -> Result<[usize; 2], Error> {
        check_size(self.mask, size.map(|side| side as u32))?;
        Ok(size)
    }
}

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
    check_size(mask, [image.height(), image.width()])?;
    Tint::new(palette, alpha).blend(image, mask.as_raw());
    Ok(())
}

/// Draws the borders of the regions of a mask on its image, `width` pixels wide, each in the colour of its class; those of
/// codes beyond the palette in gray. Classes whose colour is `None` have no borders, but those of their neighbours.
///
/// # Errors
/// [`Error::SizeMismatch`] if mask and image differ in size.
pub fn outline(
    image: &mut RgbImage,
    mask: &GrayImage,
    palette: &[Option<Color>],
    width: u32,
) -> Result<(), Error> {
    check_size(mask, [image.height(), image.width()])?;
    let reach = i64::from(width);
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let code = mask.get_pixel(x, y).0[0];
        let Some(color) = palette.get(usize::from(code)).copied().unwrap_or(Some(OUTSIDE)) else { continue };
        let is_other = |dx: i64, dy: i64| {
            let [x, y] =
                [i64::from(x) + dx, i64::from(y) + dy].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
            mask.get_pixel_checked(x, y).is_some_and(|other| other.0[0] != code)
        };
        if (-reach..=reach).any(|dy| (-reach..=reach).any(|dx| is_other(dx, dy))) {
            pixel.0 = color.0;
        }
    }
    Ok(())
}

fn check_size(mask: &GrayImage, [height, width]: [u32; 2]) -> Result<(), Error> {
    let (mask_width, mask_height) = mask.dimensions();
    if (mask_width, mask_height) == (width, height) {
        return Ok(());
    }
    Err(Error::SizeMismatch { mask_width, mask_height, width, height })
}

/// Blends the colours of classes with pixels.
pub(crate) struct Tint(Vec<Option<[[u8; 256]; 3]>>);

impl Tint {
    /// Creates the tables of a palette, as for [`blend`].
    pub(crate) fn new(palette: &[Option<Color>], alpha: f64) -> Self {
        let table = |color: Color| color.0.map(|target| mixing_table(target, alpha));
        Self(palette.iter().map(|color| color.map(table)).collect())
    }

    /// Blends RGB pixels with the colours of their codes.
    pub(crate) fn blend(&self, pixels: &mut [u8], codes: &[u8]) {
        for (pixel, code) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(codes) {
            if let Some(Some(table)) = self.0.get(usize::from(*code)) {
                *pixel = [0, 1, 2].map(|channel| table[channel][usize::from(pixel[channel])]);
            }
        }
    }
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
    fn borders_lie_within_the_regions_that_have_a_color() {
        let mask = GrayImage::from_fn(9, 9, |x, y| Luma([if y > 6 { 7 } else { u8::from(x > 3) }]));
        let mut image = RgbImage::new(9, 9);
        outline(&mut image, &mask, &[None, Some(Color([200, 0, 0]))], 1).unwrap();
        let red = |image: &RgbImage, x, y| image.get_pixel(x, y).0[0];
        assert_eq!((0..9).map(|x| red(&image, x, 0)).collect::<Vec<_>>(), [0, 0, 0, 0, 200, 0, 0, 0, 0]);
        assert_eq!((0..9).map(|y| red(&image, 8, y)).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 200, 128, 0]);
    }

    #[test]
    fn a_mask_of_another_size_is_an_error() {
        let error = blend(&mut RgbImage::new(4, 4), &GrayImage::new(4, 5), &[], 0.5).unwrap_err();
        assert!(error.to_string().contains("4×5"), "{error}");
    }
}
