//! A small model package.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bcs_contracts::keys::{MODEL_FILE, REFERENCE_FILE};
use bcs_model::nets::Network;
use bcs_model::package;
use bcs_model::weights::write_safetensors;
use serde_json::json;
use tch::Device;

/// Version of the model.
pub(crate) const VERSION: &str = "train-2026-01-31_12-00-00-epoch=07-1f2e3d4c";

/// Writes a package into `folder`: a UNet with two levels and random parameters, for tiles of 64×64 pixels. Of the two
/// features of its drift reference, images of [`crate::images::rgb`] are usual in `grey_mean` and unusual in `red_mean`.
pub(crate) fn write(folder: &Path) -> PathBuf {
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
        "format_version": 2, "model_version": VERSION,
        "image": {
            "cases": [null, null, null],
            "features": {"grey_mean": [0.1, 0.5, 0.9], "red_mean": [0.999, 0.9995, 1.0]},
        },
        "model": {"cases": [], "features": {}},
    });
    let files = BTreeMap::from([
        (MODEL_FILE.to_owned(), write_safetensors(&network).unwrap()),
        (REFERENCE_FILE.to_owned(), serde_json::to_vec(&reference).unwrap()),
    ]);
    let path = folder.join("model");
    package::write(&path, metadata.unwrap(), &files, package::Existing::Refuse).unwrap();
    path
}
