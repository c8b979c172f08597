//! Channel jitter: differences between scanners.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::check::{Check, within};
use super::random::around_zero;
use crate::error::Error;
use crate::tiles::Tile;

/// Random scale and shift of red, green and blue, each on its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelJitter {
    /// Probability, in [0, 1].
    pub prob: f64,
    /// Each channel is multiplied by a factor in 1 ± this. In [0, 1].
    pub scale: f64,
    /// An offset of up to ± this fraction of the range is added to each channel. In [0, 1].
    pub shift: f64,
}

impl Check for ChannelJitter {
    fn check(&self, name: &str) -> Result<(), Error> {
        within(name, "scale", self.scale, 0.0..=1.0)?;
        within(name, "shift", self.shift, 0.0..=1.0)
    }
}

impl Transform for ChannelJitter {
    fn apply(&self, tile: &mut Tile, random: &mut ChaCha8Rng) {
        let tables: [[u8; 256]; 3] = std::array::from_fn(|_| {
            let factor = 1.0 + around_zero(self.scale, random);
            let offset = 255.0 * around_zero(self.shift, random);
            std::array::from_fn(|value| (value as f64 * factor + offset).round().clamp(0.0, 255.0) as u8)
        });
        for pixel in tile.pixels.as_chunks_mut::<3>().0 {
            *pixel = std::array::from_fn(|channel| tables[channel][usize::from(pixel[channel])]);
        }
    }
}
