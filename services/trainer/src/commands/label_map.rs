//! Label map of a model.

use std::path::Path;

use bcs_contracts::PackageMetadata;
use bcs_contracts::keys::METADATA_FILE;
use bcs_data::LabelMap;
use fs_err as fs;

use crate::error::{Error, Result};

/// The flag that chooses the label map, for messages.
const LABEL_MAP: &str = "--label-map";

/// Returns the label map of the command line, else of the model package, else the one with as many classes.
pub(super) fn label_map(name: Option<&str>, model: &Path, classes: usize) -> Result<LabelMap> {
    let map = if let Some(name) = name {
        LabelMap::load(name, LABEL_MAP)?
    } else if let Some(map) = label_map_of_package(model)? {
        map
    } else {
        let name = match classes {
            2 => "bcss-tumor",
            3 => "bcss-3class",
            5 => "bcss-5class",
            _ => {
                return Err(Error::Usage(format!(
                    "the model has {classes} classes and names no label map; choose one with {LABEL_MAP}"
                )));
            }
        };
        LabelMap::load(name, LABEL_MAP)?
    };
    if map.classes().len() != classes {
        return Err(Error::Usage(format!(
            "the label map {} has {} classes, the model {classes}; choose another with {LABEL_MAP}",
            map.name(),
            map.classes().len()
        )));
    }
    Ok(map)
}

fn label_map_of_package(model: &Path) -> Result<Option<LabelMap>> {
    let path = match model.is_dir() {
        true => model.join(METADATA_FILE),
        false => model.with_file_name(METADATA_FILE),
    };
    let metadata: Option<PackageMetadata> =
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some((labels, classes)) = metadata.and_then(|metadata| Some((metadata.labels?, metadata.classes)))
    else {
        return Ok(None);
    };
    Ok(Some(LabelMap::from_package(&labels, &classes, LABEL_MAP)?))
}
