//! Lines of text in images.

use ab_glyph::{Font as _, FontRef, Glyph, PxScale, ScaleFont, point};
use image::RgbImage;

use crate::error::Error;

/// DejaVu Sans, with Latin, Greek and Cyrillic letters.
const FONT: &[u8] = include_bytes!("../assets/DejaVuSans.ttf");

/// A font in one size.
#[derive(Debug)]
pub struct Font {
    font: FontRef<'static>,
    scale: PxScale,
}

impl Font {
    /// Creates the font whose lines have this height in pixels.
    ///
    /// # Errors
    /// [`Error::Encode`] if the font cannot be read.
    pub fn new(line: f32) -> Result<Self, Error> {
        let font = FontRef::try_from_slice(FONT)
            .map_err(|error| Error::Encode { format: "text", reason: error.to_string() })?;
        Ok(Self { font, scale: PxScale::from(line) })
    }

    /// Returns the width of a text in pixels.
    pub fn width(&self, text: &str) -> f32 {
        self.glyphs(text).1
    }

    /// Writes a text into an image, with its upper left corner at column `left` and row `top`. What lies outside of the image
    /// is left out.
    pub fn write(&self, image: &mut RgbImage, text: &str, [left, top]: [f32; 2], color: [u8; 3]) {
        self.draw(text, [left, top], |x, y, coverage| {
            if let Some(pixel) = image.get_pixel_mut_checked(x, y) {
                pixel.0 = std::array::from_fn(|channel| {
                    let [below, above] = [pixel.0[channel], color[channel]].map(f32::from);
                    mixed(below, above, coverage).round() as u8
                });
            }
        });
    }

    /// Calls `pixel` with column, row and coverage, in [0, 1], of each pixel of a text.
    pub(crate) fn draw(&self, text: &str, [left, top]: [f32; 2], mut pixel: impl FnMut(u32, u32, f32)) {
        // Spaces have no outline.
        for outline in self.glyphs(text).0.into_iter().filter_map(|glyph| self.font.outline_glyph(glyph)) {
            let bounds = outline.px_bounds();
            let (left, top) = (left.round() + bounds.min.x, top.round() + bounds.min.y);
            outline.draw(|x, y, coverage| {
                let (x, y) = (left + x as f32, top + y as f32);
                if x >= 0.0 && y >= 0.0 {
                    pixel(x as u32, y as u32, coverage.min(1.0));
                }
            });
        }
    }

    /// Returns the glyphs of a text that begins at the origin, and its width.
    fn glyphs(&self, text: &str) -> (Vec<Glyph>, f32) {
        let font = self.font.as_scaled(self.scale);
        let (mut x, mut glyphs) = (0.0, Vec::<Glyph>::new());
        for character in text.chars() {
            let id = font.glyph_id(character);
            if let Some(last) = glyphs.last() {
                x += font.kern(last.id, id);
            }
            glyphs.push(id.with_scale_and_position(self.scale, point(x, font.ascent())));
            x += font.h_advance(id);
        }
        (glyphs, x)
    }
}

/// Returns the mean of two colour values, with this weight of the one above.
pub(crate) fn mixed(below: f32, above: f32, opacity: f32) -> f32 {
    below * (1.0 - opacity) + above * opacity
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn text_is_as_wide_as_it_says_and_may_leave_the_image() {
        let font = Font::new(20.0).unwrap();
        let (narrow, wide) = (font.width("il"), font.width("affine_2"));
        assert!(narrow > 0.0 && wide > 3.0 * narrow && wide < 8.0 * 20.0);
        let mut image = RgbImage::from_pixel(200, 24, Rgb([255; 3]));
        font.write(&mut image, "affine_2", [10.0, 2.0], [0, 0, 200]);
        let columns: Vec<u32> =
            image.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] < 100).map(|(x, _, _)| x).collect();
        let (first, last) = (*columns.iter().min().unwrap(), *columns.iter().max().unwrap());
        assert!(
            first >= 10 && (last as f32) < 11.0 + wide && (last as f32) > 4.0 + wide,
            "{first} {last} {wide}"
        );
        let untouched = RgbImage::from_pixel(8, 8, Rgb([255; 3]));
        let mut small = untouched.clone();
        font.write(&mut small, "affine", [-60.0, -30.0], [0; 3]);
        font.write(&mut small, "affine", [9.0, 9.0], [0; 3]);
        assert_eq!(small, untouched);
    }
}
