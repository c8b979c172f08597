//! Random number streams: one key per slide, one stream per purpose.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Purpose of a stream of random numbers. Streams of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Stain = 1,
    Scanner,
    Tissue,
    Roi,
    OtherField,
    FatField,
    TumourField,
    NecrosisField,
    LymphocyteField,
    FibreField,
    Fibres,
    Adipocytes,
    TumourCells,
    Lymphocytes,
    Fibroblasts,
    GhostCells,
    Debris,
    SensorNoise,
}

/// Identity of a slide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Seed of the set of slides.
    pub(crate) seed: u64,
    /// Number of the slide in the set.
    pub(crate) index: u64,
}

impl Key {
    /// Stream for the parameters of the slide.
    pub(crate) fn rng(self, purpose: Purpose) -> ChaCha8Rng {
        self.cell_rng(purpose, 0, 0)
    }

    /// Stream for one cell of a lattice, so that the cell does not depend on the region drawn.
    pub(crate) fn cell_rng(self, purpose: Purpose, column: i32, row: i32) -> ChaCha8Rng {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&self.index.to_le_bytes());
        seed[16..20].copy_from_slice(&(purpose as u32).to_le_bytes());
        seed[20..24].copy_from_slice(&column.to_le_bytes());
        seed[24..28].copy_from_slice(&row.to_le_bytes());
        ChaCha8Rng::from_seed(seed)
    }

    /// Key of a noise texture.
    pub(crate) fn noise(self, purpose: Purpose) -> u32 {
        let mixed = (self.seed ^ self.index.rotate_left(32))
            .wrapping_add((purpose as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .wrapping_mul(0xD6E8_FEB8_6659_FD93);
        (mixed ^ (mixed >> 32)) as u32
    }
}
