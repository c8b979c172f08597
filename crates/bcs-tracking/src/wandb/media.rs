//! Pictures of tiles with their masks, as `wandb.Image`.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::files::Files;
use crate::entry::{Picture, png};
use crate::error::Result;

/// Names of the masks of a picture.
pub(super) const MASKS: [&str; 2] = ["ground_truth", "prediction"];

/// Length of the beginning of the checksum in file names.
const CHECKSUM_IN_NAMES: usize = 20;

/// Pictures in the folder of the run.
pub(super) struct Media {
    /// Value in the history.
    pub value: Value,
    /// Paths of the files in the folder of files.
    pub files: Vec<String>,
}

/// Writes the pictures of a step, and the masks as grey pictures of class indices.
pub(super) fn pictures(key: &str, step: u64, pictures: &[Picture], files: &Files) -> Result<Media> {
    let mut written = Vec::new();
    let mut write = |folder: &str, place: usize, extension: &str, bytes: &[u8]| -> Result<(String, String)> {
        let checksum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let short = &checksum[..CHECKSUM_IN_NAMES];
        let path = format!("{folder}/{key}_{step}_{place}_{short}.{extension}");
        files.write(&path, bytes)?;
        written.push(path.clone());
        Ok((path, checksum))
    };
    let (mut paths, mut masks) = (Vec::new(), Vec::new());
    for (place, picture) in pictures.iter().enumerate() {
        paths.push(write("media/images", place, "png", &png(&picture.image)?)?.0);
        let mut mask_of_picture = serde_json::Map::new();
        for (name, mask) in MASKS.iter().zip([&picture.truth, &picture.prediction]) {
            let bytes = png(mask)?;
            let (path, sha256) = write("media/images/mask", place, &format!("{name}.mask.png"), &bytes)?;
            let value = json!({"_type": "mask", "path": path, "sha256": sha256, "size": bytes.len()});
            mask_of_picture.insert((*name).to_owned(), value);
        }
        masks.push(Value::from(mask_of_picture));
    }
    let (width, height) = pictures.first().map_or((0, 0), |picture| picture.image.dimensions());
    let captions: Vec<&str> = pictures.iter().map(|picture| picture.name.as_str()).collect();
    let value = json!({
        "_type": "images/separated", "format": "png", "count": pictures.len(), "width": width, "height": height,
        "filenames": paths, "captions": captions, "all_masks": masks,
    });
    Ok(Media { value, files: written })
}
