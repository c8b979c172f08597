//! Defaults of constructor arguments that several networks share, for serde.

use serde_json::Value;

use crate::blocks::{LayerSpec, Pair, UpsampleMode};

pub(super) fn three() -> Pair {
    Pair::Both(3)
}

pub(super) fn no_dropout() -> Value {
    0.0.into()
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn spatial_dims() -> i64 {
    3
}

pub(super) fn in_channels() -> i64 {
    1
}

pub(super) fn out_channels() -> i64 {
    2
}

pub(super) fn features() -> Vec<i64> {
    vec![32, 32, 64, 128, 256, 32]
}

pub(super) fn leaky_relu() -> LayerSpec {
    layer("LeakyReLU", &[("negative_slope", 0.1.into()), ("inplace", true.into())])
}

pub(super) fn affine_instance() -> LayerSpec {
    layer("instance", &[("affine", true.into())])
}

pub(super) fn deconv() -> UpsampleMode {
    UpsampleMode::Deconv
}

pub(super) fn nontrainable() -> UpsampleMode {
    UpsampleMode::NonTrainable
}

pub(super) fn layer(name: &str, arguments: &[(&str, Value)]) -> LayerSpec {
    let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    LayerSpec::WithArguments(name.to_owned(), arguments.collect())
}
