//! Boundaries of class masks and the distances between them, which the surface metrics are computed from.

use std::ops::Range;

use bcs_contracts::IGNORE;

use super::confusion::check_lengths;
use super::distance_transform::squared_distances;
use crate::error::{Error, argument};

/// Boundaries of one class in truth and prediction: the pixels of the class with one of their four neighbours outside of
/// the class or the image.
#[derive(Debug, Clone, Default)]
pub(super) struct Boundaries {
    pub(super) truth: Vec<usize>,
    pub(super) prediction: Vec<usize>,
    size: [usize; 2],
}

impl Boundaries {
    /// Returns the distance of each pixel of the prediction's boundary to the boundary of the truth.
    pub(super) fn to_truth(&self) -> Vec<f32> {
        distances(&self.prediction, &self.truth, self.size)
    }

    /// Returns the distance of each pixel of the truth's boundary to the boundary of the prediction.
    pub(super) fn to_prediction(&self) -> Vec<f32> {
        distances(&self.truth, &self.prediction, self.size)
    }
}

/// Returns the boundaries of each of these classes in an image of `[height, width]`. Pixels whose truth is not a class
/// are outside of every class, in the prediction too.
///
/// # Errors
/// [`Error::Argument`] if a mask does not have the image's size.
pub(super) fn boundaries(
    truth: &[u8],
    prediction: &[u8],
    size: [usize; 2],
    classes: Range<usize>,
) -> Result<Vec<Boundaries>, Error> {
    check_lengths(truth, prediction)?;
    let [height, width] = size;
    if height.checked_mul(width) != Some(truth.len()) {
        let reason = format!("has {} pixels, but the image is {height} × {width}", truth.len());
        return Err(argument("the truth", reason));
    }
    let is_class = |code: u8| usize::from(code) < classes.end;
    let valid = |(truth, prediction): (&u8, &u8)| if is_class(*truth) { *prediction } else { IGNORE };
    let prediction: Vec<u8> = truth.iter().zip(prediction).map(valid).collect();
    let mut result = vec![Boundaries { size, ..Boundaries::default() }; classes.len()];
    let index = |code: u8| usize::from(code).checked_sub(classes.start).filter(|_| is_class(code));
    for pixel in boundary_pixels(truth, width) {
        if let Some(class) = index(truth[pixel]) {
            result[class].truth.push(pixel);
        }
    }
    for pixel in boundary_pixels(&prediction, width) {
        if let Some(class) = index(prediction[pixel]) {
            result[class].prediction.push(pixel);
        }
    }
    Ok(result)
}

/// Returns the pixels with a neighbour of another code or outside of the image.
fn boundary_pixels(codes: &[u8], width: usize) -> impl Iterator<Item = usize> {
    (0..codes.len()).filter(move |pixel| {
        let same = |neighbour: usize| codes.get(neighbour) == Some(&codes[*pixel]);
        let column = pixel % width;
        let above = *pixel >= width && same(pixel - width);
        let left = column > 0 && same(pixel - 1);
        let right = column + 1 < width && same(pixel + 1);
        !(above && left && right && same(pixel + width))
    })
}

/// Returns the distance in pixels of each pixel of `from` to the nearest of `to`, in single precision as in MONAI. If one
/// of the two is empty, an infinite distance for each pixel of the other, whichever it is: so does MONAI.
fn distances(from: &[usize], to: &[usize], size: [usize; 2]) -> Vec<f32> {
    if from.is_empty() || to.is_empty() {
        return vec![f32::INFINITY; from.len().max(to.len())];
    }
    let squared = squared_distances(to, size);
    from.iter().map(|pixel| squared[*pixel].sqrt() as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_the_outermost_pixels_of_a_class() {
        // A 3 × 3 square in the corner of an image of 4 × 5.
        let truth = [1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
        let [square] = &boundaries(&truth, &[0; 20], [4, 5], 1..2).unwrap()[..] else { panic!("one class") };
        assert_eq!(square.truth, [0, 1, 2, 5, 7, 10, 11, 12]);
        assert!(square.prediction.is_empty());
        assert_eq!(square.to_truth(), [f32::INFINITY; 8]);
    }

    #[test]
    fn ignored_pixels_are_outside_of_every_class() {
        let mut truth = [1; 25];
        let whole = boundaries(&truth, &[1; 25], [5, 5], 1..2).unwrap();
        assert_eq!(whole[0].truth.len(), 16);
        truth[12] = IGNORE;
        let with_hole = boundaries(&truth, &[1; 25], [5, 5], 1..2).unwrap();
        assert_eq!(with_hole[0].truth.len(), 20);
        assert_eq!(with_hole[0].prediction, with_hole[0].truth);
    }

    #[test]
    fn masks_of_another_size_are_an_error() {
        let error = boundaries(&[0; 6], &[0; 6], [2, 2], 0..2).unwrap_err().to_string();
        assert_eq!(error, "the truth has 6 pixels, but the image is 2 × 2");
        assert!(boundaries(&[0; 6], &[0; 5], [2, 3], 0..2).is_err());
        assert!(boundaries(&[], &[], [0, 3], 0..2).unwrap()[0].truth.is_empty());
    }
}
