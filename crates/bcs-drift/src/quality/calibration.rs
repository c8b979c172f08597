//! Correction of expected areas by labelled images.

use bcs_contracts::reference::ClassCalibration;

use super::Areas;

/// Largest shift of log-odds: beyond, all or nothing is right.
const MAX_SHIFT: f64 = 20.0;

/// Number of halvings of the interval in which the shift lies.
const HALVINGS: u32 = 60;

/// Correction of the expected areas of one class, so that their sums over labelled images are the true ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Added to the log-odds that a predicted pixel is right; negative for an over-confident network.
    pub log_odds: f64,
    /// Factor of the area of the class where it is not predicted.
    pub missed: f64,
}

impl From<&ClassCalibration> for Calibration {
    fn from(class: &ClassCalibration) -> Self {
        Self { log_odds: class.log_odds, missed: class.missed }
    }
}

impl Calibration {
    /// Fits a class to the expected and the counted areas of labelled images, as a drift reference keeps it.
    pub fn of_class(name: &str, images: &[(Areas, Areas)]) -> ClassCalibration {
        let Self { log_odds, missed } = Self::fit(images);
        let counted = images.iter().fold(Areas::default(), |sum, (_, counted)| sum + *counted);
        ClassCalibration { name: name.to_owned(), log_odds, missed, dice: counted.dice() }
    }

    /// Fits to the expected and the counted areas of images; the identity without any predicted area.
    pub fn fit(images: &[(Areas, Areas)]) -> Self {
        let mut total = (Areas::default(), Areas::default());
        for (expected, counted) in images {
            total.0 += *expected;
            total.1 += *counted;
        }
        let right = |shift: f64| images.iter().map(|(expected, _)| shifted(*expected, shift)).sum::<f64>();
        let (mut low, mut high) = (-MAX_SHIFT, MAX_SHIFT);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if right(middle) < total.1.right { low = middle } else { high = middle }
        }
        let [expected, counted] = [total.0, total.1].map(|areas| areas.present - areas.right);
        Self {
            log_odds: if total.0.predicted > 0.0 { f64::midpoint(low, high) } else { 0.0 },
            missed: if expected > 0.0 { counted / expected } else { 1.0 },
        }
    }

    /// Corrects the expected areas of an image.
    pub fn apply(&self, expected: Areas) -> Areas {
        let right = shifted(expected, self.log_odds);
        let missed = (expected.present - expected.right).max(0.0) * self.missed;
        Areas { right, present: right + missed, ..expected }
    }
}

/// Area that is right, with the log-odds shifted.
fn shifted(areas: Areas, shift: f64) -> f64 {
    let wrong = (areas.predicted - areas.right).max(0.0);
    if areas.right <= 0.0 {
        return 0.0;
    }
    areas.predicted / (1.0 + wrong / areas.right * (-shift).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_confidence_is_corrected() {
        let image = |right: f64, truly: f64| {
            let expected = Areas { predicted: 100.0, right, present: right + 10.0 };
            (expected, Areas { predicted: 100.0, right: truly, present: truly + 25.0 })
        };
        let images = [image(95.0, 80.0), image(90.0, 70.0), image(99.0, 90.0)];
        let calibration = Calibration::fit(&images);
        assert!(calibration.log_odds < 0.0 && (calibration.missed - 2.5).abs() < 1e-12, "{calibration:?}");
        let total =
            images.iter().fold(Areas::default(), |sum, (expected, _)| sum + calibration.apply(*expected));
        assert!((total.right - 240.0).abs() < 1e-9 && (total.present - 315.0).abs() < 1e-9, "{total:?}");
    }

    #[test]
    fn what_is_calibrated_stays() {
        let areas = Areas { predicted: 100.0, right: 80.0, present: 95.0 };
        let calibration = Calibration::fit(&[(areas, areas)]);
        assert!(calibration.log_odds.abs() < 1e-12 && calibration.missed == 1.0, "{calibration:?}");
        assert_eq!(Calibration::fit(&[]), Calibration { log_odds: 0.0, missed: 1.0 });
    }
}
