//! Names of features in words, and words for their differences.

use bcs_contracts::features::{EMBEDDING_PREFIX, FRACTION_PREFIX};

/// Names in words, and the words for smaller and larger values.
const WORDS: [(&str, &str, [&str; 2]); 26] = [
    ("grey_mean", "the brightness of the whole image", LESS),
    ("grey_std", "the contrast of the whole image", LESS),
    ("entropy", "the variety of grey levels", LESS),
    ("sharpness", "the sharpness", LESS),
    ("focus", "the focus", ["worse", "better"]),
    ("noise", "the noise", LESS),
    ("blockiness", "the blockiness of compression", LESS),
    ("spectral_slope", "the slope of the power spectrum", SMALLER),
    ("nuclear_size", "the size of nuclei", SMALLER),
    ("stain_angle", "the angle between the stains", SMALLER),
    ("saturation_mean", "the colour saturation", LESS),
    ("brightness_p05", "the brightness of dark tissue", LESS),
    ("brightness_p50", "the brightness of tissue", LESS),
    ("brightness_p95", "the brightness of bright tissue", LESS),
    ("haematoxylin_mean", "haematoxylin", ["paler", "stronger"]),
    ("haematoxylin_std", "the variation of haematoxylin", LESS),
    ("eosin_mean", "eosin", ["paler", "stronger"]),
    ("eosin_std", "the variation of eosin", LESS),
    ("tissue_fraction", "the area of tissue", SMALLER),
    ("boundary_length", "the length of boundaries", SMALLER),
    ("pen_fraction", "the area of pen marks", SMALLER),
    ("fold_fraction", "the area of folds", SMALLER),
    ("bubble_fraction", "the area of bubbles", SMALLER),
    ("dark_fraction", "the area of dark spots", SMALLER),
    ("confidence", "the confidence of the model", LESS),
    ("prediction_entropy", "the uncertainty of the model", LESS),
];

const LESS: [&str; 2] = ["lower", "higher"];
const SMALLER: [&str; 2] = ["smaller", "larger"];

/// Returns a feature in words, as `eosin` or `the area of tumour`. Names that are not known stand for themselves, with
/// spaces instead of underscores.
pub fn name(feature: &str) -> String {
    if let Some((_, words, _)) = known(feature) {
        return (*words).to_owned();
    }
    let of_colour =
        |ending: &str| feature.strip_suffix(ending).filter(|c| ["red", "green", "blue"].contains(c));
    if let Some(class) = feature.strip_prefix(FRACTION_PREFIX) {
        format!("the area of {}", class.replace('_', " "))
    } else if let Some(component) = feature.strip_prefix(EMBEDDING_PREFIX) {
        format!("component {component} of the model's embedding")
    } else if let Some(colour) = of_colour("_mean") {
        format!("{colour} in the tissue")
    } else if let Some(colour) = of_colour("_std") {
        format!("the variation of {colour} in the tissue")
    } else {
        feature.replace('_', " ")
    }
}

/// Returns a feature in words as a label, without the article and with a capital letter.
pub(crate) fn label(feature: &str) -> String {
    let name = name(feature);
    capitalized(name.strip_prefix("the ").unwrap_or(&name))
}

/// Returns a text with a capital letter.
pub(crate) fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Returns the words for smaller and larger values of a feature.
pub(crate) fn comparatives(feature: &str) -> [&'static str; 2] {
    match known(feature) {
        Some((_, _, words)) => *words,
        None if feature.starts_with(FRACTION_PREFIX) => SMALLER,
        None => LESS,
    }
}

fn known(feature: &str) -> Option<&'static (&'static str, &'static str, [&'static str; 2])> {
    WORDS.iter().find(|(known, _, _)| *known == feature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_have_names_in_words() {
        for (feature, words) in [
            ("eosin_mean", "eosin"),
            ("fraction_lymphocytic_infiltrate", "the area of lymphocytic infiltrate"),
            ("red_mean", "red in the tissue"),
            ("blue_std", "the variation of blue in the tissue"),
            ("embedding_3", "component 3 of the model's embedding"),
            ("my_own_feature", "my own feature"),
        ] {
            assert_eq!(name(feature), words);
        }
        assert_eq!((label("sharpness"), label("")), ("Sharpness".to_owned(), String::new()));
        assert_eq!(comparatives("fraction_tumour"), ["smaller", "larger"]);
    }
}
