//! Random streams of the transforms.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What determines the random choices for a tile, or a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: u64,
    /// Index of the tile, or of the batch in the epoch.
    pub index: u64,
}

impl Stream {
    /// Returns the generator of a transform. All bits enter its seed, so that no two tiles or transforms share a stream.
    pub(super) fn of(self, transform: &str) -> ChaCha8Rng {
        let mut bytes = [0; 32];
        let words = [self.seed, self.epoch, self.index, hash(transform)];
        for (chunk, value) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&value.to_le_bytes());
        }
        ChaCha8Rng::from_seed(bytes)
    }

    /// Draws whether a transform applies, and returns its generator if it does.
    pub(super) fn draw(self, transform: &str, prob: f64) -> Option<ChaCha8Rng> {
        if prob <= 0.0 {
            return None;
        }
        let mut random = self.of(transform);
        (random.random::<f64>() < prob).then_some(random)
    }
}

/// FNV-1a hash of a name, which must not change: it determines what is drawn.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Draws a number in [low, high).
pub(super) fn between([low, high]: [f64; 2], random: &mut impl Rng) -> f64 {
    low + (high - low) * random.random::<f64>()
}

/// Draws a number in ± `width`.
pub(super) fn around_zero(width: f64, random: &mut impl Rng) -> f64 {
    between([-width, width], random)
}
