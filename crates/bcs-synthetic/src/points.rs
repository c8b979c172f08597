//! Jittered hexagonal lattices of points, the positions of cells.

use crate::{
    key::{Key, Purpose},
    noise::{hash, split, unit},
};

/// Distance between the rows of a hexagonal lattice, relative to the pitch.
const ROW_PITCH: f32 = 0.866;

/// Points of a lattice in and around a region, each displaced at random.
#[derive(Debug)]
pub(crate) struct Points {
    pitch: f32,
    columns: i32,
    places: Vec<[f32; 2]>,
}

/// One point of a lattice: column and row in the lattice, and position in px.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) column: i32,
    pub(crate) row: i32,
    pub(crate) x: f32,
    pub(crate) y: f32,
}

/// Points nearest to a position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nearest {
    /// Position of the nearest point.
    pub(crate) place: [f32; 2],
    /// Random number in [0, 1) of the nearest point.
    pub(crate) own: f32,
    /// Distance to the nearest point, in px.
    pub(crate) first: f32,
    /// Distance to the second nearest point, in px.
    pub(crate) second: f32,
    /// Distance to the third nearest point, in px.
    pub(crate) third: f32,
}

impl Nearest {
    /// Approximate distance to the border between cells, in px; smaller in corners, so that cells are rounded.
    pub(crate) fn border(&self) -> f32 {
        let (second, third) = (self.second - self.first, self.third - self.first);
        0.5 * second * third / (second + third + 1e-3)
    }
}

impl Points {
    /// Lattice cells beyond each side of the region, for cells that extend into it.
    const MARGIN: i32 = 3;

    /// Creates the points of `purpose` for a region of `width` × `height` px, `pitch` px apart, each displaced by up to
    /// `jitter` times the pitch.
    pub(crate) fn new(key: Key, purpose: Purpose, pitch: f32, jitter: f32, width: u32, height: u32) -> Self {
        let noise = key.noise(purpose);
        let columns = (width as f32 / pitch) as i32 + 2 * Self::MARGIN + 1;
        let rows = (height as f32 / (pitch * ROW_PITCH)) as i32 + 2 * Self::MARGIN + 1;
        let place = |row: i32, column: i32| {
            let nudge = |salt| (unit(hash(noise ^ salt, column, row)) * 2.0 - 1.0) * jitter;
            let shift = if row & 1 == 0 { 0.25 } else { 0.75 };
            [
                (column as f32 + shift + nudge(0x1f35)) * pitch,
                (row as f32 + 0.5 + nudge(0x7a1d)) * pitch * ROW_PITCH,
            ]
        };
        let places = (-Self::MARGIN..rows - Self::MARGIN)
            .flat_map(|row| (-Self::MARGIN..columns - Self::MARGIN).map(move |column| place(row, column)))
            .collect();
        Self { pitch, columns, places }
    }

    /// Returns all points, row by row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Point> + '_ {
        self.places.iter().enumerate().map(|(i, &[x, y])| {
            let i = i as i32;
            Point { column: i % self.columns - Self::MARGIN, row: i / self.columns - Self::MARGIN, x, y }
        })
    }

    /// Returns the points nearest to a position in the region, or a few px outside.
    pub(crate) fn nearest(&self, x: f32, y: f32) -> Nearest {
        let rows = self.places.len() as i32 / self.columns;
        let row = split(y / (self.pitch * ROW_PITCH)).0 + Self::MARGIN;
        let (mut best, mut first, mut second, mut third) = (0, f32::MAX, f32::MAX, f32::MAX);
        for r in (row - 1).max(0)..=(row + 1).min(rows - 1) {
            // Odd lattice rows (the margin is odd too) are shifted right by half a pitch.
            let shift = if (r - Self::MARGIN) & 1 == 0 { 0.25 } else { 0.75 };
            let column = split(x / self.pitch - shift + 0.5).0 + Self::MARGIN;
            for c in (column - 1).max(0)..=(column + 1).min(self.columns - 1) {
                let i = (r * self.columns + c) as usize;
                let [px, py] = self.places[i];
                let distance = (px - x) * (px - x) + (py - y) * (py - y);
                if distance < first {
                    (best, first, second, third) = (i, distance, first, second);
                } else if distance < second {
                    (second, third) = (distance, second);
                } else {
                    third = third.min(distance);
                }
            }
        }
        let place = self.places[best];
        let own = unit(hash(0x51ed, place[0].to_bits() as i32, place[1].to_bits() as i32));
        Nearest { place, own, first: first.sqrt(), second: second.sqrt(), third: third.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_agrees_with_a_search_of_all_points() {
        let key = Key { seed: 3, index: 1 };
        let points = Points::new(key, Purpose::TumourCells, 30.0, 0.3, 300, 200);
        for i in 0..300 {
            let (x, y) = ((i * 7 % 300) as f32, (i * 13 % 200) as f32);
            let found = points.nearest(x, y);
            let all = points.iter().map(|p| (p.x - x).hypot(p.y - y)).fold(f32::MAX, f32::min);
            assert!((found.first - all).abs() < 1e-3);
            assert!(found.first <= found.second && found.second <= found.third);
        }
    }
}
