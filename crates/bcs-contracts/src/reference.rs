//! `reference.json`: the drift reference, that is the features of the tissue a model was trained and validated on.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::features::{Features, is_model_feature};

/// Reference format written by this version.
pub const FORMAT_VERSION: u32 = 2;

/// Maximum number of rows in a table of a reference, as many training tiles as the predecessor compared with.
pub const MAX_ROWS: usize = 10_000;

/// What drift is measured against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DriftReference {
    /// Reference format: 2, or 1 where it was read from a reference of that format.
    pub format_version: u32,
    /// Version of the model; empty for a reference made of images alone.
    pub model_version: String,
    /// Image features of the training tiles.
    pub image: FeatureTable,
    /// Model features (confidence, entropy, embedding, class fractions) of the validation tiles: a network is over-confident on
    /// the tiles it was trained on. Empty for a reference made of images alone.
    pub model: FeatureTable,
    /// How the probabilities of each class fit the validation tiles, in the order of the model's classes. Empty for a
    /// reference of images alone, of an earlier version, or without validation tiles that are labelled all over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<ClassCalibration>,
}

/// How the probabilities of one class fit the validation tiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassCalibration {
    /// Name of the class.
    pub name: String,
    /// Added to the log-odds that a predicted pixel is right; negative for an over-confident network.
    pub log_odds: f64,
    /// Factor of the expected area of the class where it is not predicted.
    pub missed: f64,
    /// Dice over the pixels of these tiles together, in [0, 1]; `None` where the class is neither predicted nor present.
    pub dice: Option<f64>,
}

/// Features of many tiles, one row per tile, stored by column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureTable {
    /// Patient or slide of each row; `None` where it is unknown.
    pub cases: Vec<Option<String>>,
    /// Value of each feature in each row; `None` where the feature does not apply to the tile.
    pub features: BTreeMap<String, Vec<Option<f64>>>,
}

impl FeatureTable {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.cases.len()
    }

    /// Appends a row.
    pub fn push(&mut self, case: Option<String>, features: &Features) {
        let row = self.rows();
        for name in features.keys() {
            if !self.features.contains_key(name) {
                self.features.insert(name.clone(), vec![None; row]);
            }
        }
        for (name, column) in &mut self.features {
            column.push(features.get(name).copied());
        }
        self.cases.push(case);
    }

    /// The values that a feature has, in the order of the rows.
    pub fn values<'a>(&'a self, feature: &str) -> impl Iterator<Item = f64> + 'a {
        self.features.get(feature).into_iter().flatten().copied().flatten()
    }
}

impl DriftReference {
    /// What a reference of an older format lacks, in words; `None` for the current format.
    pub fn shortcomings(&self) -> Option<&'static str> {
        (self.format_version < FORMAT_VERSION).then_some(
            "the drift reference has format 1: it names no cases, its image features were measured over whole images \
             including background, and its model features come from training tiles, on which a network is \
             over-confident; train the model again to get a reference of format 2",
        )
    }
}

/// A reference as stored, in either format.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format_version: u32,
    model_version: String,
    image: Option<FeatureTable>,
    model: Option<FeatureTable>,
    #[serde(default)]
    calibration: Vec<ClassCalibration>,
    /// Format 1: number of training tiles.
    images: Option<usize>,
    /// Format 1: ascending values of each feature, each column for itself.
    features: Option<BTreeMap<String, Vec<f64>>>,
}

impl<'de> Deserialize<'de> for DriftReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        stored.into_reference().map_err(serde::de::Error::custom)
    }
}

impl Stored {
    fn into_reference(self) -> Result<DriftReference, String> {
        let missing = |name: &str| format!("missing field `{name}`");
        let (image, model) = match self.format_version {
            1 => {
                self.images.ok_or_else(|| missing("images"))?;
                let columns = self.features.ok_or_else(|| missing("features"))?;
                let (model, image) = columns.into_iter().partition(|(name, _)| is_model_feature(name));
                (from_columns(image), from_columns(model))
            }
            FORMAT_VERSION => {
                (self.image.ok_or_else(|| missing("image"))?, self.model.ok_or_else(|| missing("model"))?)
            }
            other => {
                return Err(format!("format_version is {other}; this program reads 1 to {FORMAT_VERSION}"));
            }
        };
        for table in [&image, &model] {
            for (name, column) in &table.features {
                if column.len() != table.rows() {
                    return Err(format!(
                        "column '{name}' has {} rows, but there are {} cases",
                        column.len(),
                        table.rows()
                    ));
                }
            }
        }
        Ok(DriftReference {
            format_version: self.format_version,
            model_version: self.model_version,
            image,
            model,
            calibration: self.calibration,
        })
    }
}

/// A table of format 1 columns, padded to the longest one; no case is known.
fn from_columns(columns: BTreeMap<String, Vec<f64>>) -> FeatureTable {
    let rows = columns.values().map(Vec::len).max().unwrap_or(0);
    let padded = |values: Vec<f64>| {
        let mut column: Vec<Option<f64>> = values.into_iter().map(Some).collect();
        column.resize(rows, None);
        column
    };
    let features = columns.into_iter().map(|(name, values)| (name, padded(values))).collect();
    FeatureTable { cases: vec![None; rows], features }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(values: &[(&str, f64)]) -> Features {
        values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn a_reference_reads_back_as_it_was_written() {
        let mut image = FeatureTable::default();
        image.push(Some("TCGA-A2-A0D2".to_owned()), &features(&[("grey_mean", 0.5)]));
        image.push(None, &features(&[("grey_mean", 0.25), ("eosin_mean", 0.1)]));
        assert_eq!(image.features["eosin_mean"], [None, Some(0.1)]);
        assert_eq!(image.values("grey_mean").collect::<Vec<_>>(), [0.5, 0.25]);
        let reference = DriftReference {
            format_version: FORMAT_VERSION,
            model_version: "v".to_owned(),
            image,
            model: FeatureTable::default(),
            calibration: vec![ClassCalibration {
                name: "tumour".to_owned(),
                log_odds: -0.5,
                missed: 1.5,
                dice: None,
            }],
        };
        let text = serde_json::to_string(&reference).unwrap();
        assert_eq!(serde_json::from_str::<DriftReference>(&text).unwrap(), reference);
        assert_eq!(reference.shortcomings(), None);
    }

    #[test]
    fn format_1_is_read_and_its_shortcomings_are_stated() {
        let text = r#"{"format_version": 1, "model_version": "v", "images": 3,
                       "features": {"grey_mean": [0.1, 0.2, 0.3], "confidence": [0.9, 0.95, 1.0], "eosin_mean": [0.4]}}"#;
        let reference: DriftReference = serde_json::from_str(text).unwrap();
        assert_eq!((reference.image.rows(), reference.model.rows()), (3, 3));
        assert_eq!(reference.image.values("eosin_mean").collect::<Vec<_>>(), [0.4]);
        assert_eq!(reference.model.values("confidence").count(), 3);
        assert!(reference.shortcomings().unwrap().contains("cases"));
    }

    #[test]
    fn unsound_references_are_refused() {
        let cases = [
            (r#"{"format_version": 3, "model_version": ""}"#, "reads 1 to 2"),
            (
                r#"{"format_version": 2, "model_version": "", "image": {"cases": [], "features": {}}}"#,
                "`model`",
            ),
            (
                r#"{"format_version": 2, "model_version": "", "model": {"cases": [], "features": {}},
                    "image": {"cases": [null], "features": {"grey_mean": [0.1, 0.2]}}}"#,
                "'grey_mean' has 2 rows, but there are 1 cases",
            ),
        ];
        for (text, expected) in cases {
            let error = serde_json::from_str::<DriftReference>(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
