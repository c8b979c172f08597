//! The check that parameters are finite.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::error::Error;

/// Maximum number of names listed in an error.
const NAMES_SHOWN: usize = 5;

/// Checks that every parameter is finite.
///
/// # Errors
/// [`Error::NotFinite`] naming the first tensors that hold NaN or infinity and how many there are; [`Error::Torch`].
pub fn check_finite(state: &BTreeMap<String, Tensor>) -> Result<(), Error> {
    let mut broken = Vec::new();
    for (name, tensor) in state {
        if !tensor.f_isfinite()?.f_all()?.f_double_value(&[])?.eq(&1.0) {
            broken.push(name.as_str());
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    let (count, all) = (broken.len(), state.len());
    Err(Error::NotFinite(format!("{count} of {all} tensors hold NaN or infinity: {}", shorten(&broken))))
}

fn shorten(names: &[&str]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
