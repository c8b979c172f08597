//! Areas of a class in an image, and Dice.

use std::ops::{Add, AddAssign};

use bcs_contracts::record::ClassFraction;
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

    /// Returns the expected areas of a class of a prediction; `None` for records of earlier versions.
    pub fn expected(class: &ClassFraction) -> Option<Self> {
        Some(Self {
            predicted: class.pixels as f64,
            right: class.expected_right?,
            present: class.expected_pixels?,
        })
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
    use super::*;

    #[test]
    fn dice_of_masks_is_counted() {
        let areas = Areas::counted(&[1, 1, 0, 2], &[1, 0, 1, 2], 1);
        assert_eq!(areas, Areas { predicted: 2.0, right: 1.0, present: 2.0 });
        assert_eq!(areas.dice(), Some(0.5));
        assert_eq!(Areas::counted(&[0, 0], &[0, 0], 1).dice(), None);
    }

    #[test]
    fn records_of_earlier_versions_have_no_expected_areas() {
        let text = r#"{"code": 1, "name": "tumour", "pixels": 10, "fraction": 0.5"#;
        let areas = |rest: &str| Areas::expected(&serde_json::from_str(&format!("{text}{rest}}}")).unwrap());
        assert_eq!(areas(""), None);
        let expected = Areas { predicted: 10.0, right: 8.0, present: 11.5 };
        assert_eq!(areas(r#", "expected_pixels": 11.5, "expected_right": 8.0"#), Some(expected));
    }
}
