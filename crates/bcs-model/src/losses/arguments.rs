//! Arguments that do not depend on the loss: one-hot targets, ignored pixels, class weights.

use bcs_contracts::IGNORE;
use serde::Deserialize;
use serde_json::Value;

use crate::arguments::Parts;
use crate::error::{Error, argument};

/// Configuration key of the factors of all classes.
pub(super) const CLASS_WEIGHTS: &str = "train_hyp.class_weights";

/// Configuration key of MONAI's argument `weight`.
const WEIGHT: &str = "train_hyp.loss_arguments.weight";

/// Settings of a loss beside MONAI's arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings<'a> {
    /// One factor per class, background included.
    pub(super) class_weights: Option<&'a [f64]>,
    /// Whether targets may have ignored pixels.
    pub(super) ignore: bool,
}

/// Factors of the classes, and the configuration key that set them.
#[derive(Debug, Clone)]
pub(super) struct Weight {
    key: &'static str,
    factors: Factors,
}

#[derive(Debug, Clone)]
enum Factors {
    /// The same for all classes.
    Same(f64),
    /// One per included class.
    Included(Vec<f64>),
    /// One per class, background included.
    All(Vec<f64>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WeightArgument {
    weight: Option<Numbers>,
}

/// A number, or a list of numbers.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Value")]
pub(super) enum Numbers {
    One(f64),
    List(Vec<f64>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct IgnoreIndex {
    ignore_index: Option<i64>,
}

impl TryFrom<Value> for Numbers {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let list = || value.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
        (value.as_f64().map(Self::One).or_else(|| list().map(Self::List)))
            .ok_or_else(|| format!("is {value}; it must be a number, or a list with one per included class"))
    }
}

/// Returns an error for a `to_onehot_y` of false.
pub(super) fn check_one_hot(to_onehot_y: bool) -> Result<(), Error> {
    if to_onehot_y {
        return Ok(());
    }
    Err(argument("to_onehot_y", "is false; targets are class indices, which are always made one-hot"))
}

/// Takes MONAI's `ignore_index`, and returns whether it is set. Ignored pixels have the code [`IGNORE`] whether it is or
/// not.
pub(super) fn take_ignore_index(parts: &mut Parts) -> Result<bool, Error> {
    let IgnoreIndex { ignore_index } = parts.take()?;
    match ignore_index {
        Some(index) if index != i64::from(IGNORE) => {
            let reason = format!(
                "is {index}; it must be null or {IGNORE}, the code of ignored pixels in targets (the label map tells which \
                 codes of a mask are ignored)"
            );
            Err(argument("ignore_index", reason))
        }
        index => Ok(index.is_some()),
    }
}

impl Weight {
    /// One factor per class, background included, set by a configuration key.
    pub(super) fn of_all(key: &'static str, factors: &[f64]) -> Self {
        Self { key, factors: Factors::All(factors.to_vec()) }
    }

    /// Takes MONAI's `weight`, or else the class weights of the settings.
    pub(super) fn take(parts: &mut Parts, settings: Settings) -> Result<Option<Self>, Error> {
        let WeightArgument { weight } = parts.take()?;
        let Some(weight) = weight else {
            return Ok(settings.class_weights.map(|weights| Self::of_all(CLASS_WEIGHTS, weights)));
        };
        if settings.class_weights.is_some() {
            return Err(argument(
                "weight",
                format!("is set, and {CLASS_WEIGHTS} too; leave one of them out"),
            ));
        }
        let factors = match weight {
            Numbers::One(factor) => Factors::Same(factor),
            Numbers::List(factors) => Factors::Included(factors),
        };
        let values = match &factors {
            Factors::Same(factor) => std::slice::from_ref(factor),
            Factors::Included(factors) | Factors::All(factors) => factors,
        };
        check_weights("weight", values)?;
        Ok(Some(Self { key: WEIGHT, factors }))
    }

    /// The same weight, with a list that has a factor for the background too, whether that is included or not.
    pub(super) fn with_background(self) -> Self {
        let factors = match self.factors {
            Factors::Included(factors) => Factors::All(factors),
            factors => factors,
        };
        Self { factors, ..self }
    }

    /// Factors of the included classes, which are those from `first`.
    pub(super) fn included(&self, first: i64, channels: i64) -> Result<Vec<f64>, Error> {
        let (first, channels) = (first as usize, channels as usize);
        let (factors, expected, of) = match &self.factors {
            Factors::Same(factor) => return Ok(vec![*factor; channels - first]),
            Factors::Included(factors) => (&factors[..], channels - first, "included classes"),
            Factors::All(factors) => (&factors[..], channels, "classes"),
        };
        if factors.len() != expected {
            let reason = format!("has {} entries for {expected} {of}", factors.len());
            return Err(argument(self.key, reason));
        }
        Ok(factors[expected - (channels - first)..].to_vec())
    }

    /// Returns an error for a list of factors, which MONAI's focal loss refuses for a single class.
    pub(super) fn check_single_class(&self) -> Result<(), Error> {
        match self.factors {
            Factors::Same(_) => Ok(()),
            Factors::Included(_) | Factors::All(_) => {
                let reason =
                    "are given for a single class (two without background), as MONAI refuses; leave them out";
                Err(argument(self.key, reason))
            }
        }
    }
}

/// Returns an error unless weights are finite, at least 0 and not all 0.
pub(super) fn check_weights(key: &str, weights: &[f64]) -> Result<(), Error> {
    let valid = weights.iter().all(|weight| *weight >= 0.0 && weight.is_finite());
    if valid && weights.iter().any(|weight| *weight > 0.0) {
        return Ok(());
    }
    Err(argument(key, format!("is {weights:?}; weights must be at least 0, and one of them above 0")))
}
