//! Class map, confidence and entropy from logits.

use bcs_contracts::features::{CONFIDENCE, ENTROPY, fraction_of};
use bcs_contracts::record::ClassFraction;
use bcs_contracts::{Features, TissueClass};
use image::GrayImage;

use crate::error::Error;
use crate::sliding_window::Logits;

/// Segmentation of an image.
#[derive(Debug, Clone)]
pub struct Segmentation {
    /// Index of the predicted class of each pixel.
    pub mask: GrayImage,
    /// Number of pixels predicted as each class.
    pub class_pixels: Vec<u64>,
    /// Mean probability of the predicted class, in [1/classes, 1].
    pub confidence: f64,
    /// Mean entropy of the class probabilities divided by its maximum, in [0, 1].
    pub entropy: f64,
}

impl Segmentation {
    /// Predicts the class with the largest logit at every pixel.
    ///
    /// # Errors
    /// [`Error::Engine`] if the logits hold NaN or infinity.
    pub fn from_logits(logits: &Logits) -> Result<Self, Error> {
        let Logits { classes, height, width, ref values } = *logits;
        let mut rows = Rows::new(classes, [height, width]);
        let mut row = vec![0.0; classes * width];
        for y in 0..height {
            let planes = values.chunks_exact(height * width);
            for (to, plane) in row.chunks_exact_mut(width).zip(planes) {
                to.copy_from_slice(&plane[y * width..][..width]);
            }
            rows.add(y, &row);
        }
        rows.finish()
    }

    /// Returns the number and fraction of the pixels predicted as each class.
    pub fn fractions(&self, classes: &[TissueClass]) -> Vec<ClassFraction> {
        let total: u64 = self.class_pixels.iter().sum();
        let fraction = |(class, pixels): (&TissueClass, &u64)| ClassFraction {
            code: class.code,
            name: class.name.clone(),
            pixels: *pixels,
            fraction: *pixels as f64 / total.max(1) as f64,
        };
        classes.iter().zip(&self.class_pixels).map(fraction).collect()
    }

    /// Adds the model features of drift monitoring: the fraction of each class, confidence and entropy.
    pub fn add_features(&self, classes: &[TissueClass], features: &mut Features) {
        for class in self.fractions(classes) {
            features.insert(fraction_of(&class.name), class.fraction);
        }
        features.insert(CONFIDENCE.to_owned(), self.confidence);
        features.insert(ENTROPY.to_owned(), self.entropy);
    }
}

/// A segmentation while the rows of its logits arrive.
pub(crate) struct Rows {
    size: [usize; 2],
    mask: Vec<u8>,
    class_pixels: Vec<u64>,
    confidence: f64,
    entropy: f64,
    pixel: Vec<f32>,
}

impl Rows {
    pub(crate) fn new(classes: usize, size: [usize; 2]) -> Self {
        let (mask, class_pixels, pixel) = (vec![0; size[0] * size[1]], vec![0; classes], vec![0.0; classes]);
        Self { size, mask, class_pixels, confidence: 0.0, entropy: 0.0, pixel }
    }

    /// Adds the logits `[classes, width]` of row `y`. Rows come once each, in any order.
    pub(crate) fn add(&mut self, y: usize, logits: &[f32]) {
        let width = self.size[1];
        for (x, predicted) in self.mask[y * width..][..width].iter_mut().enumerate() {
            for (class, value) in self.pixel.iter_mut().enumerate() {
                *value = logits[class * width + x];
            }
            let class = argmax(&self.pixel);
            let certainty = certainty(&self.pixel, class);
            *predicted = u8::try_from(class).unwrap_or(u8::MAX);
            self.class_pixels[class] += 1;
            self.confidence += f64::from(certainty.confidence);
            self.entropy += f64::from(certainty.entropy);
        }
    }

    /// Returns the segmentation, after the last row.
    ///
    /// # Errors
    /// [`Error::Engine`] if the logits held NaN or infinity.
    pub(crate) fn finish(self) -> Result<Segmentation, Error> {
        let Self { size: [height, width], mask, class_pixels, confidence, entropy, .. } = self;
        if !confidence.is_finite() || !entropy.is_finite() {
            return Err(Error::Engine("its output holds NaN or infinity".to_owned()));
        }
        let mask = GrayImage::from_raw(width as u32, height as u32, mask)
            .ok_or_else(|| Error::Engine("its output has another size than its input".to_owned()))?;
        let area = (height * width) as f64;
        let largest_entropy = (class_pixels.len().max(2) as f64).ln();
        Ok(Segmentation {
            mask,
            class_pixels,
            confidence: confidence / area,
            entropy: entropy / area / largest_entropy,
        })
    }
}

/// Returns the index of the largest value, the first of equal ones, as `torch.argmax`.
fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

struct Certainty {
    confidence: f32,
    entropy: f32,
}

/// Returns the softmax probability of the predicted class and the entropy in nats. With eᵢ = exp(xᵢ − max) and s = Σeᵢ,
/// which cannot overflow, these are 1/s and ln s − Σ eᵢ(xᵢ − max)/s.
fn certainty(logits: &[f32], predicted: usize) -> Certainty {
    let max = logits[predicted];
    let (mut sum, mut weighted) = (0.0f32, 0.0f32);
    for logit in logits {
        let below = *logit - max;
        let share = below.exp();
        sum += share;
        weighted += share * below;
    }
    Certainty { confidence: 1.0 / sum, entropy: sum.ln() - weighted / sum }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;

    use super::*;

    fn logits(values: Vec<f32>, classes: usize) -> Logits {
        Logits { classes, height: 1, width: values.len() / classes, values }
    }

    #[test]
    fn predictions_and_certainties_are_those_of_softmax() {
        // Two pixels: (0, ln 3) and (2, 2).
        let segmentation = Segmentation::from_logits(&logits(vec![0.0, 2.0, 3f32.ln(), 2.0], 2)).unwrap();
        assert_eq!(segmentation.mask.as_raw(), &[1, 0]);
        assert!((segmentation.confidence - (0.75 + 0.5) / 2.0).abs() < 1e-6);
        let entropy = -(0.25f64.ln() * 0.25 + 0.75f64.ln() * 0.75) / 2f64.ln();
        assert!((segmentation.entropy - f64::midpoint(entropy, 1.0)).abs() < 1e-6);
        let mut features = Features::new();
        segmentation.add_features(&unnamed_classes(2), &mut features);
        assert_eq!(features["fraction_class_1"], 0.5);
    }

    #[test]
    fn extreme_logits_are_finite_and_nan_is_an_error() {
        let sure = Segmentation::from_logits(&logits(vec![-1e30, 1e30], 2)).unwrap();
        assert_eq!((sure.confidence, sure.entropy), (1.0, 0.0));
        assert!(Segmentation::from_logits(&logits(vec![f32::NAN, 1.0], 2)).is_err());
    }
}
