//! Stroma: wavy collagen, the ground substance between its fibres, and spindle-shaped fibroblasts.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::{
    canvas::Dye,
    key::{Key, Purpose},
    noise::{gradient, mix, step},
    nuclei::{Nucleus, Outline},
    points::Points,
    regions::{Region, Regions, Site},
    tissue::{StromaAppearance, TumourAppearance},
};

/// Fraction of fibroblasts replaced by a capillary.
const CAPILLARIES: f64 = 0.025;

/// Stroma of a slide.
#[derive(Debug)]
pub(crate) struct Stroma {
    key: Key,
    noise: u32,
    appearance: StromaAppearance,
    /// Width of the retraction clefts around nests, in px.
    cleft: f32,
}

impl Stroma {
    pub(crate) fn new(key: Key, appearance: StromaAppearance, nests: &TumourAppearance) -> Self {
        Self { key, noise: key.noise(Purpose::Fibres), appearance, cleft: 1.0 + 1.6 * nests.gaps }
    }

    /// Stain without nuclei: bundles of collagen strands, paler where loose, with fine white gaps.
    pub(crate) fn dye(&self, site: &Site) -> Dye {
        let place = site.across + self.crimp(site);
        let noise = |salt: u32, along: f32, across: f32| {
            gradient(self.noise ^ salt, site.along / along, place / across)
        };
        let broad = noise(0x11, 190.0, 55.0);
        let bundles = noise(0x22, 95.0, 15.0);
        let strands = noise(0x33, 46.0, 5.2);
        let fibrils = noise(0x44, 15.0, 2.3);
        let dense = 0.5 + 0.5 * broad + 0.5 * bundles + 0.5 * strands + 0.2 * fibrils
            - 0.5 * (self.appearance.loose - 0.3);
        let collagen = step(-0.25, 0.75, dense);
        let grain = 1.0 + 0.2 * fibrils;
        let eosin = self.appearance.collagen * mix(0.3, 1.0 + 0.35 * strands + 0.2 * broad, collagen);
        let haematoxylin = mix(self.appearance.ground, 0.07, collagen);
        let split = step(0.12, -0.2, dense + 0.4 * strands) * self.appearance.loose.max(0.35);
        let clear = (1.0 - 0.95 * split) * (1.0 - self.retraction(site));
        [haematoxylin, eosin].map(|amount| amount * grain * site.thickness * clear)
    }

    /// Crimp of the collagen: lateral displacement along the fibre.
    fn crimp(&self, site: &Site) -> f32 {
        self.appearance.crimp * gradient(self.noise ^ 0x55, site.along / 19.0, site.across / 60.0)
    }

    /// Retraction clefts: white gaps along parts of the borders of nests.
    fn retraction(&self, site: &Site) -> f32 {
        let outside = -site.into_nest;
        if !(0.0..12.0).contains(&outside) {
            return 0.0;
        }
        let width = self.cleft * (0.4 + 2.2 * gradient(self.noise ^ 0x66, site.x / 70.0, site.y / 70.0));
        0.9 * step(width + 1.0, width - 1.0, outside)
    }

    /// Nuclei of fibroblasts, along the fibres, and some capillaries.
    pub(crate) fn nuclei(&self, regions: &Regions, width: u32, height: u32) -> Vec<Nucleus> {
        let points =
            Points::new(self.key, Purpose::Fibroblasts, self.appearance.fibroblast_pitch, 0.5, width, height);
        let held = regions
            .sites(&points)
            .filter(|(_, site, class)| *class == Region::Stroma && site.into_nest < -4.0);
        held.flat_map(|(point, site, _)| {
            let rng = &mut self.key.cell_rng(Purpose::Fibroblasts, point.column, point.row);
            let direction = regions.direction(site.x, site.y);
            if rng.random_bool(CAPILLARIES) && site.into_nest < -40.0 {
                capillary(rng, &site, direction)
            } else {
                vec![fibroblast(rng, &site, direction)]
            }
        })
        .collect()
    }
}

/// Capillary: a short row of red blood cells, drawn as nuclei filled with eosin.
fn capillary(rng: &mut ChaCha8Rng, site: &Site, direction: f32) -> Vec<Nucleus> {
    let count = rng.random_range(2..6_u8);
    let (sin, cos) = direction.sin_cos();
    let cell = |i: u8| {
        let (along, across) =
            (14.0 * f32::from(i) + rng.random_range(-3.0..3.0), rng.random_range(-4.0..4.0));
        let (x, y) = (site.x + along * cos - across * sin, site.y + along * sin + across * cos);
        let (size, longer) = (rng.random_range(6.5..8.5), rng.random_range(1.2..1.5));
        Nucleus {
            angle: direction + rng.random_range(-0.5..0.5),
            dye: [0.12, rng.random_range(1.1..1.6)],
            gap: rng.random_range(1.0..4.0),
            ..Nucleus::oval(rng, x, y, size, longer)
        }
    };
    (0..count).map(cell).collect()
}

fn fibroblast(rng: &mut ChaCha8Rng, site: &Site, direction: f32) -> Nucleus {
    let plump = rng.random_bool(0.3);
    let length = if plump { rng.random_range(9.0..14.0) } else { rng.random_range(12.0..22.0) };
    let width = if plump { rng.random_range(4.5..6.5) } else { rng.random_range(2.6..4.4) };
    Nucleus {
        half: [length, width],
        angle: direction + rng.random_range(-0.2..0.2),
        outline: if plump { Outline::Oval } else { Outline::Spindle },
        wobble: rng.random_range(0.05..0.22),
        dye: [rng.random_range(0.9..1.7), 0.35],
        vesicular: if plump { rng.random_range(0.3..0.8) } else { rng.random_range(0.0..0.4) },
        gap: if rng.random_bool(0.25) { 1.5 } else { 0.0 },
        ..Nucleus::oval(rng, site.x, site.y, width, 1.0)
    }
}
