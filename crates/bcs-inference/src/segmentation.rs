//! Class map, confidence and entropy from logits.

use bcs_contracts::features::{
    BOUNDARY_LENGTH, CONFIDENCE, ENTROPY, Embedding, embedding_component, fraction_of,
};
use bcs_contracts::record::ClassFraction;
use bcs_contracts::{Features, TissueClass};
use image::GrayImage;
use rayon::prelude::*;

use crate::boundary::boundary_length;
use crate::error::Error;
use crate::logits::Logits;
use crate::softmax::Softmax;

/// Expected areas of a class in pixels, if its probabilities are right.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ExpectedArea {
    /// Of the class: the sum of its probabilities over all pixels.
    pub present: f64,
    /// Predicted as the class, and of it: the sum of its probabilities over the pixels predicted as it.
    pub right: f64,
}

/// Segmentation of an image.
#[derive(Debug, Clone)]
pub struct Segmentation {
    /// Index of the predicted class of each pixel.
    pub mask: GrayImage,
    /// Number of pixels predicted as each class.
    pub class_pixels: Vec<u64>,
    /// Expected areas of each class.
    pub expected: Vec<ExpectedArea>,
    /// Mean probability of the predicted class, in [1/classes, 1].
    pub confidence: f64,
    /// Mean entropy of the class probabilities divided by its maximum, in [0, 1].
    pub entropy: f64,
    /// Mean of the embeddings of its windows, if the model gives some.
    pub embedding: Option<Embedding>,
}

impl Segmentation {
    /// Predicts the class with the largest logit at every pixel.
    ///
    /// # Errors
    /// [`Error::Engine`] if logits or embedding hold NaN or infinity.
    pub fn from_logits(logits: &Logits) -> Result<Self, Error> {
        let Logits { classes, height, width, ref values, embedding } = *logits;
        let area = height * width;
        let mut mask = vec![0u8; area];
        let rows = mask.par_chunks_mut(width.max(1)).enumerate();
        let rows: Vec<Row> = rows
            .map_init(Softmax::default, |softmax, (y, mask)| {
                Row::predict(softmax, classes, mask, |class| &values[class * area + y * width..][..width])
            })
            .collect();
        // Row by row, so that the sums do not depend on the number of threads.
        let mut sums = Row::new(classes);
        rows.iter().for_each(|row| sums.add(row));
        sums.finish(mask, [height, width], embedding)
    }

    /// Returns number, fraction and expected number of the pixels of each class.
    pub fn fractions(&self, classes: &[TissueClass]) -> Vec<ClassFraction> {
        let total: u64 = self.class_pixels.iter().sum();
        let fraction = |((class, pixels), expected): ((&TissueClass, &u64), &ExpectedArea)| ClassFraction {
            code: class.code,
            name: class.name.clone(),
            color: Some(class.color),
            pixels: *pixels,
            fraction: *pixels as f64 / total.max(1) as f64,
            area_mm2: None,
            expected_pixels: Some(expected.present),
            expected_right: Some(expected.right),
        };
        classes.iter().zip(&self.class_pixels).zip(&self.expected).map(fraction).collect()
    }

    /// Adds the model features of drift monitoring: the fraction of each class, length of their borders, confidence,
    /// entropy, and the components of the embedding, if there is one.
    pub fn add_features(&self, classes: &[TissueClass], features: &mut Features) {
        for class in self.fractions(classes) {
            features.insert(fraction_of(&class.name), class.fraction);
        }
        features.insert(BOUNDARY_LENGTH.to_owned(), boundary_length(&self.mask));
        features.insert(CONFIDENCE.to_owned(), self.confidence);
        features.insert(ENTROPY.to_owned(), self.entropy);
        for (index, value) in self.embedding.iter().flatten().enumerate() {
            features.insert(embedding_component(index), f64::from(*value));
        }
    }
}

/// A segmentation while the rows of its logits arrive.
pub(crate) struct Rows {
    size: [usize; 2],
    mask: Vec<u8>,
    sums: Row,
    softmax: Softmax,
}

impl Rows {
    pub(crate) fn new(classes: usize, size: [usize; 2]) -> Self {
        let mask = vec![0; size[0] * size[1]];
        Self { size, mask, sums: Row::new(classes), softmax: Softmax::default() }
    }

    /// Adds the logits `[classes, width]` of row `y`. Rows come once each.
    pub(crate) fn add(&mut self, y: usize, logits: &[f32]) {
        let (width, classes) = (self.size[1], self.sums.class_pixels.len());
        let mask = &mut self.mask[y * width..][..width];
        let row = Row::predict(&mut self.softmax, classes, mask, |class| &logits[class * width..][..width]);
        self.sums.add(&row);
    }

    /// Returns the segmentation, after the last row, with the mean embedding of the windows.
    ///
    /// # Errors
    /// [`Error::Engine`] if logits or embedding hold NaN or infinity.
    pub(crate) fn finish(self, embedding: Option<Embedding>) -> Result<Segmentation, Error> {
        self.sums.finish(self.mask, self.size, embedding)
    }
}

/// Sums over the pixels of a row, or of several.
struct Row {
    class_pixels: Vec<u64>,
    expected: Vec<ExpectedArea>,
    confidence: f64,
    entropy: f64,
}

impl Row {
    fn new(classes: usize) -> Self {
        let expected = vec![ExpectedArea::default(); classes];
        Self { class_pixels: vec![0; classes], expected, confidence: 0.0, entropy: 0.0 }
    }

    fn add(&mut self, row: &Self) {
        self.class_pixels.iter_mut().zip(&row.class_pixels).for_each(|(sum, pixels)| *sum += pixels);
        for (sum, expected) in self.expected.iter_mut().zip(&row.expected) {
            sum.present += expected.present;
            sum.right += expected.right;
        }
        self.confidence += row.confidence;
        self.entropy += row.entropy;
    }

    /// Returns the segmentation of an image of this size (height, width).
    fn finish(
        self,
        mask: Vec<u8>,
        [height, width]: [usize; 2],
        embedding: Option<Embedding>,
    ) -> Result<Segmentation, Error> {
        let Self { class_pixels, expected, confidence, entropy } = self;
        let embedding_is_finite = embedding.iter().flatten().all(|value| value.is_finite());
        if !confidence.is_finite() || !entropy.is_finite() || !embedding_is_finite {
            return Err(Error::Engine("its output holds NaN or infinity".to_owned()));
        }
        let mask = GrayImage::from_raw(width as u32, height as u32, mask)
            .ok_or_else(|| Error::Engine("its output has another size than its input".to_owned()))?;
        let area = (height * width) as f64;
        let largest_entropy = (class_pixels.len().max(2) as f64).ln();
        Ok(Segmentation {
            mask,
            class_pixels,
            expected,
            confidence: confidence / area,
            entropy: entropy / area / largest_entropy,
            embedding,
        })
    }

    /// Predicts the pixels of a row into `mask`. `logits` returns the row of a class.
    fn predict<'a>(
        softmax: &mut Softmax,
        classes: usize,
        mask: &mut [u8],
        logits: impl Fn(usize) -> &'a [f32],
    ) -> Self {
        let rows: Vec<&[f32]> = (0..classes).map(logits).collect();
        softmax.compute(&rows, mask);
        let mut row = Self::new(classes);
        let mut confidences = softmax.confidences();
        for run in mask.chunk_by(|one, other| one == other) {
            let (own, others) = confidences.split_at(run.len());
            confidences = others;
            let (class, confidence) = (usize::from(run[0]), own.iter().copied().map(f64::from).sum::<f64>());
            row.class_pixels[class] += run.len() as u64;
            row.expected[class].right += confidence;
            row.confidence += confidence;
        }
        for (class, expected) in row.expected.iter_mut().enumerate() {
            expected.present = softmax.sum_of(class);
        }
        row.entropy = softmax.entropy();
        row
    }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::class::unnamed_classes;

    use super::*;

    fn logits(values: Vec<f32>, classes: usize) -> Logits {
        Logits { classes, height: 1, width: values.len() / classes, values, embedding: None }
    }

    #[test]
    fn predictions_and_certainties_are_those_of_softmax() {
        // Two pixels: (0, ln 3) and (2, 2).
        let segmentation = Segmentation::from_logits(&logits(vec![0.0, 2.0, 3f32.ln(), 2.0], 2)).unwrap();
        assert_eq!(segmentation.mask.as_raw(), &[1, 0]);
        assert!((segmentation.confidence - (0.75 + 0.5) / 2.0).abs() < 1e-6);
        let entropy = -(0.25f64.ln() * 0.25 + 0.75f64.ln() * 0.75) / 2f64.ln();
        assert!((segmentation.entropy - f64::midpoint(entropy, 1.0)).abs() < 1e-6);
        let expected = [(0.75, 0.5), (1.25, 0.75)];
        for (area, (present, right)) in segmentation.expected.iter().zip(expected) {
            assert!((area.present - present).abs() < 1e-6 && (area.right - right).abs() < 1e-6, "{area:?}");
        }
        let mut features = Features::new();
        segmentation.add_features(&unnamed_classes(2), &mut features);
        assert_eq!(features["fraction_class_1"], 0.5);
        assert_eq!(features["boundary_length"], 1.0);
        assert!(features.keys().all(|name| !name.starts_with("embedding_")), "the model gives none");
    }

    #[test]
    fn components_of_the_embedding_are_features() {
        let embedded = |embedding| {
            Segmentation::from_logits(&Logits { embedding: Some(embedding), ..logits(vec![0.0, 1.0], 2) })
        };
        let mut features = Features::new();
        let embedding = [0.5, -1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 7.0];
        embedded(embedding).unwrap().add_features(&unnamed_classes(2), &mut features);
        assert_eq!((features["embedding_1"], features["embedding_7"]), (-1.0, 7.0));
        assert!(embedded([f32::INFINITY; 8]).is_err());
    }

    #[test]
    fn extreme_logits_are_finite_and_nan_is_an_error() {
        let sure = Segmentation::from_logits(&logits(vec![-1e30, 1e30], 2)).unwrap();
        assert_eq!((sure.confidence, sure.entropy), (1.0, 0.0));
        assert!(Segmentation::from_logits(&logits(vec![f32::NAN, 1.0], 2)).is_err());
    }
}
