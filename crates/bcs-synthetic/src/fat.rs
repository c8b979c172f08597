//! Fat: adipocytes, large white vacuoles with thin rims.

use crate::{
    canvas::Dye,
    key::{Key, Purpose},
    noise::{mix, step, warp},
    points::{Nearest, Points},
    regions::Site,
};

/// Half the thickness of the membrane between two vacuoles, in px.
const RIM: f32 = 1.5;
/// Maximum radius of an adipocyte, relative to the pitch.
const REACH: f32 = 0.64;
/// Radius of the rounded corners of vacuoles, relative to the pitch.
const ROUNDING: f32 = 0.3;
/// How far below zero the score can be at the edge of an adipocyte whose centre is above zero.
const SLACK: f32 = 0.6;

/// Adipocytes of a slide.
#[derive(Debug)]
pub(crate) struct Fat {
    noise: u32,
    pitch: f32,
    cells: Points,
}

impl Fat {
    pub(crate) fn new(key: Key, pitch: f32, width: u32, height: u32) -> Self {
        let cells = Points::new(key, Purpose::Adipocytes, pitch, 0.28, width, height);
        Self { noise: key.noise(Purpose::Adipocytes), pitch, cells }
    }

    /// Returns whether a position belongs to an adipocyte, a cell whose centre has a score above zero.
    pub(crate) fn contains(&self, site: &Site, score: impl Fn(f32, f32) -> f32) -> bool {
        if site.fat < -SLACK {
            return false;
        }
        let cell = self.cell(site);
        self.border(&cell) > -0.5 * ROUNDING * self.pitch && score(cell.place[0], cell.place[1]) > 0.0
    }

    /// Stain without nuclei: none within a vacuole (fat is dissolved in processing), a pink membrane around it, and
    /// stroma in the corners between rounded cells.
    pub(crate) fn dye(&self, site: &Site, stroma: impl FnOnce() -> Dye) -> Dye {
        let border = self.border(&self.cell(site));
        if border < RIM - 0.7 {
            return stroma();
        }
        let inside = step(RIM - 0.7, RIM + 1.1, border);
        [mix(0.14, 0.004, inside), mix(0.55, 0.012, inside)]
    }

    fn cell(&self, site: &Site) -> Nearest {
        let (x, y) = warp(self.noise, site.x, site.y, 65.0, 7.0);
        self.cells.nearest(x, y)
    }

    /// Distance to the edge of an adipocyte, in px. The edge is half-way to the neighbouring cells, or at the maximum
    /// radius, with rounded corners.
    fn border(&self, cell: &Nearest) -> f32 {
        let half_way = |distance: f32| 0.5 * (distance - cell.first);
        let size = ROUNDING * self.pitch;
        let to_cells = rounded(half_way(cell.second), half_way(cell.third), size);
        rounded(to_cells, REACH * self.pitch - cell.first, size)
    }
}

/// Smooth minimum of two distances, rounded over `size`.
fn rounded(a: f32, b: f32, size: f32) -> f32 {
    let alike = (size - (a - b).abs()).max(0.0) / size;
    a.min(b) - 0.25 * size * alike * alike
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adipocyte_is_clear_inside_with_a_pink_rim() {
        let fat = Fat::new(Key { seed: 1, index: 2 }, 120.0, 400, 400);
        let place = fat.cells.nearest(200.0, 200.0).place;
        let dye = |distance: u8| {
            let site = Site { x: place[0] + f32::from(distance), y: place[1], ..Site::default() };
            fat.dye(&site, || [0.0, 9.0])[1]
        };
        assert!(dye(0) < 0.05);
        assert!((0..120).any(|distance| (0.3..1.0).contains(&dye(distance))));
    }
}
