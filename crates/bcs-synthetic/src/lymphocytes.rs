//! Lymphocytic infiltrate: densely packed small, round, dark nuclei with little cytoplasm.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::{
    canvas::Dye,
    key::{Key, Purpose},
    noise::{gradient, mix, step},
    nuclei::Nucleus,
    points::Points,
    regions::{Region, Regions, Site},
};

/// Score, below zero, down to which single lymphocytes are found around an infiltrate.
const STRAY: f32 = 0.35;

/// Lymphocytes of a slide.
#[derive(Debug)]
pub(crate) struct Lymphocytes {
    key: Key,
    noise: u32,
    pitch: f32,
}

impl Lymphocytes {
    pub(crate) fn new(key: Key, pitch: f32) -> Self {
        Self { key, noise: key.noise(Purpose::Lymphocytes), pitch }
    }

    /// Stain between the nuclei: pale remains of the stroma, with holes.
    pub(crate) fn dye(&self, site: &Site, stroma: Dye) -> Dye {
        let noise = |salt: u32, size: f32| gradient(self.noise ^ salt, site.x / size, site.y / size);
        let hole = step(-0.05, 0.4, noise(0x11, 13.0) + 0.4 * noise(0x22, 5.0));
        let grain = 1.0 + 0.25 * noise(0x33, 3.0);
        let plasma = [0.16, 0.3].map(|amount| amount * grain * site.thickness * (1.0 - 0.8 * hole));
        let deep = 0.85 * step(0.0, 0.2, site.lymphocytes);
        [mix(stroma[0], plasma[0], deep), mix(stroma[1], plasma[1], deep)]
    }

    /// Nuclei: densely packed in the infiltrate, and a few in the stroma around it.
    pub(crate) fn nuclei(&self, regions: &Regions, width: u32, height: u32) -> Vec<Nucleus> {
        let points = Points::new(self.key, Purpose::Lymphocytes, self.pitch, 0.34, width, height);
        let near =
            regions.sites(&points).filter(|(_, site, _)| site.lymphocytes > -STRAY && site.into_nest < -6.0);
        near.filter_map(|(point, site, class)| {
            let packed = match class {
                Region::Lymphocytes => 0.55 + 0.4 * step(0.0, 0.15, site.lymphocytes),
                Region::Stroma => 0.12 * step(-STRAY, 0.0, site.lymphocytes),
                _ => 0.0,
            };
            let rng = &mut self.key.cell_rng(Purpose::Lymphocytes, point.column, point.row);
            rng.random_bool(f64::from(packed)).then(|| lymphocyte(rng, site.x, site.y))
        })
        .collect()
    }
}

/// Nucleus of a lymphocyte.
pub(crate) fn lymphocyte(rng: &mut ChaCha8Rng, x: f32, y: f32) -> Nucleus {
    let size = rng.random_range(6.8..9.4);
    let longer = rng.random_range(1.0..1.5);
    Nucleus {
        wobble: rng.random_range(0.04..0.16),
        dye: [rng.random_range(1.5..2.1), 0.4],
        vesicular: rng.random_range(0.1..0.45),
        gap: rng.random_range(0.0..2.8),
        ..Nucleus::oval(rng, x, y, size, longer)
    }
}
