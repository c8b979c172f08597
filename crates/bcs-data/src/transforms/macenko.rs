//! Stain normalization, with stains that are estimated on the tile.

use bcs_imaging::macenko::Stains;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::check::{Check, within};
use super::random::around_zero;
use crate::error::Error;
use crate::tiles::Tile;

/// Replaces the stains of a tile, estimated by Macenko's method, by stains around the reference. Tiles without tissue are
/// left unchanged. Validation tiles and requests to the predictor are not normalized, so that a model must see tiles
/// without normalization too, unless its input is normalized beforehand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Macenko {
    /// Probability, in [0, 1].
    pub prob: f64,
    /// Parts of the reference stain vectors, and the reference amounts, are multiplied by factors in 1 ± this. In [0, 0.9].
    pub spread: f64,
}

impl Check for Macenko {
    fn check(&self, name: &str) -> Result<(), Error> {
        within(name, "spread", self.spread, 0.0..=0.9)
    }
}

impl Transform for Macenko {
    fn apply(&self, tile: &mut Tile, random: &mut ChaCha8Rng) {
        let mut factor = || 1.0 + around_zero(self.spread, random);
        let Stains { vectors, amounts } = Stains::REFERENCE;
        let target = Stains {
            vectors: vectors.map(|vector| vector.map(|part| part * factor())),
            amounts: amounts.map(|amount| amount * factor()),
        };
        if let Some(stains) = Stains::estimate(&tile.pixels) {
            stains.replace(&mut tile.pixels, &target);
        }
    }
}
