//! State dictionaries: copying one into a network, and checking its values.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::error::Error;
use crate::nets::Network;

/// Maximum number of names listed in an error.
const NAMES_SHOWN: usize = 5;

/// Copies tensors by name into a network, converting them to its types and device. A prefix that all names share, as
/// Lightning (`model.`) and `DataParallel` (`module.`) add, is removed; `num_batches_tracked` may be missing.
///
/// # Errors
/// [`Error::Weights`] naming missing tensors, unknown tensors and wrong shapes; the network is then unchanged.
pub fn load_state(network: &Network, mut state: BTreeMap<String, Tensor>) -> Result<(), Error> {
    let variables = network.state();
    strip_prefixes(&mut state, &variables);
    let missing: Vec<&str> = names(variables.keys().filter(|name| !state.contains_key(*name)));
    // Some exporters omit this counter, which does not enter the output.
    let missing: Vec<&str> =
        missing.into_iter().filter(|name| !name.ends_with("num_batches_tracked")).collect();
    let extra: Vec<&str> = names(state.keys().filter(|name| !variables.contains_key(*name)));
    let mut problems = Vec::new();
    if !missing.is_empty() {
        problems.push(format!("missing {}", shorten(&missing)));
    }
    if !extra.is_empty() {
        problems.push(format!("unknown {}", shorten(&extra)));
    }
    for (name, variable) in &variables {
        match state.get(name) {
            Some(tensor) if tensor.size() != variable.size() => problems.push(format!(
                "{name} has shape {:?}, but the network's has {:?}",
                tensor.size(),
                variable.size()
            )),
            _ => {}
        }
    }
    if !problems.is_empty() {
        let more = problems.len().saturating_sub(NAMES_SHOWN);
        problems.truncate(NAMES_SHOWN);
        let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
        return Err(Error::Weights(format!("{}{rest}", problems.join("; "))));
    }
    for (name, tensor) in state {
        if let Some(variable) = variables.get(&name) {
            tch::no_grad(|| variable.shallow_clone().f_copy_(&tensor))?;
        }
    }
    Ok(())
}

/// Removes a wrapper's prefix if all names have it and are the network's without it.
fn strip_prefixes(state: &mut BTreeMap<String, Tensor>, variables: &BTreeMap<String, Tensor>) {
    for prefix in ["module.", "model.", "net.", "_model."] {
        let fits = |name: &String| name.strip_prefix(prefix).is_some_and(|rest| variables.contains_key(rest));
        let known = state.keys().any(|name| variables.contains_key(name));
        if !known && !state.is_empty() && state.keys().all(fits) {
            let old = std::mem::take(state);
            *state =
                old.into_iter().map(|(name, tensor)| (name[prefix.len()..].to_owned(), tensor)).collect();
        }
    }
}

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

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    names.map(String::as_str).collect()
}

fn shorten(names: &[&str]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
