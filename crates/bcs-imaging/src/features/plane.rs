//! One channel of a window, and its cells.

/// Values of a window, row by row.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) values: Vec<u8>,
}

impl Plane {
    pub(super) fn height(&self) -> usize {
        self.values.len() / self.width
    }

    pub(super) fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.values.chunks_exact(self.width)
    }

    /// Returns each row with the ones above and below it, but for the first and the last row.
    pub(super) fn neighbourhoods(&self) -> impl Iterator<Item = [&[u8]; 3]> {
        let row = |y: usize| &self.values[y * self.width..(y + 1) * self.width];
        (1..self.height().saturating_sub(1)).map(move |y| [row(y - 1), row(y), row(y + 1)])
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A plane of this size whose values are a function of column and row.
    pub(in super::super) fn plane([height, width]: [usize; 2], value: impl Fn(usize, usize) -> u8) -> Plane {
        let values = (0..height * width).map(|at| value(at % width, at / width)).collect();
        Plane { width, values }
    }

    /// A pseudo-random byte that depends on the position.
    pub(in super::super) fn random(x: usize, y: usize) -> u8 {
        let mixed =
            (x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9).to_be_bytes()[0]
    }
}
