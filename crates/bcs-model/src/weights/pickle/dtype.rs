//! Element types of tensors in a pickle.

use tch::Kind;

/// Element type of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dtype {
    /// PyTorch's name.
    pub(crate) name: &'static str,
    /// libtorch's name.
    pub(crate) kind: Kind,
    /// Size of an element in bytes.
    pub(crate) size: usize,
    /// Whether tensors of the type can require a gradient.
    pub(crate) floating: bool,
}

const fn dtype(name: &'static str, kind: Kind, size: usize, floating: bool) -> Dtype {
    Dtype { name, kind, size, floating }
}

/// The storage classes of module `torch` and their types.
const STORAGES: [(&str, Dtype); 10] = [
    ("FloatStorage", dtype("float32", Kind::Float, 4, true)),
    ("DoubleStorage", dtype("float64", Kind::Double, 8, true)),
    ("HalfStorage", dtype("float16", Kind::Half, 2, true)),
    ("BFloat16Storage", dtype("bfloat16", Kind::BFloat16, 2, true)),
    ("LongStorage", dtype("int64", Kind::Int64, 8, false)),
    ("IntStorage", dtype("int32", Kind::Int, 4, false)),
    ("ShortStorage", dtype("int16", Kind::Int16, 2, false)),
    ("CharStorage", dtype("int8", Kind::Int8, 1, false)),
    ("ByteStorage", dtype("uint8", Kind::Uint8, 1, false)),
    ("BoolStorage", dtype("bool", Kind::Bool, 1, false)),
];

impl Dtype {
    pub(super) fn of_storage(class: &str) -> Option<Self> {
        STORAGES.iter().find(|(name, _)| *name == class).map(|(_, dtype)| *dtype)
    }

    /// Whether `torch` has an element type of this name that a checkpoint may mention.
    pub(super) fn is_name(name: &str) -> bool {
        STORAGES.iter().any(|(_, dtype)| dtype.name == name)
    }
}
