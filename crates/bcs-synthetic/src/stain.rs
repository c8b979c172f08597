//! Dye to optical density: the Beer-Lambert law with a slide's own haematoxylin and eosin.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::canvas::Dye;

/// Two published readings of haematoxylin (absorption of red, green and blue); laboratories lie between.
const HAEMATOXYLIN: [[f32; 3]; 2] = [[0.65, 0.70, 0.29], [0.58, 0.73, 0.38]];
/// The same for eosin, from a bluish to an orange pink.
const EOSIN: [[f32; 3]; 2] = [[0.08, 0.96, 0.26], [0.19, 0.85, 0.48]];

/// How a laboratory stained a slide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stain {
    haematoxylin: [f32; 3],
    eosin: [f32; 3],
    /// How much of each dye the tissue took up, 1 being usual.
    strength: Dye,
    /// Haematoxylin left in everything (a poorly rinsed section looks bluish throughout).
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

    /// How much red, green and blue light the dye takes up, as optical density (natural logarithm).
    pub(crate) fn density(&self, [haematoxylin, eosin]: Dye) -> [f32; 3] {
        // Clear glass holds no dye to wash out.
        let washed = self.wash * ((haematoxylin + eosin) * 4.0).min(1.0);
        let (h, e) = (haematoxylin * self.strength[0] + washed, eosin * self.strength[1]);
        std::array::from_fn(|i| h * self.haematoxylin[i] + e * self.eosin[i])
    }
}

/// A vector between two, each part nudged a little.
fn between([a, b]: [[f32; 3]; 2], rng: &mut ChaCha8Rng) -> [f32; 3] {
    let t = rng.random_range(0.1..0.9);
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * t + rng.random_range(-0.02..0.02))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn clear_glass_is_clear_and_more_dye_is_denser() {
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
