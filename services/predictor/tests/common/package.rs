//! A model package that is made in a moment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bcs_contracts::keys::{MODEL_FILE, REFERENCE_FILE};
use bcs_model::nets::Network;
use bcs_model::package;
use bcs_model::weights::write_safetensors;
use serde_json::json;
use tch::Device;

/// The version that the package says of itself.
pub const VERSION: &str = "train-2026-01-31_12-00-00";

/// Writes a package of a UNet with two levels, whose tiles are of 64×64 pixels, into a folder of this one.
pub fn write(folder: &Path) -> PathBuf {
    let arguments = json!({
        "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [4, 8], "strides": [2], "num_res_units": 1,
    });
    tch::manual_seed(7);
    let network = Network::new("UNet", arguments.as_object().unwrap(), Device::Cpu).unwrap();
    let metadata = serde_json::from_value(json!({
        "version": VERSION,
        "architecture": {"name": "UNet", "arguments": arguments},
        "classes": [
            {"code": 0, "name": "other", "color": "#999999"},
            {"code": 7, "name": "tumour", "color": "#d55e00"},
        ],
        "input": {"tile": [64, 64]},
    }));
    let reference = json!({
        "format_version": 1, "model_version": VERSION, "images": 3,
        "features": {"grey_mean": [0.1, 0.5, 0.9], "red_mean": [0.999, 0.9995, 1.0]},
    });
    let files = BTreeMap::from([
        (MODEL_FILE.to_owned(), write_safetensors(&network).unwrap()),
        (REFERENCE_FILE.to_owned(), serde_json::to_vec(&reference).unwrap()),
    ]);
    let path = folder.join("model");
    package::write(&path, metadata.unwrap(), &files, package::Existing::Refuse).unwrap();
    path
}
