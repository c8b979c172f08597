//! Exact Euclidean distance transform in linear time (Felzenszwalb and Huttenlocher, Distance Transforms of Sampled
//! Functions, Theory of Computing 8, 2012).

/// Returns the squared Euclidean distance of each pixel to the nearest of `sites`, in pixels; infinite without a site.
/// Sites are indices into the image of `[height, width]`, row by row.
///
/// Exact: all squared distances are integers, which `f64` holds up to 2⁵³.
pub(super) fn squared_distances(sites: &[usize], [height, width]: [usize; 2]) -> Vec<f64> {
    let mut distances = vec![f64::INFINITY; height * width];
    if sites.is_empty() {
        return distances;
    }
    for site in sites {
        distances[*site] = 0.0;
    }
    // Distances to the nearest site of the same column: above, then below.
    for pixel in width..distances.len() {
        distances[pixel] = distances[pixel].min(distances[pixel - width] + 1.0);
    }
    for pixel in (width..distances.len()).rev() {
        distances[pixel - width] = distances[pixel - width].min(distances[pixel] + 1.0);
    }
    let mut envelope = Envelope::default();
    for row in distances.chunks_exact_mut(width) {
        row.iter_mut().for_each(|distance| *distance *= *distance);
        envelope.fit(row);
        envelope.evaluate(row);
    }
    distances
}

/// Lower envelope of the parabolas (*x* − position)² + height.
#[derive(Default)]
struct Envelope {
    /// The parabolas of the envelope, from left to right.
    parabolas: Vec<Parabola>,
}

#[derive(Clone, Copy)]
struct Parabola {
    position: f64,
    height: f64,
    /// From where on this parabola is the lowest.
    start: f64,
}

impl Envelope {
    /// Fits the envelope to one parabola per finite sample.
    fn fit(&mut self, samples: &[f64]) {
        self.parabolas.clear();
        for (position, height) in samples.iter().enumerate().filter(|(_, height)| height.is_finite()) {
            let mut next = Parabola { position: position as f64, height: *height, start: f64::NEG_INFINITY };
            while let Some(last) = self.parabolas.last() {
                next.start = last.intersection(next);
                if next.start > last.start {
                    break;
                }
                self.parabolas.pop();
            }
            self.parabolas.push(next);
        }
    }

    /// Writes the values of the envelope at 0, 1, 2, …; infinite without a parabola.
    fn evaluate(&self, values: &mut [f64]) {
        let mut parabolas = self.parabolas.iter().peekable();
        let mut lowest = parabolas.next();
        for (x, value) in values.iter_mut().enumerate() {
            let x = x as f64;
            while let Some(next) = parabolas.next_if(|next| next.start < x) {
                lowest = Some(next);
            }
            *value = lowest.map_or(f64::INFINITY, |lowest| (x - lowest.position).powi(2) + lowest.height);
        }
    }
}

impl Parabola {
    /// Returns where this parabola meets one to the right of it.
    ///
    /// Rounding can't choose the wrong parabola at a pixel: heights are integers, so that the two differ there by 0 or by
    /// at least 1.
    fn intersection(self, right: Self) -> f64 {
        let difference = (right.height + right.position.powi(2)) - (self.height + self.position.powi(2));
        difference / (2.0 * (right.position - self.position))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute_force(sites: &[usize], [height, width]: [usize; 2]) -> Vec<f64> {
        let squared = |pixel: usize, site: usize| {
            let rows = (pixel / width).abs_diff(site / width);
            let columns = (pixel % width).abs_diff(site % width);
            (rows * rows + columns * columns) as f64
        };
        let nearest = |pixel| sites.iter().map(|site| squared(pixel, *site)).fold(f64::INFINITY, f64::min);
        (0..height * width).map(nearest).collect()
    }

    /// Sizes with sites from none to all pixels.
    fn images() -> impl Strategy<Value = ([usize; 2], Vec<usize>)> {
        (1usize..24, 1usize..24, 0.0..=1.0).prop_flat_map(|(height, width, density)| {
            let density: f64 = density;
            prop::collection::vec(prop::bool::weighted(density.powi(3)), height * width).prop_map(
                move |set| ([height, width], (0..height * width).filter(|pixel| set[*pixel]).collect()),
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

        #[test]
        fn distances_equal_those_found_by_trying_all_sites((size, sites) in images()) {
            prop_assert_eq!(squared_distances(&sites, size), brute_force(&sites, size));
        }
    }

    #[test]
    fn distances_are_exact_across_a_large_image() {
        let [height, width] = [3, 40_000];
        let squared = squared_distances(&[0, 2 * width + 1], [height, width]);
        assert_eq!(squared[width - 1], 39_998.0 * 39_998.0 + 4.0);
        assert_eq!(squared[3 * width - 1], 39_998.0 * 39_998.0);
    }

    #[test]
    fn an_image_without_pixels_has_no_distances() {
        assert!(squared_distances(&[], [0, 5]).is_empty());
        assert!(squared_distances(&[], [5, 0]).is_empty());
    }
}
