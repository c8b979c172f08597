//! Parameters and buffers of a TorchScript archive, under the names that the module's `state_dict` has in Python.
//!
//! Only tensors and the structure of the module are read; the archive's code is not run.

use std::collections::BTreeMap;

use tch::Tensor;

use super::class::Classes;
use crate::error::Error;
use crate::weights::archive::Archive;
use crate::weights::pickle::{Dialect, Pickle, Value, check_version, to_tensors};

/// Maximum number of modules. Modules may be shared, so that a small file could stand for a huge tree.
const MAX_MODULES: usize = 10_000;

/// Maximum number of tensors.
const MAX_TENSORS: usize = 100_000;

/// Maximum length of a tensor's name in bytes, which bounds the depth too.
const MAX_NAME: usize = 1000;

/// Returns the parameters and buffers of an archive of `file_size` bytes.
///
/// # Errors
/// [`Error::Weights`] for a damaged archive, and for one without named parameters; [`Error::Torch`].
pub(in crate::weights) fn tensors(
    archive: &Archive<'_>,
    file_size: usize,
) -> Result<BTreeMap<String, Tensor>, Error> {
    let (pickle, classes) = open(archive).map_err(Error::Weights)?;
    let names = names(&pickle, &classes).map_err(Error::Weights)?;
    if names.is_empty() {
        let reason = "the TorchScript module has no named parameters (freezing and optimizing remove the names); \
                      save those of the original: torch.save(net.state_dict(), path)";
        return Err(Error::Weights(reason.to_owned()));
    }
    let views = names.into_iter().map(|(name, tensor)| (name, &pickle.heap.tensors[tensor])).collect();
    to_tensors(views, file_size)
}

fn open<'a>(archive: &'a Archive<'_>) -> Result<(Pickle<'a>, Classes<'a>), String> {
    check_version(archive)?;
    let program = archive.get("data.pkl").ok_or("the record 'data.pkl' is missing")?;
    let pickle = Pickle::read(program, archive, "data", Dialect::TorchScript)
        .map_err(|reason| format!("data.pkl: {reason}"))?;
    Ok((pickle, Classes::read(archive)?))
}

/// Walks the tree of modules. Returns the indices of the tensors by their names.
fn names(pickle: &Pickle<'_>, classes: &Classes<'_>) -> Result<BTreeMap<String, usize>, String> {
    let Value::Object(root) = pickle.root else {
        return Err(format!("it holds {}, not a module", pickle.root.describe()));
    };
    let mut names = BTreeMap::new();
    let mut open = vec![(String::new(), root)];
    let mut modules = 0;
    while let Some((prefix, module)) = open.pop() {
        modules += 1;
        let object = &pickle.heap.objects[module];
        let registered = classes.get(object.module, object.class).ok_or_else(|| {
            format!("the code of the class '{}.{}' is missing", object.module, object.class)
        })?;
        for (key, value) in object.attributes.iter().flat_map(|dict| &pickle.heap.dicts[*dict].entries) {
            let Value::Str(attribute) = key else { continue };
            if prefix.len() + attribute.len() > MAX_NAME {
                return Err(format!("the name of a tensor is longer than {MAX_NAME} bytes"));
            }
            let name = format!("{prefix}{attribute}");
            match value {
                Value::Object(child) => open.push((format!("{name}."), *child)),
                Value::Tensor(tensor) if registered.contains(attribute) => drop(names.insert(name, *tensor)),
                _ => continue,
            }
            if modules + open.len() > MAX_MODULES || names.len() > MAX_TENSORS {
                return Err(format!("it has more than {MAX_MODULES} modules or {MAX_TENSORS} tensors"));
            }
        }
    }
    Ok(names)
}
