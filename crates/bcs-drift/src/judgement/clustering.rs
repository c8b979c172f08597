//! Resemblance of the images of a case.

use serde::{Deserialize, Serialize};

use super::units::Grouped;

/// Resemblance of the images of a case.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clustering {
    /// Intraclass correlation from the one-way analysis of variance (Fisher), in [0, 1]: the share of the variance that lies
    /// between cases.
    pub intraclass_correlation: f64,
    /// Design effect, 1 + (m − 1)ρ for m images per case (Kish, 1965): the factor by which images that were counted as
    /// independent would overstate the evidence.
    pub design_effect: f64,
}

/// Measures the resemblance; `None` with fewer than two cases, or where every case has one image.
pub(super) fn clustering(grouped: &Grouped) -> Option<Clustering> {
    let cases: Vec<&[f64]> = grouped.units().filter(|values| !values.is_empty()).collect();
    let (count, images) = (cases.len() as f64, grouped.values.len() as f64);
    if cases.len() < 2 || images <= count {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let overall = mean(&grouped.values);
    let (mut between, mut within, mut squares) = (0.0, 0.0, 0.0);
    for case in &cases {
        let centre = mean(case);
        between += case.len() as f64 * (centre - overall).powi(2);
        within += case.iter().map(|value| (value - centre).powi(2)).sum::<f64>();
        squares += (case.len() as f64).powi(2);
    }
    let (between, within) = (between / (count - 1.0), within / (images - count));
    let size = (images - squares / images) / (count - 1.0);
    let denominator = between + (size - 1.0) * within;
    let correlation =
        if denominator > 0.0 { ((between - within) / denominator).clamp(0.0, 1.0) } else { 0.0 };
    Some(Clustering {
        intraclass_correlation: correlation,
        design_effect: 1.0 + (images / count - 1.0) * correlation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_correlation_is_that_of_the_analysis_of_variance() {
        let measured = |values: [f64; 6]| {
            let mut grouped = Grouped::default();
            values.chunks(3).for_each(|case| grouped.push(case.iter().copied()));
            clustering(&grouped).unwrap()
        };
        // Mean squares 37.5 between and 1 within: (37.5 − 1) / (37.5 + 2 · 1).
        let found = measured([1.0, 2.0, 3.0, 6.0, 7.0, 8.0]);
        assert!((found.intraclass_correlation - 36.5 / 39.5).abs() < 1e-12, "{found:?}");
        assert!((found.design_effect - (1.0 + 2.0 * 36.5 / 39.5)).abs() < 1e-12, "{found:?}");
        // Less between than within: no resemblance.
        assert_eq!(measured([1.0, 5.0, 9.0, 2.0, 5.0, 8.0]).intraclass_correlation, 0.0);
        assert_eq!(measured([1.0; 6]).design_effect, 1.0);
    }
}
