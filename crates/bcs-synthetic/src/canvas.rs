//! The dye in a band of a slide, before light shines through it.

use crate::regions::Region;

/// How much haematoxylin and eosin a place holds, as optical density.
pub(crate) type Dye = [f32; 2];

/// Rows and columns drawn beyond a band on every side, so that blur sees over its edge.
pub(crate) const HALO: usize = 4;

/// A band of rows with its halo.
#[derive(Debug)]
pub(crate) struct Canvas {
    /// The slide's row that is the canvas's first; columns begin at `-HALO`.
    pub(crate) top: i32,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) dye: Vec<Dye>,
    /// The class of each place.
    pub(crate) regions: Vec<Region>,
}

impl Canvas {
    /// A canvas for `rows` rows of `width` px from row `first` on, with what `ground` says is at each place.
    pub(crate) fn new(
        first: usize,
        rows: usize,
        width: usize,
        ground: impl Fn(f32, f32) -> (Dye, Region),
    ) -> Self {
        let (width, height) = (width + 2 * HALO, rows + 2 * HALO);
        let top = first as i32 - HALO as i32;
        let places =
            (0..width * height).map(|i| ((i % width) as f32 - HALO as f32, top as f32 + (i / width) as f32));
        let (dye, regions) = places.map(|(x, y)| ground(x, y)).unzip();
        Self { top, width, height, dye, regions }
    }

    /// Lets `change` see each place in the box that reaches `reach` px to the sides and up and down of
    /// (`x`, `y`), with how far it is off.
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
