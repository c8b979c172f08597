//! The evidence of one feature.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Number of values that new ones are ranked among. Later values are ranked, but not added: p-values are then uniform but for the
/// sampling error of that many.
const MAX_KNOWN: usize = 10_000;

/// Exponents of the bets: ε p^(ε − 1), for a p-value near 0; the smaller, the bolder.
const EXPONENTS: [f64; 3] = [0.25, 0.5, 0.75];

/// Number of bets: each exponent on p-values near 0 and near 1.
const BETS: usize = 2 * EXPONENTS.len();

/// The evidence of one feature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stream {
    /// Values of the reference cases and of all cases since, in ascending order.
    known: Vec<f64>,
    /// ln(1 + R) for the sum of stakes R of each bet.
    bets: [f64; BETS],
}

impl Stream {
    /// Adds a value of the reference.
    pub(super) fn learn(&mut self, value: f64) {
        if self.known.len() < MAX_KNOWN {
            self.known.insert(self.known.partition_point(|known| *known < value), value);
        }
    }

    /// Bets on the p-value of a value, and adds the value to those that the next ones are ranked among.
    pub(super) fn observe(&mut self, value: f64, seed: u64) {
        let p_value = self.p_value(value, seed);
        for (at, bet) in self.bets.iter_mut().enumerate() {
            let p = if at % 2 == 0 { p_value } else { 1.0 - p_value };
            let exponent = EXPONENTS[at / 2];
            // R' = (1 + R) f(p).
            let grown = *bet + exponent.ln() + (exponent - 1.0) * p.max(f64::MIN_POSITIVE).ln();
            *bet = ln_1p_exp(grown);
        }
        self.learn(value);
    }

    /// Conformal p-value in (0, 1): the share of values, this one included, that are larger; equal ones count in part, at random.
    fn p_value(&self, value: f64, seed: u64) -> f64 {
        let below = self.known.partition_point(|known| *known < value);
        let upto = self.known.partition_point(|known| *known <= value);
        let equal = (upto - below + 1) as f64;
        let share: f64 = ChaCha8Rng::seed_from_u64(seed).random_range(f64::EPSILON..1.0);
        ((self.known.len() - upto) as f64 + share * equal) / (self.known.len() + 1) as f64
    }

    /// Logarithm of the mean sum of stakes.
    pub(super) fn evidence(&self) -> f64 {
        // ln R from ln(1 + R).
        ln_mean(self.bets.iter().map(|bet| bet + (-(-bet).exp()).ln_1p()))
    }

    /// Takes all stakes back.
    pub(super) fn restart(&mut self) {
        self.bets = [0.0; BETS];
    }
}

/// ln(1 + eˣ).
fn ln_1p_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Logarithm of the mean of numbers that are given by their logarithms; −∞ without numbers.
pub(super) fn ln_mean(logarithms: impl Iterator<Item = f64>) -> f64 {
    let logarithms: Vec<f64> = logarithms.collect();
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let sum: f64 = logarithms.iter().map(|logarithm| (logarithm - largest).exp()).sum();
    largest + (sum / logarithms.len() as f64).ln()
}
