//! Softmax of all pixels of a row at once. Loops run over pixels, class by class, so that they compile to vector instructions.

/// Number of sums that a row is added up in, so that several run at once.
const LANES: usize = 8;

/// Number of pixels whose sums of at most 256 are multiplied before the logarithm: 256⁶⁴ = 2⁵¹² is below the largest number.
const FACTORS: usize = 64;

/// Softmax of the pixels of a row. With eᵢ = exp(xᵢ − max) and s = Σeᵢ, which cannot overflow, the probability of class i is
/// eᵢ/s, that of the predicted class 1/s, and the entropy in nats ln s − Σ eᵢ(xᵢ − max)/s.
#[derive(Debug, Default)]
pub(crate) struct Softmax {
    /// Largest logit of each pixel.
    max: Vec<f32>,
    /// e of each class and pixel.
    shares: Vec<f32>,
    /// s of each pixel.
    sums: Vec<f32>,
    /// Σ eᵢ(xᵢ − max) of each pixel.
    weighted: Vec<f32>,
    /// Probability of the predicted class of each pixel.
    confidences: Vec<f32>,
}

impl Softmax {
    /// Computes the softmax of a row, whose logits are `[classes, pixels]`, and writes the class with the largest logit of each
    /// pixel to `predicted`, the first of equal ones as `torch.argmax`.
    pub(crate) fn compute(&mut self, logits: &[&[f32]], predicted: &mut [u8]) {
        let pixels = predicted.len();
        predicted.fill(0);
        self.max.clear();
        self.max.extend_from_slice(logits[0]);
        for (class, row) in (1..=u8::MAX).zip(&logits[1..]) {
            for ((max, predicted), value) in self.max.iter_mut().zip(&mut *predicted).zip(*row) {
                let larger = *value > *max;
                *max = if larger { *value } else { *max };
                *predicted = if larger { class } else { *predicted };
            }
        }
        for values in [&mut self.sums, &mut self.weighted] {
            values.clear();
            values.resize(pixels, 0.0);
        }
        self.shares.resize(logits.len() * pixels, 0.0);
        for (row, shares) in logits.iter().zip(self.shares.chunks_exact_mut(pixels.max(1))) {
            let sums = self.sums.iter_mut().zip(&mut self.weighted);
            for (((value, max), share), (sum, weighted)) in row.iter().zip(&self.max).zip(shares).zip(sums) {
                let below = value - max;
                *share = exp(below);
                *sum += *share;
                *weighted += *share * below;
            }
        }
        self.confidences.clear();
        self.confidences.extend(self.sums.iter().map(|sum| 1.0 / sum));
    }

    /// Probability of the predicted class of each pixel.
    pub(crate) fn confidences(&self) -> &[f32] {
        &self.confidences
    }

    /// Returns the sum of the probabilities of a class over the pixels.
    pub(crate) fn sum_of(&self, class: usize) -> f64 {
        let pixels = self.confidences.len();
        sum_of_products(&self.shares[class * pixels..][..pixels], &self.confidences)
    }

    /// Returns the sum of the entropies of the pixels, in nats.
    pub(crate) fn entropy(&self) -> f64 {
        let product = |sums: &[f32]| sums.iter().map(|sum| f64::from(*sum)).product::<f64>();
        let logarithms: f64 = self.sums.chunks(FACTORS).map(|sums| product(sums).ln()).sum();
        logarithms - sum_of_products(&self.weighted, &self.confidences)
    }
}

/// Returns the sum of the products of two rows.
fn sum_of_products(one: &[f32], other: &[f32]) -> f64 {
    let mut lanes = [0.0; LANES];
    for (one, other) in one.chunks(LANES).zip(other.chunks(LANES)) {
        for (lane, (a, b)) in lanes.iter_mut().zip(one.iter().zip(other)) {
            *lane += f64::from(a * b);
        }
    }
    lanes.iter().sum()
}

/// Returns the exponential of a number that is not positive, within 2 units in the last place (the polynomial of Cephes'
/// `expf`); 0 below −87, and NaN for NaN.
fn exp(x: f32) -> f32 {
    /// 1.5 · 2²³: a number to which it is added is rounded to an integer, which is then in its lowest bits.
    const ROUNDING: f32 = 12_582_912.0;
    /// ln 2 in two parts, of which the first has few digits.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const COEFFICIENTS: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let rounded = x * std::f32::consts::LOG2_E + ROUNDING;
    let power = rounded - ROUNDING;
    let rest = x - power * LN_2[0] - power * LN_2[1];
    let polynomial = COEFFICIENTS.iter().fold(0.0, |sum, coefficient| sum * rest + coefficient);
    // The exponent of a float is in its bits from 23 on, with a bias of 127.
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    let value = (polynomial * rest * rest + rest + 1.0) * scale;
    if x < -87.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        for step in 0..87_000 {
            let x = step as f32 * -1e-3;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 2.5e-7, "exp({x}) = {found}");
        }
        assert_eq!((exp(0.0), exp(-88.0), exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
        assert!(exp(f32::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn sums_are_those_of_each_pixel(
            logits in (1usize..5, 1usize..200).prop_flat_map(|(classes, pixels)| {
                prop::collection::vec(prop::collection::vec(-20.0f32..20.0, pixels), classes)
            }),
        ) {
            let rows: Vec<&[f32]> = logits.iter().map(Vec::as_slice).collect();
            let (mut softmax, mut predicted) = (Softmax::default(), vec![7; rows[0].len()]);
            softmax.compute(&rows, &mut predicted);
            let (mut sums, mut entropy) = (vec![0.0; rows.len()], 0.0);
            for (pixel, predicted) in predicted.iter().enumerate() {
                let total: f64 = rows.iter().map(|row| f64::from(row[pixel]).exp()).sum();
                for (sum, row) in sums.iter_mut().zip(&rows) {
                    let probability = f64::from(row[pixel]).exp() / total;
                    *sum += probability;
                    entropy -= probability * probability.ln();
                    prop_assert!(row[pixel] <= rows[usize::from(*predicted)][pixel]);
                }
                let confidence = f64::from(rows[usize::from(*predicted)][pixel]).exp() / total;
                prop_assert!((f64::from(softmax.confidences()[pixel]) - confidence).abs() < 1e-6);
            }
            for (class, sum) in sums.iter().enumerate() {
                prop_assert!((softmax.sum_of(class) - sum).abs() < 1e-4);
            }
            prop_assert!((softmax.entropy() - entropy).abs() < 1e-3);
        }
    }
}
