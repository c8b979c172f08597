//! The config tree `config/hydra`, built into the program so that it works from any folder.

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../config/hydra/", $path)))),*]
    };
}

/// Config files by their path in the tree. They are the one source of default values.
pub(super) const BUILT_IN: bcs_config::BuiltIn = files![
    "config_hydra.yaml",
    "train_hyp/train_hyp_default.yaml",
    "train_hyp/train_hyp_gcp_cpu.yaml",
    "train_hyp/train_hyp_gcp_gpu.yaml",
    "model_hyp/model_hyp_default.yaml",
    "data/data_default.yaml",
    "augmentation/geometry.yaml",
    "augmentation/he.yaml",
    "augmentation/none.yaml",
    "augmentation/strong.yaml",
    "unittest/unittest_default.yaml",
    "evidently/evidently_default.yaml",
    "sweep/grid.yaml",
    "sweep/random.yaml",
];

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use fs_err as fs;

    use super::*;

    #[test]
    fn every_file_of_the_tree_is_built_in() {
        let tree = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/hydra");
        let mut count = 0;
        for entry in fs::read_dir(&tree).unwrap().map(|entry| entry.unwrap().path()) {
            count += if entry.is_dir() { fs::read_dir(entry).unwrap().count() } else { 1 };
        }
        assert_eq!(count, BUILT_IN.len(), "a file of config/hydra is missing in BUILT_IN");
    }
}
