//! Blockiness: the 8×8 grid of JPEG.

use super::plane::Plane;

/// Side of JPEG's blocks.
const BLOCK: usize = 8;

/// Mean step between neighbouring pixels across the edges of JPEG's blocks, relative to the steps inside of them, at least 1
/// (after Wang, Sheikh and Bovik, 2002); the mean of rows and columns. `None` for windows with a side below 17 pixels.
///
/// The grid may begin at any of the eight offsets, since windows are cut out of images: the offset with the largest steps
/// counts.
pub(super) fn blockiness(luma: &Plane) -> Option<f64> {
    if luma.width.min(luma.height()) <= 2 * BLOCK {
        return None;
    }
    let mut columns = vec![0_u32; luma.width - 1];
    for row in luma.rows() {
        for (sum, (left, right)) in columns.iter_mut().zip(row.iter().zip(&row[1..])) {
            *sum += u32::from(left.abs_diff(*right));
        }
    }
    let below = luma.rows().skip(1);
    let rows: Vec<u32> = luma
        .rows()
        .zip(below)
        .map(|(row, below)| row.iter().zip(below).map(|(a, b)| u32::from(a.abs_diff(*b))).sum())
        .collect();
    Some(f64::midpoint(ratio(&columns), ratio(&rows)))
}

/// Largest mean of every eighth step, relative to the mean of the others; 1 without any step.
fn ratio(steps: &[u32]) -> f64 {
    let (mut sums, mut counts) = ([0.0; BLOCK], [0.0; BLOCK]);
    for (at, step) in steps.iter().enumerate() {
        sums[at % BLOCK] += f64::from(*step);
        counts[at % BLOCK] += 1.0;
    }
    let (sum, count) = (sums.iter().sum::<f64>(), counts.iter().sum::<f64>());
    // Half a step of one grey level in the whole window keeps the ratio finite.
    let edge = |offset: usize| {
        (sums[offset] + 0.5) / counts[offset] / ((sum - sums[offset] + 0.5) / (count - counts[offset]))
    };
    if sum == 0.0 { 1.0 } else { (0..BLOCK).map(edge).fold(1.0, f64::max) }
}

#[cfg(test)]
mod tests {
    use super::super::plane::tests::{plane, random};
    use super::*;

    #[test]
    fn blocks_are_found_at_any_offset() {
        for offset in 0..8 {
            let blocky = plane([64, 80], |x, y| {
                let (column, row) = ((x + offset) / 8, (y + 3) / 8);
                100 + random(column, row) / 8 + random(x, y) / 64
            });
            assert!(blockiness(&blocky).unwrap() > 3.0, "offset {offset}");
        }
    }

    #[test]
    fn images_without_a_grid_are_near_one() {
        for image in [
            plane([224, 224], random),
            plane([224, 224], |x, y| (128.0 + 60.0 * (x as f64 / 7.0).sin() * (y as f64 / 9.0).cos()) as u8),
        ] {
            let found = blockiness(&image).unwrap();
            assert!((1.0..1.1).contains(&found), "{found}");
        }
        assert_eq!(blockiness(&plane([40, 40], |_, _| 7)), Some(1.0));
        assert_eq!(blockiness(&plane([16, 40], |_, _| 7)), None);
    }
}
