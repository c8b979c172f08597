//! Dice and intersection over union by class: pooled over all pixels of a data set, and per image as MONAI's
//! `DiceMetric` has it. Counted on plain buffers: masks are bytes before and after the network.

use crate::error::{Error, argument};

/// Counts truth against prediction, image by image; pixels whose truth is no class are left out.
#[derive(Debug, Clone)]
pub struct Overlap {
    pooled: Vec<Counts>,
    per_image_sum: Vec<f64>,
    per_image_count: Vec<usize>,
    images: usize,
}

/// Pixels of a class in the truth, in the prediction, and in both.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    truth: u64,
    prediction: u64,
    both: u64,
}

/// The scores of one class; `None` where the class stands in neither truth nor prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverlapScores {
    /// Dice over all pixels together.
    pub dice: Option<f64>,
    /// Intersection over union, over all pixels together.
    pub iou: Option<f64>,
    /// Mean of the Dice of each image that has the class (MONAI's `ignore_empty=True`).
    pub dice_per_image: Option<f64>,
    /// Images that have the class.
    pub images: usize,
}

impl Counts {
    fn dice(self) -> Option<f64> {
        let total = self.truth + self.prediction;
        (total > 0).then(|| 2.0 * self.both as f64 / total as f64)
    }

    fn iou(self) -> Option<f64> {
        let union = self.truth + self.prediction - self.both;
        (union > 0).then(|| self.both as f64 / union as f64)
    }
}

impl Overlap {
    /// An empty count of so many classes.
    pub fn new(classes: usize) -> Self {
        Self {
            pooled: vec![Counts::default(); classes],
            per_image_sum: vec![0.0; classes],
            per_image_count: vec![0; classes],
            images: 0,
        }
    }

    /// Adds an image: the class of each pixel in truth and prediction. A truth beyond the classes is don't-care.
    ///
    /// # Errors
    /// [`Error::Argument`] where the two differ in length.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8]) -> Result<(), Error> {
        if truth.len() != prediction.len() {
            let reason = format!("{} pixels of truth, {} of prediction", truth.len(), prediction.len());
            return Err(argument("Overlap", reason));
        }
        // One table of pairs, filled without a branch; classes are far fewer than bytes.
        let mut table = vec![0u64; 256 * 256];
        for (truth, prediction) in truth.iter().zip(prediction) {
            table[usize::from(*truth) << 8 | usize::from(*prediction)] += 1;
        }
        let classes = self.pooled.len();
        for class in 0..classes {
            let counts = Counts {
                truth: table[class << 8..(class + 1) << 8].iter().sum(),
                prediction: (0..classes).map(|truth| table[truth << 8 | class]).sum(),
                both: table[class << 8 | class],
            };
            self.add_image(class, counts);
        }
        self.images += 1;
        Ok(())
    }

    fn add_image(&mut self, class: usize, counts: Counts) {
        let pooled = &mut self.pooled[class];
        pooled.truth += counts.truth;
        pooled.prediction += counts.prediction;
        pooled.both += counts.both;
        if let (true, Some(dice)) = (counts.truth > 0, counts.dice()) {
            self.per_image_sum[class] += dice;
            self.per_image_count[class] += 1;
        }
    }

    /// Images added.
    pub fn images(&self) -> usize {
        self.images
    }

    /// The scores of each class.
    pub fn scores(&self) -> Vec<OverlapScores> {
        let of_class = |class: usize| {
            let images = self.per_image_count[class];
            OverlapScores {
                dice: self.pooled[class].dice(),
                iou: self.pooled[class].iou(),
                dice_per_image: (images > 0).then(|| self.per_image_sum[class] / images as f64),
                images,
            }
        };
        (0..self.pooled.len()).map(of_class).collect()
    }
}

/// The mean of the scores that there are, of the classes of these indices; `None` where there is none.
pub fn mean<'a>(scores: impl IntoIterator<Item = &'a Option<f64>>) -> Option<f64> {
    let scores: Vec<f64> = scores.into_iter().copied().flatten().collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_one_would_count() {
        let mut overlap = Overlap::new(3);
        overlap.add(&[0, 0, 1, 1, 255, 255], &[0, 1, 1, 1, 1, 2]).unwrap();
        overlap.add(&[1, 1], &[0, 0]).unwrap();
        let [background, tumour, stroma] = overlap.scores()[..] else { panic!("three classes") };
        assert_eq!(background.dice, Some(2.0 / 5.0));
        assert_eq!(background.dice_per_image, Some(2.0 / 3.0));
        assert_eq!(tumour.dice, Some(4.0 / 7.0));
        assert_eq!(tumour.iou, Some(2.0 / 5.0));
        assert_eq!(tumour.dice_per_image, Some((4.0 / 5.0 + 0.0) / 2.0));
        assert_eq!((stroma.dice, stroma.images), (None, 0), "don't-care pixels were counted");
        assert_eq!(mean([&background.dice, &tumour.dice, &stroma.dice]), Some((0.4 + 4.0 / 7.0) / 2.0));
    }

    #[test]
    fn lengths_must_agree() {
        assert!(Overlap::new(2).add(&[0], &[0, 0]).is_err());
    }
}
