//! Haematoxylin and eosin, told apart: Beer and Lambert's law and the stain vectors of Ruifrok and Johnston
//! (2001), as in scikit-image's `rgb2hed`.

use std::sync::LazyLock;

/// Optical density of haematoxylin, eosin and DAB in red, green and blue, each row of length one.
const STAINS: [[f64; 3]; 3] =
    [[0.650_048, 0.704_118, 0.285_935], [0.072_017, 0.990_352, 0.118_029], [0.268_009, 0.570_031, 0.776_642]];

/// The optical density of each value of a byte, −log10((value + 1) / 256): 0 for white.
static DENSITY: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|value| -(((value + 1) as f64 / 256.0).log10()) as f32));

/// What turns densities of red, green and blue into amounts of haematoxylin and eosin.
static UNMIXING: LazyLock<[[f32; 3]; 2]> = LazyLock::new(|| {
    let inverse = invert(STAINS);
    [0, 1].map(|stain| [0, 1, 2].map(|channel| inverse[channel][stain] as f32))
});

/// Optical density by channel of an RGB pixel, at least 0.
#[inline]
pub fn density(pixel: [u8; 3]) -> [f32; 3] {
    pixel.map(|value| DENSITY[usize::from(value)])
}

/// How much haematoxylin and eosin a pixel of these densities holds, at least 0; 1 is a density of 1.
#[inline]
pub fn haematoxylin_eosin(density: [f32; 3]) -> [f32; 2] {
    UNMIXING.map(|row| (row[0] * density[0] + row[1] * density[1] + row[2] * density[2]).max(0.0))
}

/// What a unit of haematoxylin and of eosin adds to the densities of red, green and blue.
pub fn vectors() -> [[f32; 3]; 2] {
    [0, 1].map(|stain| STAINS[stain].map(|part| part as f32))
}

/// The byte of an optical density: the way back from [`density`].
#[inline]
pub fn value(density: f32) -> u8 {
    // exp2 of density × log2(10): powf is three times as slow.
    let transmitted = (-density * std::f32::consts::LOG2_10).exp2();
    (transmitted * 256.0 - 1.0).round().clamp(0.0, 255.0) as u8
}

/// The inverse of a 3×3 matrix, by cofactors.
fn invert(m: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let cofactor = |row: usize, column: usize| {
        let (r1, r2) = ((row + 1) % 3, (row + 2) % 3);
        let (c1, c2) = ((column + 1) % 3, (column + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * cofactor(0, column)).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| cofactor(column, row) / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pure_stains_are_told_apart_and_white_holds_none() {
        for (stain, [red, green, blue]) in STAINS.iter().take(2).enumerate() {
            let amounts = haematoxylin_eosin([*red as f32, *green as f32, *blue as f32]);
            assert!((amounts[stain] - 1.0).abs() < 1e-4 && amounts[1 - stain] < 1e-4, "{amounts:?}");
        }
        assert_eq!(haematoxylin_eosin(density([255; 3])), [0.0; 2]);
    }

    #[test]
    fn every_byte_comes_back_from_its_density() {
        for byte in 0..=255 {
            assert_eq!(value(density([byte; 3])[0]), byte);
        }
        assert_eq!((value(-1.0), value(9.0)), (255, 0));
    }

    #[test]
    fn the_inverse_times_the_matrix_is_one() {
        let inverse = invert(STAINS);
        for (row, stain) in STAINS.iter().enumerate() {
            for column in 0..3 {
                let product: f64 =
                    stain.iter().zip(inverse).map(|(part, inverse)| part * inverse[column]).sum();
                assert!((product - f64::from(u8::from(row == column))).abs() < 1e-12);
            }
        }
    }
}
