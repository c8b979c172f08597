//! A state dictionary into a network: every name must match, and every shape.

use std::collections::BTreeMap;

use tch::Tensor;

use crate::error::Error;
use crate::nets::Network;

/// Names listed in an error before the rest is counted.
const NAMES_SHOWN: usize = 5;

/// Copies tensors by name into a network, converting them to its kinds and device.
///
/// # Errors
/// [`Error::Weights`] naming what is missing, what the network does not know, and what has another shape; then
/// the network is as it was.
pub fn load_state(network: &Network, mut state: BTreeMap<String, Tensor>) -> Result<(), Error> {
    let variables = network.state();
    strip_prefixes(&mut state, &variables);
    let missing: Vec<&str> = names(variables.keys().filter(|name| !state.contains_key(*name)));
    // Some exporters leave out the counter of batches, which nothing is computed from.
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
                "{name} has shape {:?} where the network has {:?}",
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

/// Lightning and `DataParallel` put a prefix before every name; it says nothing.
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
