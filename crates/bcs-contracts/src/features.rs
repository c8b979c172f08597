//! The feature vector of one image: the quantities that drift is measured on.

use std::collections::BTreeMap;

/// Feature values by name, in alphabetical order. A feature that does not apply to an image is left out.
pub type Features = BTreeMap<String, f64>;

/// Mean of value / 255 over all pixels and channels: the one feature the predecessor monitored. In [0, 1].
pub const GREY_MEAN: &str = "grey_mean";
/// Mean over pixels of the probability of the predicted class. In [1/classes, 1].
pub const CONFIDENCE: &str = "confidence";
/// Mean over pixels of the entropy of the class probabilities, divided by its maximum. In [0, 1].
pub const ENTROPY: &str = "prediction_entropy";
/// Fraction of pairs of neighbouring pixels that are predicted as different classes. In [0, 1].
pub const BOUNDARY_LENGTH: &str = "boundary_length";

/// Number of components of an [`Embedding`].
pub const EMBEDDING_LENGTH: usize = 8;

/// Embedding of an image: the network's bottleneck, averaged over its pixels and projected onto a few components.
pub type Embedding = [f32; EMBEDDING_LENGTH];

/// Beginning of the names that [`fraction_of`] returns.
pub const FRACTION_PREFIX: &str = "fraction_";
/// Beginning of the names that [`embedding_component`] returns.
pub const EMBEDDING_PREFIX: &str = "embedding_";

/// Name of the feature that holds the fraction of pixels predicted as the class of this name. In [0, 1].
pub fn fraction_of(class_name: &str) -> String {
    format!("{FRACTION_PREFIX}{}", class_name.replace(' ', "_"))
}

/// Name of the feature that holds a component of the [`Embedding`], counted from 0.
pub fn embedding_component(index: usize) -> String {
    format!("{EMBEDDING_PREFIX}{index}")
}

/// Whether a feature depends on the model's prediction, and not on the pixels alone.
pub fn is_model_feature(name: &str) -> bool {
    [CONFIDENCE, ENTROPY, BOUNDARY_LENGTH].contains(&name)
        || [FRACTION_PREFIX, EMBEDDING_PREFIX].iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_of_the_prediction_are_told_from_those_of_the_image() {
        let (class, component) = (fraction_of("blood vessel"), embedding_component(7));
        for name in [CONFIDENCE, ENTROPY, BOUNDARY_LENGTH, &class, &component] {
            assert!(is_model_feature(name), "{name}");
        }
        for name in [GREY_MEAN, "entropy", "tissue_fraction"] {
            assert!(!is_model_feature(name), "{name}");
        }
    }
}
