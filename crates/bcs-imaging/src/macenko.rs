//! Stain vectors estimated from an image, and normalization with them (Macenko et al., 2009). Method and constants are those
//! of torchstain, which has them from Macenko's own code.

/// Intensity of transmitted light.
const LIGHT: f64 = 240.0;

/// Optical density (natural logarithm) below which a channel is transparent, and its pixel glass.
const THRESHOLD: f64 = 0.15;

/// Percentile of the angles at which the stain vectors lie, from either end.
const ALPHA: f64 = 1.0;

/// Percentile of the amounts that stands for their maximum.
const MAXIMUM: f64 = 99.0;

/// Least share of pixels with tissue from which stains are estimated.
const LEAST_TISSUE: f64 = 0.01;

/// Haematoxylin and eosin in an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stains {
    /// Optical densities in red, green and blue of a unit of haematoxylin, and of eosin.
    pub vectors: [[f64; 3]; 2],
    /// Largest amounts (99th percentiles) of haematoxylin and eosin.
    pub amounts: [f64; 2],
}

impl Stains {
    /// The reference that torchstain, StainTools and Macenko's code normalize to.
    pub const REFERENCE: Self =
        Self { vectors: [[0.5626, 0.7201, 0.4062], [0.2159, 0.8012, 0.5581]], amounts: [1.9705, 1.0308] };

    /// Estimates the stains of an image of RGB bytes: the extreme directions of its optical densities in their principal
    /// plane. `None` if less than 1 % of it is tissue, or tissue of one stain only.
    pub fn estimate(pixels: &[u8]) -> Option<Self> {
        let vectors = directions(pixels)?;
        let (pixels, table) = (pixels.as_chunks::<3>().0, densities());
        let unmixing = unmixing(vectors)?;
        let amounts = unmixing.map(|row| {
            let parts = [0, 1, 2].map(|channel| table.map(|density| (row[channel] * density) as f32));
            let mut amounts: Vec<f32> = pixels
                .iter()
                .map(|pixel| (0..3).map(|channel| parts[channel][usize::from(pixel[channel])]).sum())
                .collect();
            percentile(&mut amounts, MAXIMUM, f64::from)
        });
        amounts.iter().all(|amount| *amount > 1e-3).then_some(Self { vectors, amounts })
    }

    /// Replaces these stains in an image of RGB bytes by others, in proportion to their largest amounts.
    pub fn replace(&self, pixels: &mut [u8], target: &Self) {
        let Some(unmixing) = unmixing(self.vectors) else { return };
        // Density = target vectors · amounts, which are linear in the densities of the image.
        let matrix: [[f64; 3]; 3] = std::array::from_fn(|channel| {
            std::array::from_fn(|from| {
                (0..2)
                    .map(|stain| {
                        let scale = target.amounts[stain] / self.amounts[stain];
                        target.vectors[stain][channel] * scale * unmixing[stain][from]
                    })
                    .sum()
            })
        });
        // The exponential of a sum is a product, of one factor per channel and byte. They are limited so that their
        // product is finite.
        let densities = densities();
        let factors = matrix.map(|row| {
            row.map(|part| densities.map(|density| (-part * density).exp().clamp(1e-9, 1e9) as f32))
        });
        for pixel in pixels.as_chunks_mut::<3>().0 {
            let [red, green, blue] = pixel.map(usize::from);
            *pixel = std::array::from_fn(|channel| {
                let [from_red, from_green, from_blue] = &factors[channel];
                (LIGHT as f32 * from_red[red] * from_green[green] * from_blue[blue]) as u8
            });
        }
    }
}

/// Directions of haematoxylin and eosin in optical density, as unit vectors in red, green and blue: the extreme directions of
/// the pixels in their principal plane. `None` if less than 1 % of the pixels are tissue.
pub(crate) fn directions(pixels: &[u8]) -> Option<[[f64; 3]; 2]> {
    let pixels = pixels.as_chunks::<3>().0;
    let table = densities();
    let density = |pixel: &[u8; 3]| pixel.map(|value| table[usize::from(value)]);
    let is_tissue = |density: &[f64; 3]| density.iter().all(|part| *part >= THRESHOLD);
    let tissue: Vec<[f64; 3]> = pixels.iter().map(density).filter(is_tissue).collect();
    if tissue.len() < 3 || (tissue.len() as f64) < LEAST_TISSUE * pixels.len() as f64 {
        return None;
    }
    let axes = principal_axes(covariance(&tissue));
    let mut angles: Vec<f32> = tissue.iter().map(|density| quarter_turns(project(axes, *density))).collect();
    let mut vector = |percent: f64| {
        let (sin, cos) = percentile(&mut angles, percent, angle).sin_cos();
        [0, 1, 2].map(|channel| axes[0][channel] * cos + axes[1][channel] * sin)
    };
    let ends = [vector(ALPHA), vector(100.0 - ALPHA)];
    // Haematoxylin absorbs more red.
    Some(if ends[0][0] > ends[1][0] { ends } else { [ends[1], ends[0]] })
}

/// Optical density of each byte, −ln((byte + 1) / [`LIGHT`]); below 0 where it is brighter than the light.
fn densities() -> [f64; 256] {
    std::array::from_fn(|value| -((value as f64 + 1.0) / LIGHT).ln())
}

fn covariance(values: &[[f64; 3]]) -> [[f64; 3]; 3] {
    let count = values.len() as f64;
    let (mut sums, mut products) = ([0.0; 3], [[0.0; 3]; 3]);
    for value in values {
        for row in 0..3 {
            sums[row] += value[row];
            for column in 0..=row {
                products[row][column] += value[row] * value[column];
            }
        }
    }
    std::array::from_fn(|row| {
        std::array::from_fn(|column| {
            let product = products[row.max(column)][row.min(column)];
            (product - sums[row] * sums[column] / count) / (count - 1.0)
        })
    })
}

/// Returns the axis of the second largest variance and that of the largest, which points to higher densities. Eigenvectors
/// of a symmetric matrix, by Jacobi's rotations.
fn principal_axes(mut matrix: [[f64; 3]; 3]) -> [[f64; 3]; 2] {
    let mut vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    // Each sweep squares the remaining error; ten are more than float64 can tell.
    for (p, q) in [(0, 1), (0, 2), (1, 2)].into_iter().cycle().take(30) {
        if matrix[p][q] == 0.0 {
            continue;
        }
        let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
        let tan = theta.signum() / (theta.abs() + theta.hypot(1.0));
        let cos = 1.0 / tan.hypot(1.0);
        let sin = tan * cos;
        for row in &mut matrix {
            (row[p], row[q]) = (cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]);
        }
        for column in 0..3 {
            let (a, b) = (matrix[p][column], matrix[q][column]);
            (matrix[p][column], matrix[q][column]) = (cos * a - sin * b, sin * a + cos * b);
            let (a, b) = (vectors[p][column], vectors[q][column]);
            (vectors[p][column], vectors[q][column]) = (cos * a - sin * b, sin * a + cos * b);
        }
    }
    let mut order = [0, 1, 2];
    order.sort_by(|a, b| matrix[*a][*a].total_cmp(&matrix[*b][*b]));
    let [second, mut first] = [vectors[order[1]], vectors[order[2]]];
    if first.iter().sum::<f64>() < 0.0 {
        first = first.map(|part| -part);
    }
    [second, first]
}

fn project(axes: [[f64; 3]; 2], density: [f64; 3]) -> [f64; 2] {
    axes.map(|axis| axis.iter().zip(density).map(|(part, density)| part * density).sum())
}

/// Returns a number in [−2, 2] that grows with the angle of a vector from the first axis, as `atan2` does, but costs less.
fn quarter_turns([x, y]: [f64; 2]) -> f32 {
    let cosine = x / (x.abs() + y.abs()).max(f64::MIN_POSITIVE);
    (if y >= 0.0 { 1.0 - cosine } else { cosine - 1.0 }) as f32
}

/// Returns the angle of a number of [`quarter_turns`], in radians.
fn angle(turns: f32) -> f64 {
    let turns = f64::from(turns);
    let cosine = 1.0 - turns.abs();
    (turns.signum() * (1.0 - cosine.abs())).atan2(cosine)
}

/// Returns the percentile of `value` of some keys, in whose order they grow, as `numpy.percentile`. There must be keys; they
/// are reordered.
fn percentile(keys: &mut [f32], percent: f64, value: impl Fn(f32) -> f64) -> f64 {
    let position = percent / 100.0 * (keys.len() - 1) as f64;
    let (_, low, above) = keys.select_nth_unstable_by(position as usize, f32::total_cmp);
    let low = value(*low);
    let high = above.iter().copied().min_by(f32::total_cmp).map_or(low, value);
    low + position.fract() * (high - low)
}

/// Matrix from optical densities to amounts: the pseudo-inverse of the stain vectors. `None` if they are parallel.
fn unmixing([a, b]: [[f64; 3]; 2]) -> Option<[[f64; 3]; 2]> {
    let dot = |left: [f64; 3], right: [f64; 3]| -> f64 { left.iter().zip(right).map(|(l, r)| l * r).sum() };
    let (aa, ab, bb) = (dot(a, a), dot(a, b), dot(b, b));
    let determinant = aa * bb - ab * ab;
    (determinant > 1e-6).then(|| {
        [
            std::array::from_fn(|channel| (bb * a[channel] - ab * b[channel]) / determinant),
            std::array::from_fn(|channel| (aa * b[channel] - ab * a[channel]) / determinant),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_the_eigenvectors_of_numpy() {
        // numpy.linalg.eigh([[4, 1, 2], [1, 3, 0], [2, 0, 5]]), the last two columns
        let [second, first] = principal_axes([[4.0, 1.0, 2.0], [1.0, 3.0, 0.0], [2.0, 0.0, 5.0]]);
        let expected =
            [[0.374_361_95, 0.786_435_70, -0.491_296_26], [0.631_178_97, 0.172_026_54, 0.756_320_02]];
        for (axis, expected) in [second, first].into_iter().zip(expected) {
            let dot: f64 = axis.iter().zip(expected).map(|(a, b)| a * b).sum();
            assert!((dot.abs() - 1.0).abs() < 1e-7, "{axis:?}");
        }
    }

    #[test]
    fn turns_grow_with_the_angle_and_lead_back_to_it() {
        let angles = (-179..=180).map(|degrees| f64::from(degrees).to_radians());
        let turns: Vec<f32> =
            angles.clone().map(|angle| quarter_turns([3.0 * angle.cos(), 3.0 * angle.sin()])).collect();
        assert!(turns.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(angles.zip(turns).all(|(expected, turns)| (angle(turns) - expected).abs() < 1e-5));
    }

    #[test]
    fn percentiles_are_those_of_numpy() {
        let mut keys: Vec<f32> = (0..11).rev().map(|key| (key * key) as f32).collect();
        // numpy.percentile([n * n for n in range(11)], [1, 50, 99])
        for (percent, expected) in [(1.0, 0.1), (50.0, 25.0), (99.0, 98.1), (100.0, 100.0)] {
            assert!((percentile(&mut keys, percent, f64::from) - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn glass_and_uniform_colours_have_no_stains() {
        assert_eq!(Stains::estimate(&[]), None);
        assert_eq!(Stains::estimate(&[250; 3000]), None);
        assert_eq!(Stains::estimate(&[120; 3000]), None);
    }
}
