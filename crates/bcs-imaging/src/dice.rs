//! Agreement of two masks of the same image.

use image::GrayImage;

use crate::error::Error;

/// Returns the Dice coefficient of each class, 2·|A ∩ B| / (|A| + |B|), in [0, 1]; `None` for a class that is in neither
/// mask. Pixels of other codes count for none of the classes.
///
/// # Errors
/// [`Error::SizeMismatch`] if the masks differ in size.
pub fn dice(predicted: &GrayImage, label: &GrayImage, codes: &[u8]) -> Result<Vec<Option<f64>>, Error> {
    if predicted.dimensions() != label.dimensions() {
        let ((mask_width, mask_height), (width, height)) = (label.dimensions(), predicted.dimensions());
        return Err(Error::SizeMismatch { mask_width, mask_height, width, height });
    }
    let (mut both, mut total) = ([0_u64; 256], [0_u64; 256]);
    for (&predicted, &label) in predicted.as_raw().iter().zip(label.as_raw()) {
        total[usize::from(predicted)] += 1;
        total[usize::from(label)] += 1;
        both[usize::from(label)] += u64::from(predicted == label);
    }
    let of_code = |&code: &u8| {
        let (both, total) = (both[usize::from(code)], total[usize::from(code)]);
        (total > 0).then(|| 2.0 * both as f64 / total as f64)
    };
    Ok(codes.iter().map(of_code).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(codes: &[u8]) -> GrayImage {
        GrayImage::from_raw(codes.len() as u32, 1, codes.to_vec()).unwrap()
    }

    #[test]
    fn classes_agree_where_both_masks_have_them() {
        let scores = dice(&mask(&[1, 1, 2, 2]), &mask(&[1, 2, 2, 2]), &[1, 2, 3]).unwrap();
        assert_eq!(scores, [Some(2.0 / 3.0), Some(4.0 / 5.0), None]);
    }

    #[test]
    fn masks_of_different_sizes_do_not_compare() {
        assert!(matches!(dice(&mask(&[1]), &mask(&[1, 1]), &[1]), Err(Error::SizeMismatch { .. })));
    }
}
