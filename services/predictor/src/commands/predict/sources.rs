//! Image files that `--input` names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bcs_imaging::{EXTENSIONS, is_image};
use bcs_service::Failure;

/// Returns the file `input`, or the images in the folder `input`, sorted by name.
///
/// # Errors
/// [`Failure::Usage`] if there is no image, if the outputs of two images would have the same name, or if `output` is
/// the folder of the images.
pub(super) fn find(input: &Path, output: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("cannot read {}: {error}; correct --input", input.display()))
    };
    if !fs::metadata(input).map_err(unreadable)?.is_dir() {
        return Ok(vec![input.to_owned()]);
    }
    if let (Ok(from), Ok(to)) = (input.canonicalize(), output.canonicalize())
        && from == to
    {
        return Err(Failure::usage(format!(
            "--output is the folder of the images ({}), so the next run would segment the overlays; choose another folder",
            to.display()
        )));
    }
    let mut images = Vec::new();
    for entry in fs::read_dir(input).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() && is_image(&path) {
            images.push(path);
        }
    }
    images.sort_unstable();
    if images.is_empty() {
        return Err(Failure::usage(format!(
            "no image ({}) in {}; correct --input",
            EXTENSIONS.join(", "),
            input.display()
        )));
    }
    check_names(&images)?;
    Ok(images)
}

/// Returns the file name without its extension.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn check_names(images: &[PathBuf]) -> Result<(), Failure> {
    let mut names = BTreeMap::new();
    for image in images {
        if let Some(other) = names.insert(stem(image), image) {
            return Err(Failure::usage(format!(
                "the outputs of {} and {} would have the same name; rename one of the images",
                other.display(),
                image.display()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_a_folder_are_sorted_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let output = path("out");
        assert!(find(folder.path(), &output).unwrap_err().to_string().contains("no image"));
        for name in ["b.PNG", "a.jpg", "notes.txt"] {
            fs::write(path(name), "").unwrap();
        }
        assert_eq!(find(folder.path(), &output).unwrap(), [path("a.jpg"), path("b.PNG")]);
        assert!(find(folder.path(), folder.path()).is_err());
        fs::write(path("a.tif"), "").unwrap();
        assert!(find(folder.path(), &output).unwrap_err().to_string().contains("a.tif"));
        assert_eq!(find(&path("notes.txt"), &output).unwrap(), [path("notes.txt")]);
        assert!(find(&path("missing"), &output).is_err());
    }
}
