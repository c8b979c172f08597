//! Resampling of a tile: crop, affine map and displacement at once, so that pixels are interpolated only once.

use bcs_contracts::IGNORE;
use serde::{Deserialize, Serialize};

use crate::tiles::Tile;

/// What lies outside of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaddingMode {
    /// Image and mask are reflected about their borders, as `d c b a | a b c d | d c b a`.
    Reflection,
    /// The same, but the reflected pixels are ignored.
    Ignore,
}

/// Part of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Row and column of the first pixel.
    pub origin: [usize; 2],
    /// Height and width in pixels.
    pub size: [usize; 2],
}

/// Affine map of positions relative to the centre, (y, x) in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AffineMap {
    /// Linear part.
    pub matrix: [[f32; 2]; 2],
    /// Translation.
    pub translation: [f32; 2],
}

impl AffineMap {
    const IDENTITY: Self = Self { matrix: [[1.0, 0.0], [0.0, 1.0]], translation: [0.0; 2] };
}

/// Where the pixels of a new tile come from: `map` of the position in `window`, plus `displacement`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resampling {
    /// Part of the old tile, as large as the new one.
    pub window: Window,
    /// Map about the centre of the window.
    pub map: Option<AffineMap>,
    /// Displacement of each pixel of the new tile along y and along x, in pixels.
    pub displacement: Option<[Vec<f32>; 2]>,
}

impl Resampling {
    /// Returns the resampling that only crops.
    pub(super) fn of(window: Window) -> Self {
        Self { window, map: None, displacement: None }
    }

    /// Returns the new tile: the image interpolated bilinearly, the mask by the nearest pixel.
    pub(super) fn apply(&self, tile: &Tile, padding: PaddingMode) -> Tile {
        if self.map.is_none() && self.displacement.is_none() {
            return crop(tile, self.window);
        }
        let [height, width] = self.window.size;
        let source = Source::new(tile, padding);
        let mut pixels = Vec::with_capacity(height * width * 3);
        let mut classes = Vec::with_capacity(height * width);
        for y in 0..height {
            let (start, step) = self.line(y);
            let displacement = self.displacement.as_ref();
            let displacement =
                displacement.map(|planes| planes.each_ref().map(|plane| &plane[y * width..][..width]));
            for x in 0..width {
                let mut position = [0, 1].map(|axis| start[axis] + step[axis] * x as f32);
                if let Some(planes) = displacement {
                    position = [0, 1].map(|axis| position[axis] + planes[axis][x]);
                }
                pixels.extend_from_slice(&source.pixel(position));
                classes.push(source.class(position));
            }
        }
        Tile { width, height, pixels, classes }
    }

    /// Returns where the first pixel of a row comes from, and the step to the next pixel.
    fn line(&self, y: usize) -> ([f32; 2], [f32; 2]) {
        let AffineMap { matrix, translation } = self.map.unwrap_or(AffineMap::IDENTITY);
        let Window { origin, size } = self.window;
        let half = size.map(|side| (side as f32 - 1.0) / 2.0);
        let relative = [y as f32 - half[0], -half[1]];
        let start = [0, 1].map(|axis| {
            let mapped = matrix[axis][0] * relative[0] + matrix[axis][1] * relative[1];
            origin[axis] as f32 + half[axis] + translation[axis] + mapped
        });
        (start, [matrix[0][1], matrix[1][1]])
    }
}

fn crop(tile: &Tile, Window { origin: [top, left], size: [height, width] }: Window) -> Tile {
    if [height, width] == [tile.height, tile.width] {
        return tile.clone();
    }
    let mut pixels = Vec::with_capacity(height * width * 3);
    let mut classes = Vec::with_capacity(height * width);
    for y in top..top + height {
        let start = y * tile.width + left;
        pixels.extend_from_slice(&tile.pixels[start * 3..(start + width) * 3]);
        classes.extend_from_slice(&tile.classes[start..start + width]);
    }
    Tile { width, height, pixels, classes }
}

/// The old tile, at positions between and beyond its pixels.
struct Source<'a> {
    size: [usize; 2],
    pixels: &'a [[u8; 3]],
    classes: &'a [u8],
    padding: PaddingMode,
}

impl<'a> Source<'a> {
    fn new(tile: &'a Tile, padding: PaddingMode) -> Self {
        let size = [tile.height, tile.width];
        Self { size, pixels: tile.pixels.as_chunks::<3>().0, classes: &tile.classes, padding }
    }

    /// Interpolates bilinearly.
    #[inline]
    fn pixel(&self, position: [f32; 2]) -> [u8; 3] {
        let floor = position.map(f32::floor);
        let [dy, dx] = [0, 1].map(|axis| position[axis] - floor[axis]);
        let [y, x] = floor.map(|part| part as isize);
        let [height, width] = self.size.map(usize::cast_signed);
        let inside = y >= 0 && x >= 0 && y + 1 < height && x + 1 < width;
        let corners = if inside {
            let at = y.cast_unsigned() * self.size[1] + x.cast_unsigned();
            let (upper, lower) = (&self.pixels[at..at + 2], &self.pixels[at + self.size[1]..][..2]);
            [upper[0], upper[1], lower[0], lower[1]]
        } else {
            let [y0, y1] = [y, y + 1].map(|y| reflected(y, self.size[0]) * self.size[1]);
            let [x0, x1] = [x, x + 1].map(|x| reflected(x, self.size[1]));
            [y0 + x0, y0 + x1, y1 + x0, y1 + x1].map(|at| self.pixels[at])
        };
        let weights = [(1.0 - dy) * (1.0 - dx), (1.0 - dy) * dx, dy * (1.0 - dx), dy * dx];
        std::array::from_fn(|channel| {
            let sum: f32 = (0..4).map(|corner| weights[corner] * f32::from(corners[corner][channel])).sum();
            // Rounded to the nearest.
            (sum + 0.5) as u8
        })
    }

    /// Class of the nearest pixel.
    #[inline]
    fn class(&self, position: [f32; 2]) -> u8 {
        let [y, x] = position.map(|part| (part + 0.5).floor() as isize);
        let [height, width] = self.size.map(usize::cast_signed);
        if (0..height).contains(&y) && (0..width).contains(&x) {
            return self.classes[y.cast_unsigned() * self.size[1] + x.cast_unsigned()];
        }
        match self.padding {
            PaddingMode::Ignore => IGNORE,
            PaddingMode::Reflection => {
                self.classes[reflected(y, self.size[0]) * self.size[1] + reflected(x, self.size[1])]
            }
        }
    }
}

/// Reflects an index about the borders of `0..length`, which lie half a pixel beyond the first and the last one.
fn reflected(index: isize, length: usize) -> usize {
    let period = 2 * length;
    let index = index.rem_euclid(period.cast_signed()).cast_unsigned();
    if index < length { index } else { period - 1 - index }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::tests::golden::{self, Golden};

    /// Resamples the golden tile.
    fn resampled(case: &golden::Affine, tile: &Tile, padding: PaddingMode) -> Tile {
        let window = Window { origin: [0, 0], size: [tile.height, tile.width] };
        let map = AffineMap { matrix: case.matrix, translation: case.translation };
        Resampling { window, map: Some(map), displacement: case.displacement.clone() }.apply(tile, padding)
    }

    #[test]
    fn resampling_agrees_with_scipy() {
        let golden = Golden::read();
        for case in &golden.affine {
            let tile = resampled(case, &golden.tile(), PaddingMode::Reflection);
            assert_eq!(tile.classes, case.classes, "{}", case.name);
            golden::assert_close(&tile.pixels, &case.pixels, 1, &case.name);
        }
    }

    #[test]
    fn what_lies_outside_can_be_ignored() {
        let golden = Golden::read();
        for case in &golden.affine {
            let tile = resampled(case, &golden.tile(), PaddingMode::Ignore);
            let expected = case.classes.iter().zip(&case.inside);
            let expected: Vec<u8> =
                expected.map(|(class, inside)| if *inside { *class } else { IGNORE }).collect();
            assert_eq!(tile.classes, expected, "{}", case.name);
        }
    }

    #[test]
    fn windows_are_cut_out_exactly() {
        let tile = Golden::read().tile();
        let window = Window { origin: [3, 5], size: [7, 11] };
        let cut = Resampling::of(window).apply(&tile, PaddingMode::Reflection);
        assert_eq!((cut.height, cut.width), (7, 11));
        assert_eq!(cut.classes[..11], tile.classes[3 * tile.width + 5..][..11]);
        // An identity is interpolated to the same tile.
        let map = Some(AffineMap::IDENTITY);
        let same = Resampling { window, map, displacement: None }.apply(&tile, PaddingMode::Reflection);
        assert_eq!(same, cut);
    }

    #[test]
    fn indices_are_reflected_as_by_numpy() {
        // numpy.pad(numpy.arange(3), 7, mode="symmetric")
        let indices: Vec<usize> = (-7..10).map(|index| reflected(index, 3)).collect();
        assert_eq!(indices, [0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2]);
    }
}
