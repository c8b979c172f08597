//! `monai.metrics.GeneralizedDiceScore` (Sudre et al., Generalised Dice overlap, 2017).

use serde::Deserialize;

use super::confusion::{Confusion, ConfusionTable};
use super::reduction::Table;
use super::{Reduced, Reduction};
use crate::error::Error;

/// Arguments of `monai.metrics.GeneralizedDiceScore`, with MONAI's names and defaults.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneralizedDiceOptions {
    /// Whether class 0 is included.
    pub include_background: bool,
    /// Weight of a class.
    pub weight_type: WeightType,
}

/// Weight of a class, from its number *n* of truth pixels in the image. A class without truth pixels has the largest
/// weight of the others, and 1 if there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightType {
    /// 1 / *n*².
    #[default]
    Square,
    /// 1 / *n*.
    Simple,
    /// 1.
    Uniform,
}

impl Default for GeneralizedDiceOptions {
    fn default() -> Self {
        Self { include_background: true, weight_type: WeightType::default() }
    }
}

/// Generalized Dice score of class masks: `monai.metrics.GeneralizedDiceScore`, and pooled over the data set. Masks are
/// those of [`DiceMetric`](super::DiceMetric).
///
/// ```
/// use bcs_model::metrics::{GeneralizedDiceOptions, GeneralizedDiceScore, Reduction};
///
/// let mut metric = GeneralizedDiceScore::new(2, GeneralizedDiceOptions::default())?;
/// metric.add(&[0, 1, 1, 255], &[0, 1, 0, 1])?;
/// // Weights 1 and 1/4; intersections 1 and 1; sums of truth and prediction 3 and 3.
/// assert_eq!(metric.aggregate(Reduction::Mean).values, [2.0 * 1.25 / (3.0 * 1.25)]);
/// assert_eq!(metric.pooled(), 2.0 / 3.0);
/// # Ok::<(), bcs_model::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GeneralizedDiceScore {
    counts: ConfusionTable,
    weight_type: WeightType,
}

/// Numerator and denominator of a score.
#[derive(Clone, Copy)]
struct Fraction {
    numerator: f64,
    denominator: f64,
}

impl GeneralizedDiceScore {
    /// Creates the metric for this number of classes, background included.
    ///
    /// # Errors
    /// [`Error::Argument`] if `classes` is not in [2, 255].
    pub fn new(classes: usize, options: GeneralizedDiceOptions) -> Result<Self, Error> {
        let counts = ConfusionTable::new(classes, options.include_background)?;
        Ok(Self { counts, weight_type: options.weight_type })
    }

    /// Adds an image.
    ///
    /// # Errors
    /// [`Error::Argument`] if the masks differ in length.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8]) -> Result<(), Error> {
        self.counts.add(truth, prediction)
    }

    /// Returns the reduced scores of the images. As in MONAI, an image has one score of all its classes for
    /// [`Reduction::Mean`], [`Sum`](Reduction::Sum), [`MeanChannel`](Reduction::MeanChannel) and
    /// [`SumChannel`](Reduction::SumChannel), and one score per class for the others.
    pub fn aggregate(&self, reduction: Reduction) -> Reduced {
        let by_class = matches!(reduction, Reduction::None | Reduction::MeanBatch | Reduction::SumBatch);
        let images = self.counts.images();
        if by_class {
            let mut table = Table::new(self.counts.columns());
            for image in images {
                table.push(self.fractions(image).map(Fraction::score));
            }
            return table.reduce(reduction);
        }
        let mut table = Table::new(1);
        for image in images {
            table.push([self.over_classes(image)]);
        }
        table.reduce(reduction)
    }

    /// Returns the score of all classes over all pixels of the data set, as if it were one image.
    pub fn pooled(&self) -> f64 {
        self.over_classes(&self.counts.pooled())
    }

    /// Removes all images.
    pub fn reset(&mut self) {
        self.counts.reset();
    }

    fn over_classes(&self, image: &[Confusion]) -> f64 {
        let add = |sum: Fraction, other: Fraction| Fraction {
            numerator: sum.numerator + other.numerator,
            denominator: sum.denominator + other.denominator,
        };
        self.fractions(image).fold(Fraction { numerator: 0.0, denominator: 0.0 }, add).score()
    }

    fn fractions(&self, image: &[Confusion]) -> impl Iterator<Item = Fraction> {
        let weight = |counts: &Confusion| match self.weight_type {
            WeightType::Square => (counts.truth() as f64).powi(2).recip(),
            WeightType::Simple => (counts.truth() as f64).recip(),
            WeightType::Uniform => 1.0,
        };
        let largest = image.iter().map(weight).filter(|weight| weight.is_finite()).reduce(f64::max);
        image.iter().map(move |counts| {
            let weight = Some(weight(counts)).filter(|weight| weight.is_finite()).or(largest).unwrap_or(1.0);
            Fraction {
                numerator: 2.0 * weight * counts.true_positives as f64,
                denominator: weight * (counts.truth() + counts.prediction()) as f64,
            }
        })
    }
}

impl Fraction {
    /// Returns the score: 1 if neither truth nor prediction has pixels.
    fn score(self) -> f64 {
        if self.denominator == 0.0 { 1.0 } else { self.numerator / self.denominator }
    }
}
