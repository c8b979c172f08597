//! P(D < d) as an element of a matrix power (J. Durbin, 1968), evaluated as in G. Marsaglia, W. W. Tsang and J. Wang,
//! "Evaluating Kolmogorov's Distribution", Journal of Statistical Software 8 (2003).

use super::{RESCALE, RESCALE_LOG2};

/// Returns P(D < `d`) for a sample of `n` values and n d > 1/2, in O((n d)³ log n) time.
pub(super) fn cdf(n: u64, d: f64) -> f64 {
    let nd = n as f64 * d;
    let middle = nd.ceil() as usize;
    let (power, mut exponent) = Matrix::durbin(middle, middle as f64 - nd).power(n, middle - 1);
    let mut p = power;
    for i in 1..=n {
        p *= i as f64 / n as f64;
        if p < 1.0 / RESCALE {
            p *= RESCALE;
            exponent -= RESCALE_LOG2;
        }
    }
    p * 2_f64.powi(exponent)
}

/// Square matrix, stored by row.
struct Matrix {
    size: usize,
    elements: Vec<f64>,
}

impl Matrix {
    /// Durbin's matrix for n d = `middle` - `h`, 0 ≤ h < 1.
    fn durbin(middle: usize, h: f64) -> Self {
        let size = 2 * middle - 1;
        // 1/k! for k = 0, 1, …, size.
        let inverse_factorials: Vec<f64> =
            std::iter::successors(Some((1.0, 1.0)), |(inverse, k)| Some((inverse / k, k + 1.0)))
                .map(|(inverse, _)| inverse)
                .take(size + 1)
                .collect();
        let edge = |k: usize| (1.0 - h.powi(k as i32)) * inverse_factorials[k];

        let mut matrix = Self { size, elements: vec![0.0; size * size] };
        for row in 0..size {
            for column in 1..size.min(row + 2) {
                matrix.elements[row * size + column] = inverse_factorials[row + 1 - column];
            }
            matrix.elements[row * size] = edge(row + 1);
        }
        for column in 0..size {
            matrix.elements[(size - 1) * size + column] = edge(size - column);
        }
        let both = (2.0 * h - 1.0).max(0.0).powi(size as i32) - 2.0 * h.powi(size as i32);
        matrix.elements[(size - 1) * size] = (1.0 + both) * inverse_factorials[size];
        matrix
    }

    /// Diagonal element `at` of the `n`-th power, as a mantissa and an exponent of 2.
    fn power(mut self, n: u64, at: usize) -> (f64, i32) {
        let size = self.size;
        let mut result: Option<Self> = None;
        let (mut exponent, mut base_exponent) = (0, 0);
        let mut left = n;
        loop {
            if left % 2 == 1 {
                result = Some(result.map_or_else(|| self.clone_elements(), |result| result.times(&self)));
                exponent += base_exponent;
            }
            left /= 2;
            if left == 0 {
                break;
            }
            self = self.times(&self);
            base_exponent *= 2;
            if self.elements[at * size + at] > RESCALE {
                self.elements.iter_mut().for_each(|element| *element /= RESCALE);
                base_exponent += RESCALE_LOG2;
            }
        }
        let element = result.map_or(1.0, |result| result.elements[at * size + at]);
        (element, exponent)
    }

    fn clone_elements(&self) -> Self {
        Self { size: self.size, elements: self.elements.clone() }
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = vec![0.0; self.size * self.size];
        for (row, out) in self.elements.chunks_exact(self.size).zip(product.chunks_exact_mut(self.size)) {
            for (factor, other_row) in row.iter().zip(other.elements.chunks_exact(self.size)) {
                for (sum, element) in out.iter_mut().zip(other_row) {
                    *sum += factor * element;
                }
            }
        }
        Self { size: self.size, elements: product }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_paper() {
        // K(10, 0.274) = 0.6284796154565.
        assert!((cdf(10, 0.274) - 0.628_479_615_456_5).abs() < 1e-12);
    }
}
