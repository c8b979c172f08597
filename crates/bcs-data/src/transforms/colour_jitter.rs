//! Colour jitter: differences between scanners.

use rand::Rng;

/// Multiplies each channel by a factor in 1 ± `scale` and adds an offset of up to ± `shift` times 255.
pub(super) fn colour_jitter(pixels: &mut [u8], scale: f64, shift: f64, random: &mut impl Rng) {
    let tables: [[u8; 256]; 3] = std::array::from_fn(|_| {
        let factor = 1.0 + scale * random.random_range(-1.0..=1.0);
        let offset = 255.0 * shift * random.random_range(-1.0..=1.0);
        std::array::from_fn(|value| (value as f64 * factor + offset).round().clamp(0.0, 255.0) as u8)
    });
    for pixel in pixels.chunks_exact_mut(3) {
        for (value, table) in pixel.iter_mut().zip(&tables) {
            *value = table[usize::from(*value)];
        }
    }
}
