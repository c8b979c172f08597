//! Defaults of constructor arguments that several networks share, for serde.

use serde_json::Value;

use crate::blocks::Pair;

pub(super) fn three() -> Pair {
    Pair::Both(3)
}

pub(super) fn no_dropout() -> Value {
    0.0.into()
}

pub(super) fn yes() -> bool {
    true
}
