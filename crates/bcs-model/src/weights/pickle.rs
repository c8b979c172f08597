//! PyTorch's own format: a zip with a pickle, as `torch.save(net.state_dict(), "net.pt")` writes it.

use std::collections::BTreeMap;
use std::path::Path;

use tch::Tensor;

use crate::error::{Error, first_line};

/// Reads the tensors of a `.pt` state dictionary. A Lightning checkpoint's `state_dict` is found too.
///
/// # Errors
/// [`Error::File`].
pub fn read_pickle(path: &Path) -> Result<BTreeMap<String, Tensor>, Error> {
    let unreadable = |reason: String| Error::File { path: path.display().to_string(), reason };
    let tensors = Tensor::loadz_multi(path).map_err(|error| unreadable(first_line(&error.to_string())))?;
    if tensors.is_empty() {
        return Err(unreadable("there is no tensor in it; save net.state_dict()".to_owned()));
    }
    Ok(tensors.into_iter().collect())
}
