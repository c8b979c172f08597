//! Stain separation (colour deconvolution) of haematoxylin and eosin: the Beer–Lambert law with the stain vectors of
//! Ruifrok and Johnston (2001), as in scikit-image's `rgb2hed`.

use std::sync::LazyLock;

/// Stain vectors of haematoxylin, eosin and DAB: optical density in red, green and blue, as unit vectors.
const STAINS: [[f64; 3]; 3] =
    [[0.650_048, 0.704_118, 0.285_935], [0.072_017, 0.990_352, 0.118_029], [0.268_009, 0.570_031, 0.776_642]];

/// Optical density of each byte value, −log10((value + 1) / 256); 0 for white.
static DENSITY: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|value| -(((value + 1) as f64 / 256.0).log10()) as f32));

/// Steps of [`VALUE`] in a unit of optical density: fine enough that no byte is off by more than a tenth before rounding.
const STEPS: f32 = 3200.0;

/// Byte value of optical densities from 0 to that of black, in steps; 10^x for each pixel would cost more than all else.
static VALUE: LazyLock<[u8; 8192]> = LazyLock::new(|| {
    std::array::from_fn(|step| {
        let transmitted = 10f32.powf(-(step as f32) / STEPS);
        (transmitted * 256.0 - 1.0).round().clamp(0.0, 255.0) as u8
    })
});

/// Matrix from optical densities of red, green and blue to amounts of haematoxylin and eosin.
static UNMIXING: LazyLock<[[f32; 3]; 2]> = LazyLock::new(|| {
    let inverse = invert(STAINS);
    [0, 1].map(|stain| [0, 1, 2].map(|channel| inverse[channel][stain] as f32))
});

/// Steps of [`FIXED`] in a unit of optical density. An amount of stain is below 8, so that its square fits in 34 bits.
pub(crate) const FIXED_STEPS: f32 = 16_384.0;

/// What each byte of red, green and blue adds to the sum of the densities, to haematoxylin and to eosin, in steps: three
/// look-ups and two additions per pixel. Sums of integers do not depend on their order.
pub(crate) static FIXED: LazyLock<[[[i32; 4]; 256]; 3]> = LazyLock::new(|| {
    std::array::from_fn(|channel| {
        std::array::from_fn(|value| {
            let parts = [1.0, UNMIXING[0][channel], UNMIXING[1][channel], 0.0];
            parts.map(|part| (part * DENSITY[value] * FIXED_STEPS).round() as i32)
        })
    })
});

/// Returns the optical density of an RGB pixel in each channel, at least 0.
#[inline]
pub fn density(pixel: [u8; 3]) -> [f32; 3] {
    pixel.map(|value| DENSITY[usize::from(value)])
}

/// Returns the amounts of haematoxylin and eosin in a pixel, in units of optical density, at least 0.
#[inline]
pub fn haematoxylin_eosin(density: [f32; 3]) -> [f32; 2] {
    UNMIXING.map(|row| (row[0] * density[0] + row[1] * density[1] + row[2] * density[2]).max(0.0))
}

/// Stain vectors of haematoxylin and eosin: the optical density in red, green and blue of a unit of stain.
pub fn vectors() -> [[f32; 3]; 2] {
    [0, 1].map(|stain| STAINS[stain].map(|part| part as f32))
}

/// Returns the byte value of an optical density, the inverse of [`density`].
#[inline]
pub fn value(density: f32) -> u8 {
    // Rounded to the nearest step; densities below 0 are 0.
    VALUE[((density * STEPS + 0.5) as usize).min(VALUE.len() - 1)]
}

/// Inverse of a 3×3 matrix, by cofactors.
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
    fn pure_stains_are_separated_and_white_has_none() {
        for (stain, [red, green, blue]) in STAINS.iter().take(2).enumerate() {
            let amounts = haematoxylin_eosin([*red as f32, *green as f32, *blue as f32]);
            assert!((amounts[stain] - 1.0).abs() < 1e-4 && amounts[1 - stain] < 1e-4, "{amounts:?}");
        }
        assert_eq!(haematoxylin_eosin(density([255; 3])), [0.0; 2]);
    }

    #[test]
    fn value_is_the_inverse_of_density() {
        for byte in 0..=255 {
            assert_eq!(value(density([byte; 3])[0]), byte);
        }
        assert_eq!((value(-1.0), value(9.0)), (255, 0));
    }

    #[test]
    fn the_matrix_times_its_inverse_is_the_identity() {
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
