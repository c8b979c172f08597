//! Slide scanner: from optical density to pixels.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::{
    canvas::HALO,
    noise::{hash, mix},
};

/// Radius of the blur kernel, in px.
const REACH: usize = 3;

/// Parameters of a scanner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner {
    /// White point: red, green and blue of clear glass, in [0, 1].
    white: [f32; 3],
    gamma: f32,
    /// Weights of the blur kernel, from the centre outwards.
    blur: [f32; REACH + 1],
    /// Standard deviation of the noise, in grey levels (of 255).
    noise: f32,
    /// Weight of JPEG's subsampled colour, in [0, 1].
    softness: f32,
}

/// Light from a band of rows with its halo: red, green and blue, in [0, 1].
#[derive(Debug)]
pub(crate) struct Light {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<[f32; 3]>,
}

impl Scanner {
    pub(crate) fn draw(rng: &mut ChaCha8Rng) -> Self {
        let bright = rng.random_range(0.93..0.985);
        Self {
            white: std::array::from_fn(|_| bright + rng.random_range(-0.02..0.015)),
            gamma: rng.random_range(0.88..1.14),
            blur: gaussian(rng.random_range(0.55..0.95)),
            noise: rng.random_range(0.8..2.6),
            softness: rng.random_range(0.3..0.9),
        }
    }

    /// Returns the light that an optical density transmits, after the tone curve of the scanner. (A power of the light
    /// is a multiple of the density, hence the curve is applied before the blur.)
    pub(crate) fn expose(&self, density: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|i| self.white[i] * (-self.gamma * density[i]).exp())
    }

    /// Writes the pixels of the band whose first row (without halo) is row `first` of the slide.
    pub(crate) fn scan(&self, light: &Light, first: usize, noise_key: u32, pixels: &mut [u8]) {
        let blurred = self.blur_down(&self.blur_across(light)).rgb;
        let width = light.width - 2 * HALO;
        for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            let (x, y) = (i % width, i / width);
            let fine = blurred[(y + HALO) * light.width + x + HALO];
            let soft = self.soften(fine, coarse_colour(&blurred, light.width, x + HALO, y + HALO));
            let seed = noise_key ^ hash(noise_key, x as i32, (first + y) as i32);
            for ((value, noise), out) in soft.into_iter().zip(grain(seed)).zip(pixel) {
                *out = (value * 255.0 + self.noise * noise + 0.5).clamp(0.0, 255.0) as u8;
            }
        }
    }

    fn blur_across(&self, light: &Light) -> Light {
        let width = light.width;
        let mut out = light.rgb.clone();
        for (row, blurred) in light.rgb.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            for x in REACH..width - REACH {
                blurred[x] = self.weigh(row[x], |d| (row[x - d], row[x + d]));
            }
        }
        Light { rgb: out, ..*light }
    }

    fn blur_down(&self, light: &Light) -> Light {
        let width = light.width;
        let mut out = light.rgb.clone();
        let inner = REACH * width..(light.height - REACH) * width;
        for (i, blurred) in inner.clone().zip(&mut out[inner]) {
            *blurred = self.weigh(light.rgb[i], |d| (light.rgb[i - d * width], light.rgb[i + d * width]));
        }
        Light { rgb: out, ..*light }
    }

    fn weigh(&self, middle: [f32; 3], pair: impl Fn(usize) -> ([f32; 3], [f32; 3])) -> [f32; 3] {
        let mut sum = middle.map(|value| value * self.blur[0]);
        for distance in 1..=REACH {
            let (a, b) = pair(distance);
            for channel in 0..3 {
                sum[channel] += self.blur[distance] * (a[channel] + b[channel]);
            }
        }
        sum
    }

    /// Keeps the brightness of a pixel and blends its colour with the subsampled one.
    fn soften(&self, fine: [f32; 3], coarse: [f32; 3]) -> [f32; 3] {
        let lift = luma(fine) - luma(coarse);
        std::array::from_fn(|i| mix(fine[i], coarse[i] + lift, self.softness))
    }
}

/// Mean of the 2×2 block of a pixel, as in JPEG's chroma subsampling.
fn coarse_colour(rgb: &[[f32; 3]], width: usize, x: usize, y: usize) -> [f32; 3] {
    let corner = (y & !1) * width + (x & !1);
    let block = [corner, corner + 1, corner + width, corner + width + 1];
    std::array::from_fn(|i| 0.25 * block.iter().map(|&at| rgb[at][i]).sum::<f32>())
}

fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// Gaussian weights, from the centre outwards, which sum to 1 over both sides.
fn gaussian(sigma: f32) -> [f32; REACH + 1] {
    let weights: [f32; REACH + 1] =
        std::array::from_fn(|d| (-((d * d) as f32) / (2.0 * sigma * sigma)).exp());
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f32>();
    weights.map(|weight| weight / sum)
}

/// Approximately standard normal noise for each channel, strongly correlated between channels.
fn grain(seed: u32) -> [f32; 3] {
    let spread = |factor: u32| {
        let h = seed.wrapping_mul(factor);
        ((h & 0xFFFF) as f32 + (h >> 16) as f32) / 65_536.0 - 1.0
    };
    let shared = 1.9 * spread(0x9E37_79B1);
    [0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F].map(|factor| shared + 1.1 * spread(factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn blur_does_not_change_a_uniform_field() {
        let scanner = Scanner::draw(&mut ChaCha8Rng::seed_from_u64(4));
        let light = Light { width: 20, height: 12, rgb: vec![[0.5, 0.6, 0.7]; 240] };
        let blurred = scanner.blur_down(&scanner.blur_across(&light));
        assert!(blurred.rgb.iter().all(|rgb| (rgb[0] - 0.5).abs() < 1e-4 && (rgb[2] - 0.7).abs() < 1e-4));
    }

    #[test]
    fn noise_has_mean_0_and_unit_variance() {
        let values: Vec<f32> = (0..4000).map(|i| grain(hash(9, i, 0))[i as usize % 3]).collect();
        let mean = values.iter().sum::<f32>() / 4000.0;
        let spread = (values.iter().map(|v| v * v).sum::<f32>() / 4000.0).sqrt();
        assert!(mean.abs() < 0.06 && (0.7..1.2).contains(&spread), "mean {mean}, spread {spread}");
    }
}
