//! The two-sample Cramér-von Mises test.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use statrs::function::gamma::ln_gamma;

use super::ranks::ranks;
use super::{Outcome, StatTest};
use crate::error::Error;
use crate::sample::Sample;

/// Size of the larger sample up to which the p-value is exact.
const MAX_EXACT: usize = 20;

/// Size of a term of the series of the limiting distribution below which the series ends, as scipy's does.
const SMALLEST_TERM: f64 = 1e-7;

/// The two-sample Cramér-von Mises test (`scipy.stats.cramervonmises_2samp`; T. W. Anderson, "On the distribution of the
/// two-sample Cramér-von Mises criterion", Annals of Mathematical Statistics 33, 1962).
#[derive(Debug, Clone, Copy)]
pub struct CramerVonMises;

impl StatTest for CramerVonMises {
    fn name(&self) -> &'static str {
        "cramer_von_mises"
    }

    fn title(&self) -> &'static str {
        "Cramér-von Mises statistic"
    }

    fn explanation(&self) -> &'static str {
        "The Cramér–von Mises statistic sums the squared differences of the cumulative distributions over all values."
    }

    fn default_threshold(&self) -> f64 {
        0.1
    }

    fn run(&self, reference: &Sample, current: &Sample) -> Result<Outcome, Error> {
        let sizes = [reference, current].map(|sample| sample.values().len());
        if sizes[0].min(sizes[1]) < 2 {
            return Err(self.unsuitable("it needs at least 2 values on each side"));
        }
        let ranks = ranks(reference, current);
        // Equation 10 of Anderson.
        let weighted = |side: usize| {
            let squares = (1..).zip(&ranks.sides[side]).map(|(at, rank)| (rank - f64::from(at)).powi(2));
            sizes[side] as f64 * squares.sum::<f64>()
        };
        let u = weighted(0) + weighted(1);
        let (pairs, all) = (sizes[0] as f64 * sizes[1] as f64, (sizes[0] + sizes[1]) as f64);
        let statistic = u / (pairs * all) - (4.0 * pairs - 1.0) / (6.0 * all);
        let p_value =
            if sizes[0].max(sizes[1]) <= MAX_EXACT { exact(u, sizes) } else { asymptotic(statistic, sizes) };
        Ok(Outcome { statistic, p_value: Some(p_value) })
    }
}

/// Share of all arrangements whose statistic is at least the observed one (Y. Xiao, A. Gordon and A. Yakovlev, "A C++ program for
/// the Cramér-von Mises two-sample test", Journal of Statistical Software 17, 2006).
///
/// An arrangement is a lattice path; the sum of squared distances from the diagonal, in units of 1/lcm², grows along it.
fn exact(u: f64, [m, n]: [usize; 2]) -> f64 {
    let (m, n) = (m as i64, n as i64);
    let lcm = (1..=n).map(|factor| m * factor).find(|multiple| multiple % n == 0).unwrap_or(m * n);
    let pairs = (m * n) as f64;
    let least =
        (lcm * lcm * (m + n)) as f64 * (6.0 * u - pairs * (4.0 * pairs - 1.0)) / (6.0 * pairs * pairs);
    let least = least.floor() as i64;
    // Number of paths to each point of a row, by their sum.
    let mut row: Vec<BTreeMap<i64, f64>> = vec![BTreeMap::new(); m as usize + 1];
    row[0].insert(0, 1.0);
    for up in 0..=n {
        let mut left: BTreeMap<i64, f64> = BTreeMap::new();
        for (right, paths) in (0..).zip(&mut row) {
            for (sum, count) in paths.iter() {
                *left.entry(*sum).or_default() += count;
            }
            let distance = (lcm / m * right - lcm / n * up).pow(2);
            left = left.into_iter().map(|(sum, count)| (sum + distance, count)).collect();
            paths.clone_from(&left);
        }
    }
    let last = &row[m as usize];
    last.range(least..).map(|(_, count)| count).sum::<f64>() / last.values().sum::<f64>()
}

/// P-value from the limiting distribution of the statistic, standardized (Anderson, equations 11, 14 and 15).
fn asymptotic(statistic: f64, [m, n]: [usize; 2]) -> f64 {
    let (m, n) = (m as f64, n as f64);
    let (pairs, all) = (m * n, m + n);
    let mean = (1.0 + 1.0 / all) / 6.0;
    let variance = (all + 1.0) * (4.0 * pairs * all - 3.0 * (m * m + n * n) - 2.0 * pairs);
    let variance = variance / (45.0 * all * all * 4.0 * pairs);
    let limiting = 1.0 / 6.0 + (statistic - mean) / (45.0 * variance).sqrt();
    // Below, the distribution function is less than 1.3e-18.
    if limiting < 0.003 { 1.0 } else { (1.0 - distribution(limiting)).max(0.0) }
}

/// Limiting distribution function (S. Csörgő and J. J. Faraway, "The exact and asymptotic distributions of Cramér-von Mises
/// statistics", JRSS B 58, 1996, equation 1.3).
fn distribution(x: f64) -> f64 {
    let mut total = 0.0;
    for k in 0.. {
        let k = f64::from(k);
        let y = 4.0 * k + 1.0;
        let q = y * y / (16.0 * x);
        let factor = (ln_gamma(k + 0.5) - ln_gamma(k + 1.0)).exp() / (PI.powf(1.5) * x.sqrt());
        let term = factor * y.sqrt() * (-q).exp() * bessel_k_quarter(q);
        total += term;
        if term.abs() < SMALLEST_TERM {
            break;
        }
    }
    total
}

/// Modified Bessel function of the second kind of order 1/4, the integral of exp(−x cosh t) cosh(t/4) over t > 0. For this
/// integrand, which decays doubly exponentially, the trapezoidal rule is accurate to rounding.
fn bessel_k_quarter(x: f64) -> f64 {
    const STEP: f64 = 0.05;
    let integrand = |t: f64| (-x * t.cosh()).exp() * (t / 4.0).cosh();
    let tail = (1..).map(|at| integrand(f64::from(at) * STEP)).take_while(|value| *value > 0.0);
    STEP * (integrand(0.0) / 2.0 + tail.sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bessel_function_is_that_of_scipy() {
        // scipy.special.kv(0.25, [0.001, 0.1, 1, 10, 100])
        for (x, expected) in [
            (0.001, 11.756_476_271_934_451),
            (0.1, 2.685_156_871_876_055_5),
            (1.0, 0.430_739_774_448_581_4),
            (10.0, 1.783_318_443_980_639_5e-5),
            (100.0, 4.658_076_451_509_84e-45),
        ] {
            let found = bessel_k_quarter(x);
            assert!((found - expected).abs() < 1e-12 * expected, "{x}: {found:e}");
        }
    }
}
