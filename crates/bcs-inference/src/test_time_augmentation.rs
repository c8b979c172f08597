use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;

use crate::embedding::MeanEmbedding;
use crate::logits::{Logits, softmax};
use crate::view::View;

/// Test-time augmentation: the image is segmented in several views, and the softmax probabilities, turned back, are
/// averaged, as the mean of MONAI's `TestTimeAugmentation`.
///
/// The result is the logarithm of the mean probability: logits whose softmax is the mean. The logarithm of a mean of 0
/// is that of the least normal `f32`, about −87.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestTimeAugmentation {
    /// One view, the image itself; its logits are those of the network.
    #[default]
    None,
    /// Four views: the image as it is, and flipped horizontally, vertically and in both directions.
    Flips,
    /// Eight views: the four of [`TestTimeAugmentation::Flips`], and each of them transposed, which gives the rotations
    /// by 90° too. A rotated or flipped image has the rotated or flipped segmentation, apart from rounding.
    FlipsAndRotations,
}

impl TestTimeAugmentation {
    /// Returns the views, the image itself first.
    pub(crate) fn views(self) -> Vec<View> {
        let transposed: &[bool] = if self.rotates() { &[false, true] } else { &[false] };
        let flipped: &[bool] = if self == Self::None { &[false] } else { &[false, true] };
        let mut views = Vec::new();
        for &transposed in transposed {
            for &flipped_rows in flipped {
                views.extend(flipped.iter().map(|&flipped_columns| View {
                    transposed,
                    flipped_rows,
                    flipped_columns,
                }));
            }
        }
        views
    }

    /// Whether the height and width of some views are swapped.
    pub(crate) fn rotates(self) -> bool {
        self == Self::FlipsAndRotations
    }
}

impl FromStr for TestTimeAugmentation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "flips" => Ok(Self::Flips),
            "flips-rotations" => Ok(Self::FlipsAndRotations),
            _ => Err(format!(
                "unknown test-time augmentation '{text}'; known are none, flips and flips-rotations"
            )),
        }
    }
}

impl fmt::Display for TestTimeAugmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Flips => "flips",
            Self::FlipsAndRotations => "flips-rotations",
        })
    }
}

/// Sum of the softmax probabilities of several views of one image.
pub(crate) struct Probabilities {
    sum: Logits,
    embedding: MeanEmbedding,
    views: u8,
}

impl Probabilities {
    pub(crate) fn new(classes: usize, size: [usize; 2]) -> Self {
        Self { sum: Logits::zeros(classes, size), embedding: MeanEmbedding::default(), views: 0 }
    }

    /// Adds the softmax of the logits of a view.
    pub(crate) fn add(&mut self, logits: &Logits, view: View) {
        let (classes, height, width) = (self.sum.classes, self.sum.height, self.sum.width);
        let grid = view.of_image([height, width]);
        self.sum.rows_mut(0..height).into_par_iter().enumerate().for_each_init(
            || vec![0.0; classes],
            |pixel, (y, mut sums)| {
                for x in 0..width {
                    let at = grid.at(y, x);
                    for (class, value) in pixel.iter_mut().enumerate() {
                        *value = logits.values[class * height * width + at];
                    }
                    softmax(pixel);
                    for (sums, probability) in sums.iter_mut().zip(&*pixel) {
                        sums[x] += probability;
                    }
                }
            },
        );
        self.embedding.add(logits.embedding.as_ref());
        self.views += 1;
    }

    /// Returns the logarithm of the mean, and the mean embedding.
    pub(crate) fn finish(mut self) -> Logits {
        let views = f32::from(self.views);
        self.sum.values.par_chunks_mut(1 << 16).flatten().for_each(|value| {
            let mean = *value / views;
            // Unlike `f32::max` keeps NaN, which is reported later.
            *value = if mean < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { mean }.ln();
        });
        self.sum.embedding = self.embedding.finish();
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(values: &[f32]) -> Logits {
        Logits { classes: 2, height: 1, width: values.len() / 2, values: values.to_vec(), embedding: None }
    }

    #[test]
    fn probabilities_are_averaged() {
        // Probabilities of class 1: 3/4 and 1/2, then, flipped, 1/2 and 1.
        let mut mean = Probabilities::new(2, [1, 2]);
        mean.add(&logits(&[0.0, 5.0, 3f32.ln(), 5.0]), View::IDENTITY);
        let flipped = View { flipped_columns: true, ..View::IDENTITY };
        mean.add(&logits(&[-1e4, 1.0, 1e4, 1.0]), flipped);
        let result = mean.finish();
        let expected = [0.375f32, 0.25, 0.625, 0.75].map(f32::ln);
        assert!(
            result.values.iter().zip(expected).all(|(value, log)| (value - log).abs() < 1e-6),
            "{result:?}"
        );
    }

    #[test]
    fn a_probability_of_0_is_finite_and_nan_remains() {
        let result = |values| {
            let mut mean = Probabilities::new(2, [1, 1]);
            mean.add(&logits(values), View::IDENTITY);
            mean.finish().values
        };
        assert_eq!(result(&[0.0, 1e9]), [f32::MIN_POSITIVE.ln(), 0.0]);
        assert!(result(&[f32::NAN, 1.0])[0].is_nan());
        assert!(result(&[f32::INFINITY, 1.0])[0].is_nan());
    }

    #[test]
    fn views_differ_and_begin_with_the_image() {
        for (tta, count) in [("none", 1), ("flips", 4), ("flips-rotations", 8)] {
            let tta: TestTimeAugmentation = tta.parse().unwrap();
            let views = tta.views();
            assert_eq!((views.len(), views[0]), (count, View::IDENTITY), "{tta}");
            assert!((0..count).all(|at| !views[..at].contains(&views[at])));
        }
        let error = "all".parse::<TestTimeAugmentation>().unwrap_err();
        assert!(error.contains("flips-rotations"), "{error}");
    }
}
