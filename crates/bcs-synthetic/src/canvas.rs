//! Amounts of stain in a band of a slide.

use crate::regions::Region;

/// Amounts of haematoxylin and eosin at a position, in units of optical density.
pub(crate) type Dye = [f32; 2];

/// Rows and columns drawn beyond a band on every side, for the blur at its edges.
pub(crate) const HALO: usize = 4;

/// A band of rows with its halo.
#[derive(Debug)]
pub(crate) struct Canvas {
    /// Row of the slide at the top of the canvas; columns start at `-HALO`.
    pub(crate) top: i32,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) dye: Vec<Dye>,
    /// Class of each pixel.
    pub(crate) regions: Vec<Region>,
}

impl Canvas {
    /// Creates a canvas for `rows` rows of `width` px, starting at row `first`, filled by `ground`.
    pub(crate) fn new(
        first: usize,
        rows: usize,
        width: usize,
        ground: impl Fn(f32, f32) -> (Dye, Region),
    ) -> Self {
        let (width, height) = (width + 2 * HALO, rows + 2 * HALO);
        let top = first as i32 - HALO as i32;
        let positions =
            (0..width * height).map(|i| ((i % width) as f32 - HALO as f32, top as f32 + (i / width) as f32));
        let (dye, regions) = positions.map(|(x, y)| ground(x, y)).unzip();
        Self { top, width, height, dye, regions }
    }

    /// Calls `change` with the offset from (`x`, `y`) and the stain of each pixel in the box that extends `reach` px
    /// horizontally and vertically from there.
    pub(crate) fn around(
        &mut self,
        x: f32,
        y: f32,
        reach: [f32; 2],
        mut change: impl FnMut(f32, f32, &mut Dye),
    ) {
        let span = |centre: f32, reach: f32, start: i32, length: usize| {
            let low = ((centre - reach).floor() as i32 - start).clamp(0, length as i32);
            let high = ((centre + reach).ceil() as i32 - start + 1).clamp(0, length as i32);
            low as usize..high as usize
        };
        let left = -(HALO as i32);
        let columns = span(x, reach[0], left, self.width);
        for row in span(y, reach[1], self.top, self.height) {
            let dy = (self.top + row as i32) as f32 - y;
            for column in columns.clone() {
                let dx = (left + column as i32) as f32 - x;
                change(dx, dy, &mut self.dye[row * self.width + column]);
            }
        }
    }
}
