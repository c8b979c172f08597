//! Which images are meant by a path.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Endings of the formats that are read.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "tif", "tiff", "webp", "bmp"];

/// The image at a path, or those in the folder there, by name.
///
/// # Errors
/// [`Failure::Usage`], where there is none, two would be written under one name, or they would be written among
/// themselves.
pub(super) fn find(input: &Path, output: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("{} can't be read: {error}; correct --input", input.display()))
    };
    if !fs::metadata(input).map_err(unreadable)?.is_dir() {
        return Ok(vec![input.to_owned()]);
    }
    if let (Ok(from), Ok(to)) = (input.canonicalize(), output.canonicalize())
        && from == to
    {
        return Err(Failure::usage(format!(
            "--output is the folder of the images ({}): the next run would segment the overlays; choose another",
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
            "there is no image ({}) in {}",
            ENDINGS.join(", "),
            input.display()
        )));
    }
    check_names(&images)?;
    Ok(images)
}

/// A file's name without its ending.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending))
}

fn check_names(images: &[PathBuf]) -> Result<(), Failure> {
    let mut names = BTreeMap::new();
    for image in images {
        if let Some(other) = names.insert(stem(image), image) {
            return Err(Failure::usage(format!(
                "{} and {} would be written under one name; rename one of them",
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
    fn a_folder_is_its_images_by_name() {
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
