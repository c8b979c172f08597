//! Size of nuclei.

use super::plane::Plane;

/// Mean length of the chords through nuclei along rows and columns, weighted by their length, in pixels, at least 2; `None`
/// if nothing is darker than the rest. It is proportional to the magnification, and does not depend on the strength of the
/// stain.
///
/// Nuclei are what is dark in red, which haematoxylin absorbs and eosin does not: below Otsu's (1979) threshold of the
/// tissue's red. Chords are the linear granulometry of mathematical morphology (Serra, 1982). They are measured at half
/// resolution, where noise does not break them.
pub(super) fn nuclear_size(rows: &[&[u8]], tissue_red: &[u64; 256]) -> Option<f64> {
    let threshold = otsu(tissue_red)?;
    let half = halve_red(rows)?;
    // Without branches, which processors guess wrong at the edges of nuclei: the k-th pixel of a chord adds 2k − 1 to the square
    // of its length.
    let (mut lengths, mut squares) = (0_u64, 0_u64);
    let mut down = vec![0_u32; half.width];
    for row in half.rows() {
        let mut across = 0;
        for (value, down) in row.iter().zip(&mut down) {
            let is_dark = u32::from(*value <= threshold);
            across = (across + 1) * is_dark;
            *down = (*down + 1) * is_dark;
            lengths += u64::from(2 * is_dark);
            squares += u64::from(2 * (across + *down - is_dark));
        }
    }
    (lengths > 0).then(|| 2.0 * squares as f64 / lengths as f64)
}

/// Mean red of 2×2 pixels; `None` for windows with a side of one pixel.
fn halve_red(rows: &[&[u8]]) -> Option<Plane> {
    let width = rows[0].len() / 6;
    let mut values = Vec::with_capacity(width * rows.len() / 2);
    for pair in rows.chunks_exact(2) {
        let pixels = pair[0].as_chunks::<6>().0.iter().zip(pair[1].as_chunks::<6>().0);
        let mean = |above: &[u8; 6], below: &[u8; 6]| {
            let sum = [above[0], above[3], below[0], below[3]].map(u16::from).iter().sum::<u16>();
            (sum / 4) as u8
        };
        values.extend(pixels.map(|(above, below)| mean(above, below)));
    }
    (!values.is_empty()).then_some(Plane { width, values })
}

/// Largest value of the darker of two classes, with the largest variance between them; `None` if all values are equal.
fn otsu(histogram: &[u64; 256]) -> Option<u8> {
    let total: u64 = histogram.iter().sum();
    let sum: u64 = histogram.iter().zip(0..).map(|(count, value)| count * value).sum();
    let (mut below, mut sum_below) = (0, 0);
    let mut best = (0.0, None);
    for (value, count) in (0..=u8::MAX).zip(histogram) {
        below += count;
        sum_below += count * u64::from(value);
        let above = total - below;
        if below == 0 || above == 0 {
            continue;
        }
        let difference = sum_below as f64 / below as f64 - (sum - sum_below) as f64 / above as f64;
        let variance = below as f64 * above as f64 * difference * difference;
        if variance > best.0 {
            best = (variance, Some(value));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size of dark squares of this side on a bright plane, 32 pixels apart.
    fn measured(side: usize, dark: u8) -> Option<f64> {
        let rows: Vec<Vec<u8>> = (0..128)
            .map(|y| {
                (0..128)
                    .flat_map(|x| [if x % 32 < side && y % 32 < side { dark } else { 200 }, 9, 9])
                    .collect()
            })
            .collect();
        let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
        let mut histogram = [0; 256];
        rows.iter().for_each(|row| row.iter().step_by(3).for_each(|red| histogram[usize::from(*red)] += 1));
        nuclear_size(&rows, &histogram)
    }

    #[test]
    fn chords_have_the_side_of_squares() {
        assert_eq!(measured(16, 90), Some(16.0));
        assert_eq!(measured(8, 90), Some(8.0));
        assert_eq!(measured(16, 150), Some(16.0), "a paler stain");
        assert_eq!(measured(0, 90), None);
    }
}
