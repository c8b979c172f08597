//! Legend of an overlay: the names of classes beside their colours.

use bcs_contracts::Color;
use image::{Rgb, RgbImage};

use crate::error::Error;
use crate::text::{Font, mixed};

/// Height of a line of text, as a fraction of the shorter side of the image.
const LINE: f32 = 1.0 / 22.0;

/// Least and greatest height of a line of text, in pixels.
const LINE_RANGE: (f32, f32) = (9.0, 64.0);

/// Largest part of the height or width of the image that the legend takes.
const LARGEST: f32 = 0.9;

/// Colour of the panel and of the text.
const PAPER: [f32; 3] = [255.0; 3];
const INK: [f32; 3] = [32.0; 3];

/// Opacity of the panel.
const OPACITY: f32 = 0.85;

/// A panel that is drawn into the upper left corner of an image.
#[derive(Debug, Clone)]
pub struct Legend {
    width: usize,
    /// Colour and opacity of each pixel.
    pixels: Vec<([f32; 3], f32)>,
}

/// A line of a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The text.
    pub text: String,
    /// Colour of the square beside it.
    pub color: Color,
}

impl Legend {
    /// Draws a legend for an image of this height and width. Its text grows with the image; it shrinks where the legend
    /// would not fit otherwise.
    ///
    /// # Errors
    /// [`Error::Encode`] if the font cannot be read.
    pub fn new(lines: &[Line], image: [usize; 2]) -> Result<Self, Error> {
        let [height, width] = image.map(|side| side as f32);
        let line = (height.min(width) * LINE).clamp(LINE_RANGE.0, LINE_RANGE.1);
        let layout = Layout::new(lines, line)?;
        let fits = (LARGEST * height / layout.height()).min(LARGEST * width / layout.width()).min(1.0);
        Ok(Layout::new(lines, line * fits)?.draw())
    }

    /// Draws the legend into rows of an image, the first of which is row `top` of it.
    pub(crate) fn draw(&self, rows: &mut RgbImage, top: usize) {
        let lines = self.pixels.chunks_exact(self.width.max(1)).skip(top);
        for (y, line) in (0..rows.height()).zip(lines) {
            for (x, (color, opacity)) in (0..rows.width()).zip(line) {
                let Rgb(pixel) = rows.get_pixel_mut(x, y);
                *pixel = std::array::from_fn(|channel| {
                    mixed(f32::from(pixel[channel]), color[channel], *opacity).round() as u8
                });
            }
        }
    }
}

/// Where text and squares lie.
struct Layout<'a> {
    font: Font,
    lines: &'a [Line],
    /// Height of a line.
    line: f32,
}

impl<'a> Layout<'a> {
    fn new(lines: &'a [Line], line: f32) -> Result<Self, Error> {
        Ok(Self { font: Font::new(line)?, lines, line })
    }

    /// Returns the space around the text, between its lines, and beside a square.
    fn space(&self) -> f32 {
        self.line * 0.35
    }

    /// Returns the side of a square.
    fn square(&self) -> f32 {
        self.line * 0.8
    }

    fn height(&self) -> f32 {
        let lines = self.lines.len() as f32;
        lines * self.line + (lines + 1.0) * self.space()
    }

    fn width(&self) -> f32 {
        let texts = self.lines.iter().map(|line| self.font.width(&line.text));
        texts.fold(0.0, f32::max) + self.square() + 3.0 * self.space()
    }

    fn draw(&self) -> Legend {
        let (width, height) = (self.width().ceil() as usize, self.height().ceil() as usize);
        let mut legend = Legend { width, pixels: vec![(PAPER, OPACITY); width * height] };
        for (index, line) in self.lines.iter().enumerate() {
            let top = self.space() + index as f32 * (self.line + self.space());
            self.draw_square(&mut legend, line.color, top + (self.line - self.square()) / 2.0);
            let left = self.square() + 2.0 * self.space();
            self.font.draw(&line.text, [left, top], |x, y, coverage| {
                let at = y as usize * width + x as usize;
                if let Some((color, opacity)) = legend.pixels.get_mut(at).filter(|_| (x as usize) < width) {
                    *color = std::array::from_fn(|channel| mixed(color[channel], INK[channel], coverage));
                    *opacity = opacity.max(coverage);
                }
            });
        }
        legend
    }

    fn draw_square(&self, legend: &mut Legend, color: Color, top: f32) {
        let range = |start: f32| start.round() as usize..(start + self.square()).round() as usize;
        for y in range(top) {
            for x in range(self.space()) {
                if let Some(pixel) = legend.pixels.get_mut(y * legend.width + x) {
                    *pixel = (color.0.map(f32::from), 1.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Color = Color([200, 0, 0]);

    fn lines(count: usize) -> Vec<Line> {
        (0..count).map(|at| Line { text: format!("class {at}"), color: RED }).collect()
    }

    fn drawn(lines: &[Line], width: u32, height: u32) -> RgbImage {
        let mut image = RgbImage::from_pixel(width, height, Rgb([90; 3]));
        Legend::new(lines, [height as usize, width as usize]).unwrap().draw(&mut image, 0);
        image
    }

    #[test]
    fn a_line_has_a_square_and_text() {
        let image = drawn(&lines(1), 300, 300);
        let count = |color: Rgb<u8>| image.pixels().filter(|pixel| **pixel == color).count();
        assert!((90..200).contains(&count(Rgb(RED.0))), "{}", count(Rgb(RED.0)));
        // Darker than the image around the legend.
        let dark = image.pixels().filter(|pixel| pixel.0.iter().all(|value| *value < 90)).count();
        assert!((20..500).contains(&dark), "{dark}");
        assert_eq!(image.get_pixel(299, 299).0, [90; 3], "outside of the legend");
        assert_ne!(drawn(&[Line { text: "other".to_owned(), color: RED }], 300, 300), image);
    }

    #[test]
    fn a_legend_fits_into_the_image() {
        for (count, width, height) in [(1, 16, 16), (22, 224, 224), (22, 40, 900), (5, 3000, 50)] {
            let image = drawn(&lines(count), width, height);
            assert_eq!(
                image.get_pixel(width - 1, height - 1).0,
                [90; 3],
                "{count} lines in {width}×{height}"
            );
            assert_ne!(image.get_pixel(0, 0).0, [90; 3]);
        }
    }

    #[test]
    fn bands_of_an_image_have_their_part_of_the_legend() {
        let whole = drawn(&lines(5), 400, 300);
        let legend = Legend::new(&lines(5), [300, 400]).unwrap();
        for top in (0..300).step_by(50) {
            let mut band = RgbImage::from_pixel(400, 50, Rgb([90; 3]));
            legend.draw(&mut band, top);
            assert_eq!(band.as_raw()[..], whole.as_raw()[top * 1200..(top + 50) * 1200]);
        }
    }
}
