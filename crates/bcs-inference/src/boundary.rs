//! Length of the borders between predicted classes.

use image::GrayImage;

/// Returns the fraction of pairs of neighbouring pixels (4 neighbours) that have different classes, in [0, 1]; 0 without
/// pairs. It is the length of the borders relative to that of all edges between pixels, whatever the size of the image.
pub(crate) fn boundary_length(mask: &GrayImage) -> f64 {
    let width = mask.width() as usize;
    if mask.is_empty() {
        return 0.0;
    }
    let pixels = mask.as_raw();
    let across: usize = pixels.chunks_exact(width).map(|row| differences(row, &row[1..])).sum();
    let down = differences(pixels, &pixels[width..]);
    let height = mask.height() as usize;
    let pairs = height * (width - 1) + height.saturating_sub(1) * width;
    if pairs == 0 { 0.0 } else { (across + down) as f64 / pairs as f64 }
}

/// Returns the number of positions at which two rows differ, as far as the shorter one reaches.
fn differences(one: &[u8], other: &[u8]) -> usize {
    // As many as a byte can count: in bytes, the loop handles 16 or 32 pixels an instruction.
    const RUN: usize = u8::MAX as usize;
    let count =
        |(one, other): (&[u8], &[u8])| -> u8 { one.iter().zip(other).map(|(a, b)| u8::from(a != b)).sum() };
    one.chunks(RUN).zip(other.chunks(RUN)).map(count).map(usize::from).sum()
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
        assert_eq!(boundary_length(&GrayImage::new(4, 0)), 0.0);
    }

    #[test]
    fn long_rows_are_counted_whole() {
        let stripes = GrayImage::from_fn(1000, 3, |x, _| image::Luma([(x % 2) as u8]));
        assert_eq!(boundary_length(&stripes), (3.0 * 999.0) / (3.0 * 999.0 + 2.0 * 1000.0));
        let rows = GrayImage::from_fn(1000, 3, |_, y| image::Luma([(y % 2) as u8]));
        assert_eq!(boundary_length(&rows), 2000.0 / (3.0 * 999.0 + 2.0 * 1000.0));
    }
}
