//! PyTorch's own format: a zip with a pickle, as `torch.save(dict(net.state_dict()), "net.pt")` writes it. libtorch's
//! reader does not know the `OrderedDict` that a `state_dict` is.

use std::collections::BTreeMap;
use std::path::Path;

use tch::Tensor;

use crate::error::{Error, first_line};

/// Reads the tensors of a `.pt` that holds a plain dictionary of them.
///
/// # Errors
/// [`Error::File`].
pub fn read_pickle(path: &Path) -> Result<BTreeMap<String, Tensor>, Error> {
    let unreadable = |reason: String| Error::File { path: path.display().to_string(), reason };
    let tensors = Tensor::loadz_multi(path).map_err(|error| {
        let reason = first_line(&error.to_string());
        unreadable(format!(
            "{reason}; libtorch reads plain dictionaries: save it with torch.save(dict(net.state_dict()), …) or with \
             safetensors.torch.save_file"
        ))
    })?;
    if tensors.is_empty() {
        return Err(unreadable("there is no tensor in it; save net.state_dict()".to_owned()));
    }
    Ok(tensors.into_iter().collect())
}
