//! Stain jitter: differences between laboratories. The amounts of haematoxylin and eosin are changed in optical density
//! (Tellez et al., 2019).

use bcs_imaging::stain;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::check::{Check, within};
use super::random::around_zero;
use crate::error::Error;
use crate::tiles::Tile;

/// Random amounts of haematoxylin and eosin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StainJitter {
    /// Probability, in [0, 1].
    pub prob: f64,
    /// The amounts of haematoxylin and eosin are multiplied by factors in 1 ± this. In [0, 1].
    pub scale: f64,
    /// Up to ± this optical density of haematoxylin and eosin is added where there is tissue. In [0, 1].
    pub shift: f64,
}

impl Check for StainJitter {
    fn check(&self, name: &str) -> Result<(), Error> {
        within(name, "scale", self.scale, 0.0..=1.0)?;
        within(name, "shift", self.shift, 0.0..=1.0)
    }
}

impl Transform for StainJitter {
    fn apply(&self, tile: &mut Tile, random: &mut ChaCha8Rng) {
        let mut draw = |width: f64| around_zero(width, random) as f32;
        let (factors, offsets) = ([draw(self.scale), draw(self.scale)], [draw(self.shift), draw(self.shift)]);
        let vectors = stain::vectors();
        for pixel in tile.pixels.as_chunks_mut::<3>().0 {
            let density = stain::density(*pixel);
            let amounts = stain::haematoxylin_eosin(density);
            // Change of each stain. Glass has no stain, and stays white.
            let tissue = (amounts[0] + amounts[1]).min(1.0);
            let change = [0, 1].map(|stain| amounts[stain] * factors[stain] + offsets[stain] * tissue);
            *pixel = std::array::from_fn(|channel| {
                let added = change[0] * vectors[0][channel] + change[1] * vectors[1][channel];
                stain::value(density[channel] + added)
            });
        }
    }
}
