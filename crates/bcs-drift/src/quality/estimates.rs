//! Dice of each class over a window of images: estimated for all of them, measured for those with a corrected mask.

use bcs_contracts::record::ClassFraction;
use bcs_contracts::reference::ClassCalibration;
use serde::{Deserialize, Serialize};

use super::{Areas, Calibration, CaseAreas, Quality};

/// Dice of the classes over a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowQuality {
    /// Number of images with expected areas.
    pub images: usize,
    /// Number of those with a corrected mask.
    pub labelled: usize,
    /// Whether the expected areas were corrected by the validation tiles.
    pub calibrated: bool,
    /// Dice of each class, in the order of the model's classes.
    pub classes: Vec<ClassQuality>,
}

/// Dice of one class over a window. `None` where the class is neither predicted nor present, and where no image is of the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassQuality {
    /// Name of the class.
    pub name: String,
    /// Dice over the pixels of the validation tiles together; `None` without calibration.
    pub validation: Option<f64>,
    /// Estimate for all images.
    pub estimated: Option<Quality>,
    /// Dice of the images with a corrected mask.
    pub measured: Option<Quality>,
    /// Estimate for the same images, which a fair comparison needs: images are not labelled at random.
    pub estimated_of_labelled: Option<Quality>,
}

/// Whether an estimate can be trusted, as far as labels tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// No image has a corrected mask.
    Unknown,
    /// Labels agree with the estimate.
    Agrees,
    /// Labels show that the estimate is too high.
    TooHigh,
}

/// Smallest difference of Dice that counts as one where a single case has labels.
const NOTABLE: f64 = 0.05;

impl ClassQuality {
    /// Returns whether labels agree with the estimate for the same images: it is too high if it lies above the interval of the
    /// measured Dice, or for a single case, which has no interval, 0.05 above it.
    pub fn trust(&self) -> Trust {
        let (Some(measured), Some(estimated)) = (self.measured, self.estimated_of_labelled) else {
            return Trust::Unknown;
        };
        let highest = measured.interval.map_or(measured.dice + NOTABLE, |[_, high]| high);
        if estimated.dice > highest { Trust::TooHigh } else { Trust::Agrees }
    }
}

/// Areas of the classes over a window, while its images come.
#[derive(Debug, Clone, Default)]
pub struct Estimates {
    calibration: Vec<ClassCalibration>,
    images: usize,
    labelled: usize,
    classes: Vec<Class>,
}

#[derive(Debug, Clone, Default)]
struct Class {
    name: String,
    estimated: CaseAreas,
    measured: CaseAreas,
    estimated_of_labelled: CaseAreas,
}

impl Estimates {
    /// Creates estimates that are corrected by the calibration of a drift reference.
    pub fn new(calibration: Vec<ClassCalibration>) -> Self {
        Self { calibration, ..Self::default() }
    }

    /// Adds a prediction; one without expected areas does not count. Returns the expected areas of its classes.
    pub fn add(&mut self, case: Option<&str>, classes: &[ClassFraction]) -> Option<Vec<Areas>> {
        let expected: Vec<Areas> = classes.iter().map(|class| self.expected(class)).collect::<Option<_>>()?;
        if expected.is_empty() {
            return None;
        }
        for (at, (class, areas)) in classes.iter().zip(&expected).enumerate() {
            if self.classes.len() == at {
                self.classes.push(Class { name: class.name.clone(), ..Class::default() });
            }
            self.classes[at].estimated.add(case, *areas);
        }
        self.images += 1;
        Some(expected)
    }

    /// Adds the corrected mask of a prediction: for each class, the expected and the counted areas.
    pub fn add_label(&mut self, case: Option<&str>, areas: impl IntoIterator<Item = (Areas, Areas)>) {
        for (class, (expected, counted)) in self.classes.iter_mut().zip(areas) {
            class.estimated_of_labelled.add(case, expected);
            class.measured.add(case, counted);
        }
        self.labelled += 1;
    }

    /// Returns Dice of all classes; `None` without an image.
    pub fn quality(&self, seed: u64) -> Option<WindowQuality> {
        let class = |class: &Class| ClassQuality {
            name: class.name.clone(),
            validation: self.calibration_of(&class.name).and_then(|calibration| calibration.dice),
            estimated: class.estimated.quality(seed),
            measured: class.measured.quality(seed),
            estimated_of_labelled: class.estimated_of_labelled.quality(seed),
        };
        (self.images > 0).then(|| WindowQuality {
            images: self.images,
            labelled: self.labelled,
            calibrated: self.classes.iter().all(|class| self.calibration_of(&class.name).is_some()),
            classes: self.classes.iter().map(class).collect(),
        })
    }

    fn expected(&self, class: &ClassFraction) -> Option<Areas> {
        let areas = Areas::expected(class)?;
        let calibration = self.calibration_of(&class.name).map(Calibration::from);
        Some(calibration.map_or(areas, |calibration| calibration.apply(areas)))
    }

    fn calibration_of(&self, class: &str) -> Option<&ClassCalibration> {
        self.calibration.iter().find(|calibration| calibration.name == class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(right: f64) -> ClassFraction {
        ClassFraction {
            code: 1,
            name: "tumour".to_owned(),
            color: None,
            pixels: 100,
            fraction: 0.5,
            area_mm2: None,
            expected_pixels: Some(right + 20.0),
            expected_right: Some(right),
        }
    }

    #[test]
    fn estimates_are_corrected_and_compared_on_the_labelled_images() {
        let expected = Areas::expected(&class(80.0)).unwrap();
        let truth = Areas { predicted: 100.0, right: 60.0, present: 100.0 };
        let calibration = vec![Calibration::of_class("tumour", &[(expected, truth)])];
        let mut estimates = Estimates::new(calibration);
        for case in ["a", "b", "c"] {
            let expected = estimates.add(Some(case), &[class(80.0)]).unwrap();
            if case != "c" {
                let counted = Areas { predicted: 100.0, right: 30.0, present: 100.0 };
                estimates.add_label(Some(case), [(expected[0], counted)]);
            }
        }
        let quality = estimates.quality(0).unwrap();
        assert_eq!((quality.images, quality.labelled, quality.calibrated), (3, 2, true));
        let tumour = &quality.classes[0];
        // As on the image that the correction was fitted to.
        assert!((tumour.estimated.unwrap().dice - 0.6).abs() < 1e-9, "{tumour:?}");
        assert_eq!((tumour.validation, tumour.measured.unwrap().dice), (Some(0.6), 0.3));
        assert_eq!(tumour.trust(), Trust::TooHigh);
    }

    #[test]
    fn records_of_earlier_versions_do_not_count() {
        let mut estimates = Estimates::default();
        let earlier = ClassFraction { expected_right: None, ..class(80.0) };
        assert_eq!(estimates.add(None, &[earlier]), None);
        assert_eq!(estimates.add(None, &[]), None);
        assert_eq!(estimates.quality(0), None);
        estimates.add(None, &[class(80.0)]);
        let quality = estimates.quality(0).unwrap();
        assert!(!quality.calibrated);
        assert_eq!(quality.classes[0].trust(), Trust::Unknown);
        assert!((quality.classes[0].estimated.unwrap().dice - 0.8).abs() < 1e-12);
    }

    #[test]
    fn one_labelled_case_shows_only_large_differences() {
        let quality = |dice| Some(Quality { dice, interval: None, cases: 1 });
        let of = |measured| ClassQuality {
            name: String::new(),
            validation: None,
            estimated: None,
            measured: quality(measured),
            estimated_of_labelled: quality(0.83),
        };
        assert_eq!((of(0.80).trust(), of(0.61).trust()), (Trust::Agrees, Trust::TooHigh));
    }
}
