//! Stain jitter: differences between laboratories. The amounts of haematoxylin and eosin are changed in optical density
//! (Tellez et al., 2019).

use bcs_imaging::stain;
use rand::Rng;

/// Multiplies the amounts of haematoxylin and eosin by factors in 1 ± `scale` and adds offsets of up to ± `shift`.
pub(super) fn stain_jitter(pixels: &mut [u8], scale: f64, shift: f64, random: &mut impl Rng) {
    let mut draw = |width: f64| (width * random.random_range(-1.0..=1.0)) as f32;
    let (factors, offsets) = ([draw(scale), draw(scale)], [draw(shift), draw(shift)]);
    let vectors = stain::vectors();
    for pixel in pixels.chunks_exact_mut(3) {
        let density = stain::density([pixel[0], pixel[1], pixel[2]]);
        let amounts = stain::haematoxylin_eosin(density);
        // Change of each stain. Glass has no stain, and stays white.
        let tissue = (amounts[0] + amounts[1]).min(1.0);
        let change = [0, 1].map(|stain| amounts[stain] * factors[stain] + offsets[stain] * tissue);
        for channel in 0..3 {
            let added = change[0] * vectors[0][channel] + change[1] * vectors[1][channel];
            pixel[channel] = stain::value(density[channel] + added);
        }
    }
}
