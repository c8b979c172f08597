//! Length of the borders between predicted classes.

use image::GrayImage;
use rayon::prelude::*;

/// Returns the fraction of pairs of neighbouring pixels (4 neighbours) that have different classes, in [0, 1]; 0 without
/// pairs. It is the length of the borders relative to that of all edges between pixels, whatever the size of the image.
pub(crate) fn boundary_length(mask: &GrayImage) -> f64 {
    let width = mask.width() as usize;
    if width == 0 {
        return 0.0;
    }
    let rows: Vec<&[u8]> = mask.as_raw().chunks_exact(width).collect();
    let differ = |left: &[u8], right: &[u8]| left.iter().zip(right).filter(|(a, b)| a != b).count();
    let across: usize = rows.par_iter().map(|row| differ(row, &row[1..])).sum();
    let down: usize = rows.par_windows(2).map(|rows| differ(rows[0], rows[1])).sum();
    let pairs = rows.len() * (width - 1) + rows.len().saturating_sub(1) * width;
    if pairs == 0 { 0.0 } else { (across + down) as f64 / pairs as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_counts_by_its_length() {
        let mask = |value: fn(u32, u32) -> u8| GrayImage::from_fn(10, 10, |x, y| image::Luma([value(x, y)]));
        assert_eq!(boundary_length(&mask(|_, _| 3)), 0.0);
        // 10 of 180 pairs.
        assert_eq!(boundary_length(&mask(|x, _| u8::from(x < 4))), 10.0 / 180.0);
        assert_eq!(boundary_length(&mask(|x, y| u8::from((x + y) % 2 == 0))), 1.0);
        assert_eq!(boundary_length(&GrayImage::new(1, 1)), 0.0);
        assert_eq!(boundary_length(&GrayImage::new(0, 4)), 0.0);
    }
}
