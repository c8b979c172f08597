//! Copying a state dictionary into a network.

use std::collections::{BTreeMap, HashSet};

use tch::{Kind, Tensor};

use super::{encoder, natural, prefix};
use crate::error::Error;
use crate::nets::Network;

/// Which state dictionaries [`load_state`] accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// The network's parameters and no others, each of the network's shape.
    Strict,
    /// Those with at least one of the network's parameters, for fine-tuning. The others of the network keep their
    /// values. The file may be of the encoder alone, under a classifier's names (`_blocks.0._bn1.weight`,
    /// `layer1.0.conv1.weight`).
    Partial,
}

/// What [`load_state`] did. The lists are sorted, numbers in names by their value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Names of the network's tensors that were copied from the file.
    pub copied: Vec<String>,
    /// Names of the network's tensors that the file lacks. Empty after [`Load::Strict`].
    pub missing: Vec<String>,
    /// Names in the file that are not the network's. After [`Load::Strict`] these are outside the prefix of the
    /// network's, as a loss's weights in a Lightning checkpoint are.
    pub unknown: Vec<String>,
    /// The network's tensors that have another shape or no floating-point numbers in the file, each as
    /// `name: [4, 3] in the file, [8, 3] in the network`. Empty after [`Load::Strict`].
    pub mismatched: Vec<String>,
}

/// Copies tensors by name into a network, converting them to its types and device.
///
/// A prefix that wrappers put before the network's names (Lightning `net.` or `model.`, `DataParallel` `module.`,
/// nested ones too) is taken off; tensors outside the prefix are not the network's and are ignored. A tensor that the
/// network has under several names may be under any of them. `num_batches_tracked` may be missing, as some exporters
/// omit this counter, which does not enter the output. Half, bfloat16 and double parameters become float, the network's
/// type.
///
/// # Errors
/// [`Error::Weights`] listing everything that does not fit ([`Load::Strict`]), or if nothing fits ([`Load::Partial`]);
/// the network is then unchanged. [`Error::Torch`].
pub fn load_state(network: &Network, state: BTreeMap<String, Tensor>, load: Load) -> Result<Loaded, Error> {
    let variables = network.state();
    let state = match load {
        Load::Strict => state,
        Load::Partial => encoder::rename(&variables, state)?,
    };
    let prefix = prefix::find(state.keys(), |name| variables.contains_key(name), variables.len())?.to_owned();
    let mut loaded = compare(&variables, &state, &prefix);
    let is_inside = |name: &&String| name.starts_with(&prefix);
    let fits = match load {
        Load::Strict => {
            loaded.missing.is_empty()
                && loaded.mismatched.is_empty()
                && !loaded.unknown.iter().any(|name| is_inside(&name))
        }
        Load::Partial => !loaded.copied.is_empty(),
    };
    if !fits {
        loaded.unknown.retain(|name| is_inside(&name));
        return Err(Error::Weights(describe(&loaded, &prefix)));
    }
    for name in &loaded.copied {
        let (variable, tensor) = (&variables[name], &state[&format!("{prefix}{name}")]);
        tch::no_grad(|| variable.shallow_clone().f_copy_(tensor))?;
    }
    Ok(loaded)
}

/// Sorts the names of the network and of the file into the lists of [`Loaded`].
fn compare(variables: &BTreeMap<String, Tensor>, state: &BTreeMap<String, Tensor>, prefix: &str) -> Loaded {
    let in_file = |name: &str| state.get(&format!("{prefix}{name}"));
    let present: HashSet<_> = variables
        .iter()
        .filter(|(name, _)| in_file(name).is_some())
        .map(|(_, variable)| variable.data_ptr())
        .collect();
    let mut loaded = Loaded::default();
    for (name, variable) in variables {
        match in_file(name) {
            Some(tensor) => match mismatch(variable, tensor) {
                None => loaded.copied.push(name.clone()),
                Some(difference) => loaded.mismatched.push(format!("{name}: {difference}")),
            },
            None if name.ends_with("num_batches_tracked") || present.contains(&variable.data_ptr()) => {}
            None => loaded.missing.push(name.clone()),
        }
    }
    let is_known = |name: &String| name.strip_prefix(prefix).is_some_and(|name| variables.contains_key(name));
    loaded.unknown = state.keys().filter(|name| !is_known(name)).cloned().collect();
    for names in [&mut loaded.copied, &mut loaded.missing, &mut loaded.unknown, &mut loaded.mismatched] {
        names.sort_by(|a, b| natural::compare(a, b));
    }
    loaded
}

/// Says why a tensor can't be copied, if it can't.
fn mismatch(variable: &Tensor, tensor: &Tensor) -> Option<String> {
    let (ours, theirs) = (variable.size(), tensor.size());
    if ours != theirs {
        return Some(format!("{theirs:?} in the file, {ours:?} in the network"));
    }
    let is_quantized = is_floating(variable.kind()) && !is_floating(tensor.kind());
    is_quantized.then(|| format!("{:?} in the file, {:?} in the network", tensor.kind(), variable.kind()))
}

fn is_floating(kind: Kind) -> bool {
    matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16)
}

/// Lists what does not fit, one name a line.
fn describe(loaded: &Loaded, prefix: &str) -> String {
    let lists = [
        (&loaded.missing, "missing in the file"),
        (&loaded.unknown, "unknown to the network"),
        (&loaded.mismatched, "of another shape or type"),
    ];
    let mut text = match (loaded.copied.len(), prefix) {
        (0, _) => "no parameter of the file fits; is it of another network or of other arguments?".to_owned(),
        (count, "") => format!("{count} parameters fit, but not these"),
        (count, _) => format!("{count} parameters fit, under the prefix '{prefix}', but not these"),
    };
    for (names, what) in lists.into_iter().filter(|(names, _)| !names.is_empty()) {
        text += &format!("\n  {} {what}:", names.len());
        for name in names {
            text += &format!("\n    {name}");
        }
    }
    text
}
