//! From amounts of stain to optical density: the Beer–Lambert law with stain vectors of the slide.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::canvas::Dye;

/// Two published stain vectors of haematoxylin (absorption of red, green and blue); slides are between them.
const HAEMATOXYLIN: [[f32; 3]; 2] = [[0.65, 0.70, 0.29], [0.58, 0.73, 0.38]];
/// Two stain vectors of eosin, from bluish to orange pink.
const EOSIN: [[f32; 3]; 2] = [[0.08, 0.96, 0.26], [0.19, 0.85, 0.48]];

/// Staining of a slide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stain {
    haematoxylin: [f32; 3],
    eosin: [f32; 3],
    /// Relative strength of each stain; 1 is typical.
    strength: Dye,
    /// Residual haematoxylin in all tissue, which gives a poorly rinsed section a bluish tint.
    wash: f32,
}

impl Stain {
    pub(crate) fn draw(rng: &mut ChaCha8Rng) -> Self {
        Self {
            haematoxylin: between(HAEMATOXYLIN, rng),
            eosin: between(EOSIN, rng),
            strength: [rng.random_range(0.95..1.3), rng.random_range(0.85..1.3)],
            wash: rng.random_range(0.0..0.06),
        }
    }

    /// Returns the optical density (natural logarithm) in red, green and blue.
    pub(crate) fn density(&self, [haematoxylin, eosin]: Dye) -> [f32; 3] {
        // There is no residual stain on clear glass.
        let washed = self.wash * ((haematoxylin + eosin) * 4.0).min(1.0);
        let (h, e) = (haematoxylin * self.strength[0] + washed, eosin * self.strength[1]);
        std::array::from_fn(|i| h * self.haematoxylin[i] + e * self.eosin[i])
    }
}

/// Random vector between two vectors, with a small random change of each component.
fn between([a, b]: [[f32; 3]; 2], rng: &mut ChaCha8Rng) -> [f32; 3] {
    let t = rng.random_range(0.1..0.9);
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t + rng.random_range(-0.02..0.02))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn density_is_0_on_glass_and_grows_with_the_stain() {
        for seed in 0..20 {
            let stain = Stain::draw(&mut ChaCha8Rng::seed_from_u64(seed));
            assert_eq!(stain.density([0.0, 0.0]), [0.0; 3]);
            let (pale, dark) = (stain.density([0.3, 0.3]), stain.density([1.5, 0.4]));
            assert!((0..3).all(|i| dark[i] > pale[i] && pale[i] > 0.0));
        }
    }

    #[test]
    fn haematoxylin_is_blue_and_eosin_is_pink() {
        for seed in 0..20 {
            let stain = Stain::draw(&mut ChaCha8Rng::seed_from_u64(seed));
            let [red, _, blue] = stain.density([1.5, 0.0]);
            assert!(blue < red);
            let [red, green, _] = stain.density([0.0, 0.7]);
            assert!(red + 0.2 < green);
        }
    }
}
