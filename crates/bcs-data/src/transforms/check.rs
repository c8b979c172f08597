//! Ranges of the options.

use std::ops::RangeInclusive;

use crate::error::Error;

/// Options whose ranges can be checked.
pub(super) trait Check {
    /// Checks the options of the transform `name`, all but its probability.
    ///
    /// # Errors
    /// [`Error::Augmentation`].
    fn check(&self, name: &str) -> Result<(), Error>;
}

/// Checks that an option is within a range.
pub(super) fn within(name: &str, key: &str, value: f64, range: RangeInclusive<f64>) -> Result<(), Error> {
    require(range.contains(&value), name, key, || {
        format!("is {value}; it must be in [{}, {}]", range.start(), range.end())
    })
}

/// Checks that an option is an interval within a range.
pub(super) fn interval(
    name: &str,
    key: &str,
    [low, high]: [f64; 2],
    range: RangeInclusive<f64>,
) -> Result<(), Error> {
    let valid = range.contains(&low) && range.contains(&high) && low <= high;
    require(valid, name, key, || {
        let (least, most) = range.into_inner();
        format!("is [{low}, {high}]; it must be [lowest, highest] within [{least}, {most}]")
    })
}

/// Makes an error unless the option is valid.
pub(super) fn require(
    valid: bool,
    name: &str,
    key: &str,
    reason: impl FnOnce() -> String,
) -> Result<(), Error> {
    if valid { Ok(()) } else { Err(Error::Augmentation { key: format!("{name}.{key}"), reason: reason() }) }
}
