//! Areas of a class in an image, and Dice.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Areas of one class in an image, in pixels: expected ones from probabilities, or counted ones beside a mask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Areas {
    /// Predicted as the class.
    pub predicted: f64,
    /// Predicted as the class, and of the class: the sum of its probabilities over these pixels, or their number in the mask.
    pub right: f64,
    /// Of the class: the sum of its probabilities over all pixels, or their number in the mask.
    pub present: f64,
}

impl Areas {
    /// Counts the areas of the class with this code in a predicted mask beside a true one.
    pub fn counted(predicted: &[u8], truth: &[u8], code: u8) -> Self {
        let count = |holds: fn(u8, u8, u8) -> bool| {
            predicted.iter().zip(truth).filter(|(predicted, truth)| holds(**predicted, **truth, code)).count()
                as f64
        };
        Self {
            predicted: count(|predicted, _, code| predicted == code),
            right: count(|predicted, truth, code| predicted == code && truth == code),
            present: count(|_, truth, code| truth == code),
        }
    }

    /// Sums the probabilities of a class, one per pixel, with the predicted mask.
    pub fn expected(predicted: &[u8], probabilities: &[f32], code: u8) -> Self {
        let mut areas = Self::default();
        for (predicted, probability) in predicted.iter().zip(probabilities) {
            let probability = f64::from(*probability);
            areas.present += probability;
            if *predicted == code {
                areas.predicted += 1.0;
                areas.right += probability;
            }
        }
        areas
    }

    /// Dice coefficient, in [0, 1]; `None` where the class is neither predicted nor present.
    pub fn dice(self) -> Option<f64> {
        let sum = self.predicted + self.present;
        (sum > 0.0).then(|| (2.0 * self.right / sum).clamp(0.0, 1.0))
    }
}

impl Add for Areas {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            predicted: self.predicted + other.predicted,
            right: self.right + other.right,
            present: self.present + other.present,
        }
    }
}

impl AddAssign for Areas {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn dice_of_masks_is_counted() {
        let areas = Areas::counted(&[1, 1, 0, 2], &[1, 0, 1, 2], 1);
        assert_eq!(areas, Areas { predicted: 2.0, right: 1.0, present: 2.0 });
        assert_eq!(areas.dice(), Some(0.5));
        assert_eq!(Areas::counted(&[0, 0], &[0, 0], 1).dice(), None);
    }

    #[test]
    fn calibrated_probabilities_give_the_measured_dice() {
        let random = &mut ChaCha8Rng::seed_from_u64(0);
        let probabilities: Vec<f32> = (0..100_000).map(|_| random.random::<f32>().powi(2)).collect();
        let truth: Vec<u8> =
            probabilities.iter().map(|p| u8::from(random.random_bool(f64::from(*p)))).collect();
        let predicted: Vec<u8> = probabilities.iter().map(|p| u8::from(*p > 0.5)).collect();
        let estimated = Areas::expected(&predicted, &probabilities, 1).dice().unwrap();
        let measured = Areas::counted(&predicted, &truth, 1).dice().unwrap();
        assert!((estimated - measured).abs() < 0.01, "{estimated} {measured}");
    }
}
