//! Classes and functions that a pickle may refer to.

use super::dtype::Dtype;

/// Which pickles are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `torch.save` of a state dictionary or checkpoint. What is read is a subset of what
    /// `torch.load(weights_only=True)` reads.
    StateDict,
    /// The `data.pkl` and `constants.pkl` of a TorchScript archive, which also hold objects of the archive's classes.
    TorchScript,
}

/// A known class or function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Global<'a> {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Device,
    Storage(Dtype),
    Dtype,
    /// A class defined by the code of a TorchScript archive.
    Class {
        module: &'a str,
        name: &'a str,
    },
    /// A function of TorchScript that gives a list its element type.
    TypedList,
    /// A function of TorchScript that gives a container its type.
    TypeTag,
}

impl<'a> Global<'a> {
    /// Looks up a class or function.
    ///
    /// # Errors
    /// That it is not allowed, by its name.
    pub(super) fn find(module: &'a str, name: &'a str, dialect: Dialect) -> Result<Self, String> {
        let common = match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch", "Size") => Some(Self::Size),
            ("torch", "device") => Some(Self::Device),
            ("torch", name) if Dtype::is_name(name) => Some(Self::Dtype),
            ("torch", name) => Dtype::of_storage(name).map(Self::Storage),
            _ => None,
        };
        if let Some(global) = common {
            return Ok(global);
        }
        match dialect {
            Dialect::TorchScript => Self::find_script(module, name),
            Dialect::StateDict => None,
        }
        .ok_or_else(|| {
            format!(
                "it refers to '{module}.{name}', which is not allowed in a file of weights; save the parameters alone: \
                 torch.save(net.state_dict(), path)"
            )
        })
    }

    fn find_script(module: &'a str, name: &'a str) -> Option<Self> {
        const LISTS: [&str; 4] = ["build_intlist", "build_doublelist", "build_boollist", "build_tensorlist"];
        match (module, name) {
            ("torch.jit._pickle", "restore_type_tag") => Some(Self::TypeTag),
            ("torch.jit._pickle", name) if LISTS.contains(&name) => Some(Self::TypedList),
            (module, name) if module == "__torch__" || module.starts_with("__torch__.") => {
                Some(Self::Class { module, name })
            }
            _ => None,
        }
    }
}
