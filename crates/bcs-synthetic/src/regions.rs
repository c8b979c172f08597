//! Tissue class of each position in the region being drawn.

use crate::{
    fat::Fat,
    fields::{Fields, Scores},
    noise::{mix, split},
    points::{Point, Points},
};

/// Distance between the nodes at which the smooth scores are computed, in px; between nodes they are interpolated.
const STEP: f32 = 8.0;
/// Nodes beyond each side of the region, up to the centres of adipocytes that extend into it.
const MARGIN: i32 = 16;

/// Tissue class, with its BCSS code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Region {
    Tumour = 1,
    Stroma = 2,
    Lymphocytes = 3,
    Necrosis = 4,
    Fat = 9,
    Other = 21,
}

/// Properties of a position, independent of cells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Site {
    /// Position in px.
    pub(crate) x: f32,
    pub(crate) y: f32,
    /// Distance into the nearest nest, in px (negative outside).
    pub(crate) into_nest: f32,
    /// Distance into the nearest hole, in px (negative outside).
    pub(crate) into_hole: f32,
    /// Scores of fat, necrosis and lymphocytes, positive where the class is present.
    pub(crate) fat: f32,
    pub(crate) necrosis: f32,
    pub(crate) lymphocytes: f32,
    /// Coordinates along and across the fibres, in px.
    pub(crate) along: f32,
    pub(crate) across: f32,
    /// Relative thickness of the section, with mean 1.
    pub(crate) thickness: f32,
}

/// Scores of a region on a grid of nodes.
#[derive(Debug)]
pub(crate) struct Regions {
    fields: Fields,
    fat: Fat,
    columns: i32,
    nodes: Vec<[f32; 8]>,
}

impl Regions {
    /// Samples the fields for a region of `width` × `height` px.
    pub(crate) fn new(fields: Fields, fat: Fat, width: u32, height: u32) -> Self {
        let nodes_over = |length: u32| (length as f32 / STEP) as i32 + 2 + 2 * MARGIN;
        let (columns, rows) = (nodes_over(width), nodes_over(height));
        let node = |i: i32| ((i - MARGIN) as f32) * STEP;
        let scores: Vec<Scores> =
            (0..columns * rows).map(|i| fields.at(node(i % columns), node(i / columns))).collect();
        let score = |column: i32, row: i32| {
            &scores[(row.clamp(0, rows - 1) * columns + column.clamp(0, columns - 1)) as usize]
        };
        let nodes = (0..columns * rows)
            .map(|i| {
                let (column, row) = (i % columns, i / columns);
                let around = [
                    score(column - 1, row),
                    score(column + 1, row),
                    score(column, row - 1),
                    score(column, row + 1),
                ];
                let here = score(column, row);
                [
                    distance(here, around, |s| s.tumour),
                    distance(here, around, |s| s.other),
                    here.fat,
                    here.necrosis,
                    here.lymphocytes,
                    here.across,
                    here.thickness,
                    // Padding to eight values, the width of a vector register.
                    0.0,
                ]
            })
            .collect();
        Self { fields, fat, columns, nodes }
    }

    /// Returns the site at a position in the region, or slightly outside.
    pub(crate) fn site(&self, x: f32, y: f32) -> Site {
        let rows = self.nodes.len() as i32 / self.columns;
        let lattice = |place: f32, count: i32| {
            split((place / STEP + MARGIN as f32).clamp(0.0, (count - 1) as f32 - 1e-3))
        };
        let ((column, fx), (row, fy)) = (lattice(x, self.columns), lattice(y, rows));
        let i = (row * self.columns + column) as usize;
        let below = i + self.columns as usize;
        let (a, b, c, d) = (&self.nodes[i], &self.nodes[i + 1], &self.nodes[below], &self.nodes[below + 1]);
        let value: [f32; 8] = std::array::from_fn(|k| mix(mix(a[k], b[k], fx), mix(c[k], d[k], fx), fy));
        let [into_nest, into_hole, fat, necrosis, lymphocytes, across, thickness, _] = value;
        let along = self.fields.rotate(x, y).0;
        Site { x, y, into_nest, into_hole, fat, necrosis, lymphocytes, along, across, thickness }
    }

    /// Returns the class of a site.
    pub(crate) fn class(&self, site: &Site) -> Region {
        if site.into_hole > 0.0 {
            Region::Other
        } else if self.fat.contains(site, |x, y| self.site(x, y).fat) {
            Region::Fat
        } else if site.into_nest > 0.0 {
            if site.necrosis > 0.0 { Region::Necrosis } else { Region::Tumour }
        } else if site.lymphocytes > 0.0 {
            Region::Lymphocytes
        } else {
            Region::Stroma
        }
    }

    /// Returns site and class of each point.
    pub(crate) fn sites(&self, points: &Points) -> impl Iterator<Item = (Point, Site, Region)> {
        points.iter().map(|point| {
            let site = self.site(point.x, point.y);
            (point, site, self.class(&site))
        })
    }

    /// Adipocytes of the region.
    pub(crate) fn fat(&self) -> &Fat {
        &self.fat
    }

    /// Returns the direction of the fibres at a position, in radians.
    pub(crate) fn direction(&self, x: f32, y: f32) -> f32 {
        let across = |dx: f32, dy: f32| self.site(x + dx, y + dy).across;
        let (gx, gy) = (across(6.0, 0.0) - across(-6.0, 0.0), across(0.0, 6.0) - across(0.0, -6.0));
        (-gx).atan2(gy)
    }
}

/// Approximate distance to the zero level of a score, in px: the score divided by its gradient.
fn distance(here: &Scores, [left, right, up, down]: [&Scores; 4], score: fn(&Scores) -> f32) -> f32 {
    let slope = (score(right) - score(left)).hypot(score(down) - score(up)) / (2.0 * STEP);
    (score(here) / slope.max(0.002)).clamp(-200.0, 200.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Slide;

    /// Share of each class in the reference square, from every 16th pixel.
    fn shares(slide: &Slide) -> [f32; 22] {
        let fat = Fat::new(slide.key, slide.tissue.adipocyte_pitch, 896, 896);
        let regions = Regions::new(slide.fields, fat, 896, 896);
        let mut shares = [0.0; 22];
        for i in 0..56 * 56 {
            let site = regions.site((i % 56 * 16 + 3) as f32, (i / 56 * 16 + 3) as f32);
            shares[regions.class(&site) as usize] += 1.0 / (56.0 * 56.0);
        }
        shares
    }

    #[test]
    fn every_slide_has_tumour_and_stroma_and_every_class_is_on_some_slide() {
        let slides: Vec<[f32; 22]> = (0..16).map(|index| shares(&Slide::new(21, index))).collect();
        assert!(slides.iter().all(|share| share[1] > 0.15 && share[2] > 0.1));
        let mean = |class: Region| slides.iter().map(|share| share[class as usize]).sum::<f32>() / 16.0;
        let bounds = [
            (Region::Tumour, 0.28..0.45),
            (Region::Stroma, 0.28..0.50),
            (Region::Lymphocytes, 0.04..0.14),
            (Region::Necrosis, 0.015..0.10),
            (Region::Fat, 0.02..0.12),
            (Region::Other, 0.03..0.08),
        ];
        for (class, bound) in bounds {
            assert!(bound.contains(&mean(class)), "{class:?} takes {}", mean(class));
        }
    }

    #[test]
    fn the_coordinate_across_fibres_is_constant_along_them() {
        let slide = Slide::new(2, 2);
        let fat = Fat::new(slide.key, slide.tissue.adipocyte_pitch, 200, 200);
        let regions = Regions::new(slide.fields, fat, 200, 200);
        let (sin, cos) = regions.direction(100.0, 100.0).sin_cos();
        let across = |dx: f32, dy: f32| {
            (regions.site(100.0 + dx, 100.0 + dy).across - regions.site(100.0, 100.0).across).abs()
        };
        assert!(across(4.0 * cos, 4.0 * sin) < 0.3 * across(-4.0 * sin, 4.0 * cos));
    }
}
