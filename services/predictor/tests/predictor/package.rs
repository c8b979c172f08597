//! A small model, for the engine that was built in: libtorch, or else the fake one.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Version of the model.
pub(crate) const VERSION: &str = "train-2026-01-31_12-00-00-epoch=07-1f2e3d4c";

/// Path of the model in the folder of [`write()`].
pub(crate) const PATH: &str = if cfg!(feature = "libtorch") { "model" } else { "model/model.json" };

/// Writes the model of the version [`VERSION`] into `folder`.
pub(crate) fn write(folder: &Path) -> PathBuf {
    write_version(folder, VERSION)
}

/// Writes a model for tiles of 64×64 pixels. Images of [`crate::images::rgb`] are more unusual in `red_mean` than any of the
/// three images of its drift reference.
pub(crate) fn write_version(folder: &Path, version: &str) -> PathBuf {
    let path = folder.join(PATH);
    let parent = if cfg!(feature = "libtorch") { path.as_path() } else { path.parent().unwrap() };
    std::fs::create_dir_all(parent).unwrap();
    let reference = serde_json::to_vec(&reference(version)).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(parent.join(name), bytes).unwrap();
    write("reference.json", &reference);
    if cfg!(feature = "libtorch") {
        // MONAI's UNet of these arguments after torch.manual_seed(7).
        let weights = include_bytes!("fixtures/unet.safetensors");
        write("model.safetensors", weights);
        let arguments = json!({
            "spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": [4, 8], "strides": [2],
            "num_res_units": 1,
        });
        let mut metadata = metadata(version, "UNet", &arguments);
        metadata["files"] =
            json!({"model.safetensors": sha256(weights), "reference.json": sha256(&reference)});
        write("metadata.json", metadata.to_string().as_bytes());
    } else {
        let arguments =
            json!({"weights": [[0, 0, 0], [1, -1, 0]], "size_divisor": 2, "min_size": 4, "embeds": true});
        write("model.json", metadata(version, "Fake", &arguments).to_string().as_bytes());
    }
    path
}

fn metadata(version: &str, name: &str, arguments: &Value) -> Value {
    json!({
        "version": version,
        "architecture": {"name": name, "arguments": arguments},
        "classes": [
            {"code": 0, "name": "other", "color": "#999999"},
            {"code": 7, "name": "tumour", "color": "#d55e00"},
        ],
        "input": {"tile": [64, 64]},
    })
}

fn reference(version: &str) -> Value {
    json!({
        "format_version": 2, "model_version": version,
        "image": {
            "cases": [null, null, null],
            "features": {"grey_mean": [0.1, 0.5, 0.9], "red_mean": [0.999, 0.9995, 1.0]},
        },
        "model": {"cases": [], "features": {}},
    })
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
