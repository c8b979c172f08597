//! Which features are part of the distance, and on which scale.

use crate::scale::comparable;

/// Amounts of stain, and how much they vary within an image.
const STAINS: [&str; 4] = ["haematoxylin_mean", "haematoxylin_std", "eosin_mean", "eosin_std"];

/// Optical density below which nothing is seen.
const LEAST_STAIN: f64 = 0.01;

/// Whether a feature is part of the distance.
pub(super) fn is_counted(feature: &str) -> bool {
    let spread = feature.ends_with("_std") && !STAINS.contains(&feature);
    !spread && !["entropy", "brightness_p05", "brightness_p95"].contains(&feature)
}

/// Returns a value of a feature on the scale of the distance: that of the judgement, but for amounts of stain. A paler stain
/// divides them all by the same number, which a logarithm turns into the same difference. The judgement keeps them as they are,
/// since those of a case mix add up.
pub(super) fn on_scale(feature: &str, value: f64) -> f64 {
    if STAINS.contains(&feature) { value.max(LEAST_STAIN).ln() } else { comparable(feature, value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paler_stain_moves_all_amounts_alike() {
        for feature in STAINS {
            let paler = |amount: f64| on_scale(feature, 0.6 * amount) - on_scale(feature, amount);
            assert!((paler(0.5) - paler(0.1)).abs() < 1e-12, "{feature}");
        }
        assert_eq!(on_scale("eosin_mean", 0.0), LEAST_STAIN.ln());
        assert_eq!(on_scale("green_mean", 0.3), 0.3);
    }

    #[test]
    fn what_a_tile_happens_to_show_is_not_counted() {
        assert!(is_counted("eosin_std") && is_counted("sharpness"));
        assert!(!is_counted("grey_std") && !is_counted("brightness_p95"));
    }
}
