//! Necrosis: pale pink granular debris, ghost cells, and fragments of nuclei.

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

/// Distance between ghost cells, in px.
const GHOST_PITCH: f32 = 30.0;
/// Distance between possible positions of nuclear debris, in px.
const DEBRIS_PITCH: f32 = 22.0;

/// Necrosis of a slide.
#[derive(Debug)]
pub(crate) struct Necrosis {
    key: Key,
    noise: u32,
    ghosts: Points,
}

impl Necrosis {
    pub(crate) fn new(key: Key, width: u32, height: u32) -> Self {
        let ghosts = Points::new(key, Purpose::GhostCells, GHOST_PITCH, 0.4, width, height);
        Self { key, noise: key.noise(Purpose::GhostCells), ghosts }
    }

    /// Stain without nuclei: clumped granules and cells without nuclei, with cracks between them, blended with viable
    /// tumour at the edge.
    pub(crate) fn dye(&self, site: &Site, tumour: impl FnOnce() -> Dye) -> Dye {
        let dead =
            step(-0.06, 0.14, site.necrosis + 0.06 * gradient(self.noise ^ 0x99, site.x / 9.0, site.y / 9.0));
        let debris = self.debris(site);
        if dead >= 1.0 {
            return debris;
        }
        let living = tumour();
        [mix(living[0], debris[0], dead), mix(living[1], debris[1], dead)]
    }

    fn debris(&self, site: &Site) -> Dye {
        let noise = |salt: u32, size: f32| gradient(self.noise ^ salt, site.x / size, site.y / size);
        let bend = 5.0 * noise(0x11, 12.0);
        let ghost = self.ghosts.nearest(site.x + bend, site.y + bend);
        let crack = step(2.2, 0.5, ghost.border()) * step(-0.1, 0.4, noise(0x22, 40.0));
        let holes = step(0.3, 0.75, noise(0x33, 7.0) + 0.5 * noise(0x44, 3.5));
        let grain = 1.0 + 0.34 * noise(0x55, 2.6) + 0.3 * noise(0x66, 8.0);
        let clear = (1.0 - 0.8 * crack) * (1.0 - 0.75 * holes);
        let dust = 0.14 * step(0.1, 0.7, noise(0x77, 18.0));
        [0.07 + dust, 0.36 + 0.22 * ghost.own].map(|amount| amount * grain * clear * site.thickness)
    }

    /// Clusters of pyknotic nuclei and nuclear fragments.
    pub(crate) fn nuclei(&self, regions: &Regions, width: u32, height: u32) -> Vec<Nucleus> {
        let points = Points::new(self.key, Purpose::Debris, DEBRIS_PITCH, 0.5, width, height);
        let held = regions.sites(&points).filter(|(.., class)| *class == Region::Necrosis);
        held.filter_map(|(point, site, _)| {
            let rng = &mut self.key.cell_rng(Purpose::Debris, point.column, point.row);
            let density = step(-0.5, 0.6, gradient(self.noise ^ 0x88, site.x / 90.0, site.y / 90.0));
            rng.random_bool(f64::from(0.08 + 0.5 * density)).then(|| debris(rng, &site))
        })
        .collect()
    }
}

fn debris(rng: &mut ChaCha8Rng, site: &Site) -> Nucleus {
    let fragment = rng.random_bool(0.6);
    let size = if fragment { rng.random_range(1.3..3.2) } else { rng.random_range(4.0..7.5) };
    let longer = rng.random_range(1.0..1.5);
    Nucleus {
        wobble: rng.random_range(0.1..0.3),
        dye: [rng.random_range(0.9..2.1), 0.6],
        gap: if fragment { 0.0 } else { rng.random_range(0.0..3.0) },
        ..Nucleus::oval(rng, site.x, site.y, size, longer)
    }
}
