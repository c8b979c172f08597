//! Values that are generated here and in Python alike, so that golden files need not store them.

use serde::Deserialize;

/// Parameters of the generator of `golden/make_ks.py`.
#[derive(Debug, Deserialize)]
pub(crate) struct Values {
    n: usize,
    seed: u64,
    pub(crate) scale: f64,
    offset: f64,
    pub(crate) levels: f64,
}

impl Values {
    /// The values.
    pub(crate) fn values(&self) -> Vec<f64> {
        let mut x = self.seed;
        let mut next = || {
            x = (1_103_515_245 * x + 12_345) % (1 << 31);
            let value = x as f64 / f64::from(1_u32 << 31);
            let value = if self.levels > 0.0 { (value * self.levels).floor() / self.levels } else { value };
            value * self.scale + self.offset
        };
        (0..self.n).map(|_| next()).collect()
    }
}
