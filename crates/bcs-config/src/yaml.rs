//! YAML parser and emitter, compatible with OmegaConf.
//!
//! OmegaConf uses PyYAML, so plain scalars follow YAML 1.1 (`yes` is a boolean, `010` is 8) with
//! OmegaConf's changes (`1e-4` is a float, dates are strings).

mod emit;
mod load;
mod scalar;

use std::path::Path;

pub(crate) use emit::emit;

use crate::{
    error::{Error, Result},
    value::Value,
};

/// Parses one YAML document; `origin` names the text in errors.
///
/// An empty document is null.
///
/// ```
/// use bcs_config::{Value, yaml};
///
/// let config = yaml::parse("learning_rate: 1e-4", "example")?;
/// assert_eq!(config.get_path("learning_rate"), Some(&Value::Float(1e-4)));
///
/// let error = yaml::parse("a: 1\na: 2", "train.yaml").err().expect("a key given twice");
/// assert_eq!(error.to_string(), "train.yaml:2:1: duplicate key 'a'; keep one of them");
/// # Ok::<(), bcs_config::Error>(())
/// ```
pub fn parse(text: &str, origin: &str) -> Result<Value> {
    load::load(text, origin)
}

/// Reads and parses a file with one YAML document.
pub fn read(path: &Path) -> Result<Value> {
    parse(&read_text(path)?, &path.display().to_string())
}

pub(crate) fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
