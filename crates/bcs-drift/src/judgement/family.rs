//! Families of features: what a pathologist or technician would check together.

use std::fmt;

use bcs_contracts::features::{FRACTION_PREFIX, is_model_feature};
use serde::{Deserialize, Serialize};

/// A family of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Stain and colour of the tissue.
    StainAndColour,
    /// Focus, compression and magnification.
    Focus,
    /// Mix of cases: amount of tissue, and areas of the classes.
    CaseMix,
    /// Behaviour of the model: confidence, entropy, embedding.
    Model,
    /// Any other feature.
    Other,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StainAndColour => "stain and colour",
            Self::Focus => "focus, compression and magnification",
            Self::CaseMix => "case mix",
            Self::Model => "model behaviour",
            Self::Other => "other features",
        })
    }
}

/// Beginnings of the names of features, by family.
const BEGINNINGS: [(&str, Family); 17] = [
    (FRACTION_PREFIX, Family::CaseMix),
    ("boundary_length", Family::CaseMix),
    ("tissue_fraction", Family::CaseMix),
    ("sharpness", Family::Focus),
    ("focus", Family::Focus),
    ("nuclear_size", Family::Focus),
    ("blockiness", Family::Focus),
    ("noise", Family::Focus),
    ("spectral_", Family::Focus),
    ("stain_angle", Family::StainAndColour),
    ("entropy", Family::StainAndColour),
    ("grey_", Family::StainAndColour),
    ("red_", Family::StainAndColour),
    ("green_", Family::StainAndColour),
    ("blue_", Family::StainAndColour),
    ("brightness_", Family::StainAndColour),
    ("saturation_", Family::StainAndColour),
];

impl Family {
    /// Returns the family of a feature.
    pub fn of(feature: &str) -> Self {
        let known = BEGINNINGS.iter().find(|(beginning, _)| feature.starts_with(beginning));
        match known {
            Some((_, family)) => *family,
            None if is_model_feature(feature) => Self::Model,
            None if feature.starts_with("haematoxylin_") || feature.starts_with("eosin_") => {
                Self::StainAndColour
            }
            None => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_of_the_image_and_of_the_model_have_their_families() {
        for (feature, family) in [
            ("embedding_7", Family::Model),
            ("eosin_mean", Family::StainAndColour),
            ("brightness_p05", Family::StainAndColour),
            ("sharpness", Family::Focus),
            ("nuclear_size", Family::Focus),
            ("stain_angle", Family::StainAndColour),
            ("pen_fraction", Family::Other),
            ("tissue_fraction", Family::CaseMix),
            ("fraction_tumour", Family::CaseMix),
            ("prediction_entropy", Family::Model),
            ("confidence", Family::Model),
            ("f1", Family::Other),
        ] {
            assert_eq!(Family::of(feature), family, "{feature}");
        }
    }
}
