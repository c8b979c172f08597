//! Checks of values.

use std::fmt::Display;
use std::ops::RangeInclusive;

use bcs_service::Failure;
use bcs_storage::{Uri, uri};

/// Most seconds of a time: a day.
const MAX_SECONDS: f64 = 86_400.0;

/// Checks that a number is in a range.
///
/// # Errors
/// [`Failure::Usage`] names the setting and the range.
pub(super) fn in_range<T: PartialOrd + Display + Copy>(
    name: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), Failure> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Failure::usage(format!("{name} is {value}; it must be from {} to {}", range.start(), range.end())))
}

/// Checks a number of seconds.
///
/// # Errors
/// As [`in_range`].
pub(super) fn seconds(name: &str, value: f64) -> Result<(), Failure> {
    in_range(name, value, 0.001..=MAX_SECONDS)
}

/// Checks the name of a device, but not whether there is one.
///
/// # Errors
/// [`Failure::Usage`] names the variable and the valid values.
pub(super) fn device(name: &str) -> Result<(), Failure> {
    let index = name.strip_prefix("cuda:").is_some_and(|index| index.parse::<u16>().is_ok());
    if index || ["cpu", "cuda", "auto"].contains(&name) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "model.device (DEVICE) is '{name}'; it must be cpu, cuda, cuda:N (such as cuda:0) or auto"
    )))
}

/// Checks the URI of a bucket, but not whether there is one. A folder is not checked.
///
/// # Errors
/// [`Failure::Usage`] names the setting and what is wrong.
pub(super) fn bucket(name: &str, bucket: &str) -> Result<(), Failure> {
    if !uri::is_uri(bucket) {
        return Ok(());
    }
    Uri::parse(bucket).map(|_| ()).map_err(|error| Failure::usage(format!("{name}: {error}")))
}

/// Checks that a route is a plain path: the router panics on malformed patterns.
///
/// # Errors
/// [`Failure::Usage`] with the name of the setting and the route.
pub(super) fn route(name: &str, route: &str) -> Result<(), Failure> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with([':', '*'])
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~:@".contains(c))
    };
    if route.strip_prefix('/').is_some_and(|parts| parts.split('/').all(plain)) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the {name} is '{route}'; it must be a plain path such as /v1/endpoints/1/deployedModels/2"
    )))
}
