//! Where OpenVINO's libraries are.

use std::path::{Path, PathBuf};

use openvino_sys::library;

/// File that is loaded; it loads the others, which are in the same folder.
const FILE: &str = "libopenvino_c.so";

/// Folder that `scripts/setup` makes, with the structure of OpenVINO's own archives.
const SET_UP: &str = ".openvino/runtime/lib/intel64";

/// Loads OpenVINO unless it is loaded: from an installation that `OPENVINO_INSTALL_DIR` names or that is in a usual place,
/// from the folder `lib` beside that of the program, where containers have it, or from the folder `.openvino` that
/// `scripts/setup` makes, in a folder above the program.
///
/// # Errors
/// Why it can't be loaded.
pub(super) fn load() -> Result<(), String> {
    let Err(reason) = library::load() else { return Ok(()) };
    match std::env::current_exe().ok().and_then(|program| beside(&program)) {
        Some(path) => library::load_from(path).map_err(|reason| missing(&reason)),
        None => Err(missing(&reason)),
    }
}

fn missing(reason: &str) -> String {
    format!(
        "OpenVINO's libraries can't be loaded ({reason}); run scripts/setup, or set OPENVINO_INSTALL_DIR to an \
         installation of OpenVINO"
    )
}

fn beside(program: &Path) -> Option<PathBuf> {
    let in_container = program.parent()?.parent()?.join("lib").join(FILE);
    let in_checkout = program.ancestors().map(|folder| folder.join(SET_UP).join(FILE));
    std::iter::once(in_container).chain(in_checkout).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn libraries_are_found_in_containers_and_checkouts() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("target/debug/deps/program");
        assert_eq!(beside(&program), None);
        for place in [SET_UP, "target/debug/lib"] {
            fs::create_dir_all(folder.path().join(place)).unwrap();
            let file = folder.path().join(place).join(FILE);
            fs::write(&file, "").unwrap();
            assert_eq!(beside(&program), Some(file));
        }
    }
}
