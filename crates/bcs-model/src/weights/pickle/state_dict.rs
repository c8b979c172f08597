//! The state dictionary of a pickle.

use std::collections::BTreeMap;

use tch::Tensor;

use super::machine::Pickle;
use super::tensor::TensorView;
use super::value::{Dict, Value};
use crate::error::Error;

/// Names under which checkpoints hold the state dictionary, Lightning's and the one of PyTorch's tutorials.
const NESTED: [&str; 2] = ["state_dict", "model_state_dict"];

/// Maximum size of all tensors, as a multiple of the file: tensors may share storages, but a small file must not
/// become more than memory holds.
const MAX_EXPANSION: usize = 16;

/// Size in bytes that tensors may have whatever the file's size.
const ALWAYS_ALLOWED: usize = 64 << 20;

/// Returns the tensors of the state dictionary by name.
///
/// # Errors
/// [`Error::Weights`]; [`Error::Torch`].
pub(super) fn tensors(pickle: &Pickle<'_>, file_size: usize) -> Result<BTreeMap<String, Tensor>, Error> {
    let entries = entries(find(pickle)?)?;
    let view = |(name, tensor): (&str, usize)| (name.to_owned(), &pickle.heap.tensors[tensor]);
    to_tensors(entries.into_iter().map(view).collect(), file_size)
}

/// Copies the elements of views of a file of `file_size` bytes.
///
/// # Errors
/// [`Error::Weights`] if they take too much memory; [`Error::Torch`].
pub(in crate::weights) fn to_tensors(
    views: BTreeMap<String, &TensorView<'_>>,
    file_size: usize,
) -> Result<BTreeMap<String, Tensor>, Error> {
    let size = views.values().fold(0_usize, |size, view| size.saturating_add(view.bytes()));
    if size > ALWAYS_ALLOWED.max(file_size.saturating_mul(MAX_EXPANSION)) {
        let reason = format!("its tensors take {size} bytes, more than {MAX_EXPANSION} times the file");
        return Err(Error::Weights(format!("{reason}; save contiguous tensors")));
    }
    views.into_iter().map(|(name, view)| Ok((name, view.to_tensor()?))).collect()
}

/// Finds the dictionary: the root, or its entry if the root is a checkpoint.
fn find<'p, 'a>(pickle: &'p Pickle<'a>) -> Result<&'p Dict<'a>, Error> {
    let Value::Dict(root) = pickle.root else {
        let what = pickle.root.describe();
        return Err(Error::Weights(format!("it holds {what}, not a state dictionary; {ADVICE}")));
    };
    let root = &pickle.heap.dicts[root];
    let nested: BTreeMap<&str, usize> = root
        .entries
        .iter()
        .filter_map(|(key, value)| match (key, value) {
            (Value::Str(name), Value::Dict(dict)) if NESTED.contains(name) => Some((*name, *dict)),
            _ => None,
        })
        .collect();
    match nested.len() {
        0 => Ok(root),
        1 => Ok(nested.values().next().map_or(root, |dict| &pickle.heap.dicts[*dict])),
        _ => Err(Error::Weights(format!("it has both {}; {ADVICE}", NESTED.join(" and ")))),
    }
}

/// Returns the entries of a state dictionary: names and indices of tensors.
fn entries<'a>(dict: &Dict<'a>) -> Result<BTreeMap<&'a str, usize>, Error> {
    // A later entry replaces an earlier one, as in Python.
    let last: BTreeMap<&str, Value<'_>> = dict
        .entries
        .iter()
        .map(|(key, value)| match key {
            Value::Str(name) => Ok((*name, *value)),
            other => Err(Error::Weights(format!("the key of an entry is {}; {ADVICE}", other.describe()))),
        })
        .collect::<Result<_, _>>()?;
    if last.is_empty() {
        return Err(Error::Weights(format!("its state dictionary is empty; {ADVICE}")));
    }
    let tensor = |(name, value): (&'a str, Value<'_>)| match value {
        Value::Tensor(tensor) => Ok((name, tensor)),
        other => {
            Err(Error::Weights(format!("its entry '{name}' is {}, not a tensor; {ADVICE}", other.describe())))
        }
    };
    last.into_iter().map(tensor).collect()
}

const ADVICE: &str = "save the parameters alone: torch.save(net.state_dict(), path)";
