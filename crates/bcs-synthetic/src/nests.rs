//! Tumour: nests of crowded cells with large, pleomorphic, often vesicular nuclei.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::{
    canvas::Dye,
    key::{Key, Purpose},
    lymphocytes::lymphocyte,
    noise::{gradient, hash, step, unit},
    nuclei::Nucleus,
    points::{Point, Points},
    regions::{Region, Regions, Site},
    tissue::TumourAppearance,
};

/// Fraction of cells in a nest that are infiltrating lymphocytes.
const INVADED: f64 = 0.025;
/// Fraction of cells whose nucleus lies outside the section.
const EMPTY: f64 = 0.1;

/// Tumour of a slide.
#[derive(Debug)]
pub(crate) struct Nests {
    key: Key,
    noise: u32,
    appearance: TumourAppearance,
    cells: Points,
}

impl Nests {
    pub(crate) fn new(key: Key, appearance: TumourAppearance, width: u32, height: u32) -> Self {
        let cells = Points::new(key, Purpose::TumourCells, appearance.pitch, 0.3, width, height);
        Self { key, noise: key.noise(Purpose::TumourCells), appearance, cells }
    }

    /// Stain without nuclei: granular cytoplasm that varies between cells, with pale borders between them.
    pub(crate) fn dye(&self, site: &Site) -> Dye {
        let noise = |salt: u32, size: f32| gradient(self.noise ^ salt, site.x / size, site.y / size);
        let mottle = noise(0x11, 15.0);
        let cell = self.cells.nearest(site.x + 5.0 * mottle, site.y - 5.0 * mottle);
        let other = unit(hash(self.noise, (cell.own * 65_536.0) as i32, 0));
        let (fleck, fine) = (noise(0x33, 6.5), noise(0x22, 2.7));
        let grain = (1.0 + 0.32 * fine + 0.36 * fleck + 0.2 * mottle).max(0.12);
        let body = [
            self.appearance.cytoplasm[0] * (0.8 + 0.4 * cell.own),
            self.appearance.cytoplasm[1] * (0.85 + 0.3 * other),
        ];
        let (border, patch) = (cell.border(), noise(0x55, 45.0));
        let width = self.appearance.gaps * (0.1 + 1.4 * patch) + 0.4 * fleck;
        let apart =
            (0.85 * step(width + 0.8, width - 0.8, border)).max((0.2 - 0.2 * patch) * step(1.8, 0.3, border));
        let bubble = step(0.0, 0.12, noise(0x66, 15.0) - 0.85 + 4.0 * self.appearance.bubbles);
        let clear = (1.0 - apart) * (1.0 - 0.92 * bubble);
        body.map(|amount| amount * grain * clear * site.thickness)
    }

    /// Nuclei, each near the centre of its cell.
    pub(crate) fn nuclei(&self, regions: &Regions) -> Vec<Nucleus> {
        let deep = 0.35 * self.appearance.radius;
        let held = regions.sites(&self.cells);
        let held = held.filter(|(_, site, class)| *class == Region::Tumour && site.into_nest > deep);
        held.filter_map(|(point, ..)| {
            let rng = &mut self.key.cell_rng(Purpose::TumourCells, point.column, point.row);
            if rng.random_bool(EMPTY) {
                None
            } else if rng.random_bool(INVADED) {
                Some(lymphocyte(rng, point.x, point.y))
            } else if rng.random_bool(f64::from(self.appearance.dark)) {
                Some(self.dark_nucleus(rng, point))
            } else {
                Some(self.nucleus(rng, point))
            }
        })
        .collect()
    }

    fn nucleus(&self, rng: &mut ChaCha8Rng, point: Point) -> Nucleus {
        let atypia = self.appearance.atypia;
        let size = self.appearance.radius * (1.0 + atypia * rng.random_range(-0.3..0.38));
        let longer = 1.0 + rng.random_range(0.04..0.35 + 0.5 * atypia);
        let vesicular = (self.appearance.vesicular + rng.random_range(-0.3..0.2)).clamp(0.0, 1.0);
        // Some nuclei are partly outside the section: paler and out of focus.
        let (depth, blur) = if rng.random_bool(0.2) {
            (rng.random_range(0.5..0.8), rng.random_range(1.8..3.2))
        } else {
            (1.0, rng.random_range(0.7..1.7))
        };
        Nucleus {
            wobble: rng.random_range(0.08..0.16 + 0.2 * atypia),
            dye: [
                depth * self.appearance.chromatin * rng.random_range(0.75..1.25),
                rng.random_range(0.28..0.5),
            ],
            vesicular,
            nucleoli: self.nucleoli(rng, size, vesicular),
            gap: if rng.random_bool(0.15) { self.appearance.gaps } else { 0.0 },
            blur,
            ..Nucleus::oval(rng, point.x, point.y, size, longer)
        }
    }

    /// Nucleoli, more frequent in vesicular and atypical nuclei.
    fn nucleoli(&self, rng: &mut ChaCha8Rng, size: f32, vesicular: f32) -> [[f32; 3]; 2] {
        let share = f64::from((0.25 + 0.6 * vesicular * (0.4 + self.appearance.atypia)).min(0.95));
        let mut some = |probability: f64| {
            let (angle, out) =
                (rng.random_range(0.0..std::f32::consts::TAU), rng.random_range(0.05..0.45) * size);
            let radius = rng.random_range(0.11..0.2) * size;
            if rng.random_bool(probability) {
                [out * angle.cos(), out * angle.sin(), radius]
            } else {
                [0.0; 3]
            }
        };
        [some(share), some(0.4 * share)]
    }

    /// Shrunken, dark nucleus, as of a dying cell.
    fn dark_nucleus(&self, rng: &mut ChaCha8Rng, point: Point) -> Nucleus {
        let size = self.appearance.radius * rng.random_range(0.6..0.95);
        let longer = rng.random_range(1.1..2.4);
        Nucleus {
            wobble: rng.random_range(0.12..0.28),
            dye: [rng.random_range(1.5..2.2), 0.5],
            vesicular: rng.random_range(0.0..0.2),
            gap: rng.random_range(0.0..4.0),
            ..Nucleus::oval(rng, point.x, point.y, size, longer)
        }
    }
}
