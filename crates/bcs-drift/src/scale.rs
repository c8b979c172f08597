//! Scales on which the values of features are compared.

use bcs_contracts::features::FRACTION_PREFIX;

/// Area that is added to fractions of artefacts before the logarithm: below 1 % of a tile, a difference says nothing.
const LEAST_AREA: f64 = 0.01;

/// Returns a value of a feature on a scale on which images differ by about the same amount everywhere: a logarithmic one for
/// quantities whose differences are ratios, and for areas that are 0 in most images.
pub(crate) fn comparable(feature: &str, value: f64) -> f64 {
    match feature {
        "sharpness" => value.max(1e-6).ln(),
        "blockiness" | "focus" | "nuclear_size" => value.max(1e-3).ln(),
        "noise" => value.max(0.1).ln(),
        _ if is_rare(feature) => (value.max(0.0) + LEAST_AREA).ln(),
        _ => value,
    }
}

/// Whether a feature is the area of an artefact, which most images do not have.
fn is_rare(feature: &str) -> bool {
    ["pen_fraction", "fold_fraction", "bubble_fraction", "dark_fraction"].contains(&feature)
}

/// Smallest standard deviation of a feature on its scale. It makes an artefact unusual even where no image of the reference
/// has one.
pub(crate) fn least_deviation(feature: &str) -> f64 {
    if is_rare(feature) { 0.3 } else { 0.0 }
}

/// Smallest standard deviation of the images of a case, by which their spread is measured; `None` for areas of artefacts.
/// Where most images have none, the spread would tell which cases have any at all, and larger images have it more often.
pub(crate) fn least_spread(feature: &str) -> Option<f64> {
    match feature {
        _ if is_rare(feature) => None,
        _ if feature.starts_with(FRACTION_PREFIX) => Some(0.1),
        _ => Some(0.0),
    }
}

#[cfg(test)]
mod tests {
    use bcs_contracts::features::fraction_of;

    use super::*;

    #[test]
    fn areas_of_artefacts_have_no_spread() {
        assert_eq!(least_spread("dark_fraction"), None);
        assert_eq!(least_spread(&fraction_of("necrosis")), Some(0.1));
        assert_eq!(least_spread("sharpness"), Some(0.0));
    }

    #[test]
    fn ratios_and_areas_are_on_a_logarithmic_scale() {
        assert_eq!(comparable("eosin_mean", 0.3), 0.3);
        assert!(
            (comparable("sharpness", 200.0) - comparable("sharpness", 100.0) - 2.0_f64.ln()).abs() < 1e-12
        );
        assert!(
            (comparable("pen_fraction", 0.01) - comparable("pen_fraction", 0.0) - 2.0_f64.ln()).abs() < 1e-12
        );
        assert!(comparable("focus", 0.0).is_finite() && comparable("noise", 0.0).is_finite());
    }
}
