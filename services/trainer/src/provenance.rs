//! Origin of a model.

use std::path::{Path, PathBuf};
use std::process::Command;

use bcs_contracts::package::Provenance;
use bcs_model::package::sha256;

/// File with the version of libtorch, in the folder above its libraries.
const BUILD_VERSION_FILE: &str = "build-version";

/// File with the version of PyTorch, in the folder above the libraries of its Python package.
const PYTHON_VERSION_FILE: &str = "version.py";

/// Returns the origin of a package that is made now, from this configuration.
pub(crate) fn provenance(config_yaml: &str, seed: Option<i64>) -> Provenance {
    Provenance {
        created_by: format!("bcs-trainer {}", env!("CARGO_PKG_VERSION")),
        created: jiff::Timestamp::now().to_string(),
        git_revision: git_revision().unwrap_or_default(),
        config_sha256: sha256(config_yaml.as_bytes()),
        seed,
        libtorch: libtorch_version(),
    }
}

/// Returns the version of the libtorch that this process has loaded. libtorch has no symbol for it that tch can call, so
/// the version is read from the file that is shipped beside the loaded library; without one, the path of the library is
/// returned, and an empty text where the loaded libraries are not known.
pub(crate) fn libtorch_version() -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    loaded_library(&maps).map(|library| version_of(&library)).unwrap_or_default()
}

/// Path of `libtorch_cpu.so` in the memory map of a process (`/proc/PID/maps`).
fn loaded_library(maps: &str) -> Option<PathBuf> {
    // The path is the sixth column, and may contain spaces.
    let paths = maps.lines().filter_map(|line| line.find('/').map(|start| Path::new(&line[start..])));
    let mut libraries = paths.filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libtorch_cpu."))
    });
    libraries.next().map(Path::to_owned)
}

/// Version of the libtorch that a library belongs to, else the path of the library.
fn version_of(library: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(library.parent()?.parent()?.join(name)).ok();
    let from_build = || read(BUILD_VERSION_FILE).map(|text| text.trim().to_owned());
    // __version__ = '2.11.0+cpu'
    let from_python = || {
        let text = read(PYTHON_VERSION_FILE)?;
        let line = text.lines().find(|line| line.starts_with("__version__"))?;
        line.split(['\'', '"']).nth(1).map(str::to_owned)
    };
    from_build()
        .or_else(from_python)
        .filter(|version| !version.is_empty())
        .unwrap_or_else(|| library.display().to_string())
}

/// Environment variable with the revision that the program was built from, which the container image sets.
const REVISION_VARIABLE: &str = "BCS_REVISION";

/// Returns the git revision of the working folder, with `-dirty` if it has uncommitted changes, or that of the container
/// image; `None` outside both.
pub(crate) fn git_revision() -> Option<String> {
    git_revision_of_working_folder().or_else(|| std::env::var(REVISION_VARIABLE).ok())
}

fn git_revision_of_working_folder() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() { revision } else { format!("{revision}-dirty") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_loaded_library() {
        // A call into libtorch, so that the linker keeps it.
        assert!(tch::Tensor::from(1.0).double_value(&[]) > 0.0);
        let version = libtorch_version();
        assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{version}");
    }

    #[test]
    fn another_library_has_another_version() {
        let root = tempfile::tempdir().unwrap();
        let library = |name: &str| root.path().join(name).join("lib/libtorch_cpu.so");
        for (name, file, text) in [
            ("a b", BUILD_VERSION_FILE, "2.11.0+cpu\n"),
            ("b", BUILD_VERSION_FILE, "2.12.1+cu130\n"),
            ("c", PYTHON_VERSION_FILE, "__all__ = []\n__version__ = '2.10.0+cpu'\n"),
        ] {
            std::fs::create_dir_all(library(name).parent().unwrap()).unwrap();
            std::fs::write(root.path().join(name).join(file), text).unwrap();
        }
        for (name, expected) in [("a b", "2.11.0+cpu"), ("b", "2.12.1+cu130"), ("c", "2.10.0+cpu")] {
            let maps = format!(
                "7f00-7f01 r-xp 00000000 08:01 131 /usr/lib/libc.so.6\n7f10-7f20 r-xp 00000000 00:00 0 [stack]\n\
                 7f30-7f40 r-xp 00000000 08:01 132                     {}\n",
                library(name).display()
            );
            assert_eq!(version_of(&loaded_library(&maps).unwrap()), expected);
        }
        assert_eq!(version_of(&library("gone")), library("gone").display().to_string());
        assert_eq!(loaded_library("7f10-7f20 r-xp 00000000 00:00 0 [stack]\n"), None);
    }
}
