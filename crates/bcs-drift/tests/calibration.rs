//! False positives and detected drift over many drawn data sets: a test whose p-values are too small flags more
//! features than its threshold says, one whose p-values are too large flags fewer and misses drift.

use bcs_contracts::Features;
use bcs_drift::{About, DriftReport, Options, Preset, Table, detect};
use jiff::Timestamp;

const FEATURES: usize = 8;
const RUNS: u64 = 300;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normal variate by the Box–Muller transform.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Images whose features are independent, normal, and `shift` standard deviations off.
    fn images(&mut self, count: usize, shift: f64) -> Vec<Features> {
        let mut image = || (0..FEATURES).map(|index| (format!("f{index}"), self.normal() + shift)).collect();
        (0..count).map(|_| image()).collect()
    }
}

/// Reports of independent data sets: 200 reference and 150 current images each.
fn reports(shift: f64) -> impl Iterator<Item = Result<DriftReport, bcs_drift::Error>> {
    (0..RUNS).map(move |seed| {
        let mut random = Random(seed << 32);
        let reference = Table::from_features(random.images(200, 0.0).into_iter().map(|image| (None, image)))?;
        let current = Table::from_features(random.images(150, shift).into_iter().map(|image| (None, image)))?;
        let about = About::new("r1", Timestamp::UNIX_EPOCH);
        detect(&reference, &current, Options { preset: Preset::Evidently, ..Options::new(about) })
    })
}

#[test]
fn without_drift_the_false_positive_rate_is_the_threshold() {
    let reports: Vec<DriftReport> = reports(0.0).map(Result::unwrap).collect();
    let p_values: Vec<f64> =
        reports.iter().flat_map(|report| &report.features).map(|feature| feature.p_value.unwrap()).collect();
    let count = p_values.len() as f64;
    assert_eq!(p_values.len(), FEATURES * RUNS as usize);
    for threshold in [0.01, 0.05, 0.2, 0.5] {
        let flagged = p_values.iter().filter(|p| **p < threshold).count() as f64;
        // Four standard deviations of the binomial distribution: by chance, one test in 16,000 is beyond.
        let margin = 4.0 * (count * threshold * (1.0 - threshold)).sqrt();
        let expected = count * threshold;
        assert!(
            (flagged - expected).abs() < margin,
            "p < {threshold}: {flagged}, expected {expected} ± {margin}"
        );
    }
    let drifted: usize = reports.iter().map(|report| report.drifted).sum();
    assert_eq!(drifted, p_values.iter().filter(|p| **p < 0.05).count());
    // Half of the features by chance: 1 data set in 2,700.
    assert!(reports.iter().filter(|report| report.dataset_drift).count() <= 2);
}

#[test]
fn a_shift_of_half_a_standard_deviation_is_dataset_drift() {
    let reports: Vec<DriftReport> = reports(0.5).map(Result::unwrap).collect();
    assert!(reports.iter().all(|report| report.dataset_drift));
    let drifted: usize = reports.iter().map(|report| report.drifted).sum();
    assert!(drifted as f64 > 0.9 * (FEATURES as f64 * RUNS as f64), "{drifted}");
}
