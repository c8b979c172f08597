//! The feature vector of one image: the numbers by which drift is seen.

use std::collections::BTreeMap;

/// Feature values by name, in alphabetical order. A feature that an image does not have is left out.
pub type Features = BTreeMap<String, f64>;

/// Mean of value/255 over all pixels and channels: the one feature the predecessor watched. In [0, 1].
pub const GREY_MEAN: &str = "grey_mean";
/// Mean, over pixels, of the probability of the class that won. In [1/classes, 1].
pub const CONFIDENCE: &str = "confidence";
/// Mean, over pixels, of the entropy of the class probabilities, divided by its maximum. In [0, 1].
pub const ENTROPY: &str = "prediction_entropy";

/// The share of pixels given to the class of this name. In [0, 1].
pub fn fraction_of(class_name: &str) -> String {
    format!("fraction_{}", class_name.replace(' ', "_"))
}
