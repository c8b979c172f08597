//! Dice and intersection over union per class: pooled over all pixels of a data set, and averaged over images as in
//! MONAI's `DiceMetric`. Computed from bytes, which masks are before and after the network.

use super::confusion::{Confusion, confusions};
use crate::error::{Error, argument};

/// Confusion counts of ground truth and prediction, image by image.
#[derive(Debug, Clone)]
pub struct Overlap {
    pooled: Vec<Confusion>,
    per_image_sum: Vec<f64>,
    per_image_count: Vec<usize>,
    images: usize,
}

/// Scores of one class; `None` if neither truth nor prediction has pixels of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverlapScores {
    /// Dice over the pixels of all images together (pooled), in [0, 1].
    pub dice: Option<f64>,
    /// Intersection over union over the pixels of all images together (pooled), in [0, 1].
    pub iou: Option<f64>,
    /// Mean Dice of the images whose truth has the class (MONAI's `ignore_empty=True`), in [0, 1].
    pub dice_per_image: Option<f64>,
    /// Number of images whose truth has the class.
    pub images: usize,
}

impl Overlap {
    /// Creates empty counts for this number of classes.
    pub fn new(classes: usize) -> Self {
        Self {
            pooled: vec![Confusion::default(); classes],
            per_image_sum: vec![0.0; classes],
            per_image_count: vec![0; classes],
            images: 0,
        }
    }

    /// Adds an image: the class of each pixel in truth and prediction. Pixels whose truth is not a class are ignored.
    ///
    /// # Errors
    /// [`Error::Argument`] if the two differ in length.
    pub fn add(&mut self, truth: &[u8], prediction: &[u8]) -> Result<(), Error> {
        for (class, counts) in confusions(truth, prediction, self.pooled.len())?.into_iter().enumerate() {
            self.add_image(class, counts);
        }
        self.images += 1;
        Ok(())
    }

    fn add_image(&mut self, class: usize, counts: Confusion) {
        self.pooled[class] += counts;
        if let (true, Some(dice)) = (counts.truth() > 0, counts.dice()) {
            self.per_image_sum[class] += dice;
            self.per_image_count[class] += 1;
        }
    }

    /// Returns the counts as numbers, whose sums over parts of a data set are those of all of it: exactly, but for the
    /// rounding of the mean over images.
    pub fn to_sums(&self) -> Vec<f64> {
        let of_class = |class: usize| {
            let pooled = self.pooled[class].counts().map(|count| count as f64);
            pooled.into_iter().chain([self.per_image_sum[class], self.per_image_count[class] as f64])
        };
        (0..self.pooled.len()).flat_map(of_class).chain([self.images as f64]).collect()
    }

    /// Returns the counts of which [`to_sums`](Self::to_sums) or a sum of its results are the numbers.
    ///
    /// # Errors
    /// [`Error::Argument`] if they are not six per class and one.
    pub fn from_sums(sums: &[f64]) -> Result<Self, Error> {
        let (classes, rest) = sums.as_chunks::<6>();
        let &[images] = rest else {
            return Err(argument("sums", format!("are {} numbers, not six per class and one", sums.len())));
        };
        let pooled = |[a, b, c, d, ..]: &[f64; 6]| Confusion::of([a, b, c, d].map(|count| *count as u64));
        Ok(Self {
            pooled: classes.iter().map(pooled).collect(),
            per_image_sum: classes.iter().map(|sums| sums[4]).collect(),
            per_image_count: classes.iter().map(|sums| sums[5] as usize).collect(),
            images: images as usize,
        })
    }

    /// Returns the number of images added.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Returns the scores of each class.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_equal_those_counted_by_hand() {
        let mut overlap = Overlap::new(3);
        overlap.add(&[0, 0, 1, 1, 255, 255], &[0, 1, 1, 1, 1, 2]).unwrap();
        overlap.add(&[1, 1], &[0, 0]).unwrap();
        let [background, tumour, stroma] = overlap.scores()[..] else { panic!("three classes") };
        assert_eq!(background.dice, Some(2.0 / 5.0));
        assert_eq!(background.dice_per_image, Some(2.0 / 3.0));
        assert_eq!(tumour.dice, Some(4.0 / 7.0));
        assert_eq!(tumour.iou, Some(2.0 / 5.0));
        assert_eq!(tumour.dice_per_image, Some((4.0 / 5.0 + 0.0) / 2.0));
        assert_eq!((stroma.dice, stroma.images), (None, 0), "ignored pixels were counted");
    }

    #[test]
    fn sums_over_parts_are_those_of_the_whole() {
        let images: [(&[u8], &[u8]); 3] =
            [(&[0, 1, 255], &[0, 0, 1]), (&[1, 1], &[1, 0]), (&[0, 0], &[0, 1])];
        let overlap = |images: &[(&[u8], &[u8])]| {
            let mut overlap = Overlap::new(2);
            images.iter().for_each(|(truth, prediction)| overlap.add(truth, prediction).unwrap());
            overlap
        };
        let (first, second) = (overlap(&images[..1]).to_sums(), overlap(&images[1..]).to_sums());
        let sums: Vec<f64> = first.iter().zip(&second).map(|(a, b)| a + b).collect();
        let (together, whole) = (Overlap::from_sums(&sums).unwrap(), overlap(&images));
        assert_eq!((together.scores(), together.images()), (whole.scores(), 3));
        assert!(Overlap::from_sums(&sums[1..]).is_err());
    }

    #[test]
    fn more_classes_than_codes_have_no_scores() {
        let mut overlap = Overlap::new(300);
        overlap.add(&[255, 254], &[255, 254]).unwrap();
        let scores = overlap.scores();
        assert_eq!((scores[254].dice, scores[255].dice, scores[299].dice), (Some(1.0), None, None));
    }

    #[test]
    fn different_lengths_are_an_error() {
        assert!(Overlap::new(2).add(&[0], &[0, 0]).is_err());
    }
}
