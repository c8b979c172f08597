//! Image files and the masks of the same names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bcs_imaging::{EXTENSIONS, is_image};

use crate::error::{Error, Problem};

/// An image file and its mask file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// File name without extension, which both share.
    pub name: String,
    /// Path of the image.
    pub image: PathBuf,
    /// Path of the mask.
    pub mask: PathBuf,
}

/// Pairs the images of one folder with the masks of another by name, sorted by name.
///
/// # Errors
/// [`Error::Folder`] if a folder is missing or has no images; [`Error::Files`] names every image without a mask and every
/// mask without an image.
pub fn pairs(images: &Path, masks: &Path) -> Result<Vec<Pair>, Error> {
    let mut problems = Vec::new();
    let image_files = files(images, &mut problems)?;
    let mut mask_files = files(masks, &mut problems)?;
    let mut pairs = Vec::with_capacity(image_files.len());
    for (name, image) in image_files {
        match mask_files.remove(&name) {
            Some(mask) => pairs.push(Pair { name, image, mask }),
            None => {
                let reason = format!(
                    "has no mask of the same name in {}; add the mask or remove the image",
                    masks.display()
                );
                problems.push(Problem { path: image, reason });
            }
        }
    }
    for path in mask_files.into_values() {
        let reason = format!(
            "has no image of the same name in {}; add the image or remove the mask",
            images.display()
        );
        problems.push(Problem { path, reason });
    }
    if problems.is_empty() { Ok(pairs) } else { Err(Error::Files { problems }) }
}

/// Returns the images of a folder, sorted by name.
///
/// # Errors
/// [`Error::Folder`] if the folder is missing or has no images; [`Error::Files`] names every image that cannot be used.
pub fn images(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut problems = Vec::new();
    let files = files(folder, &mut problems)?;
    if problems.is_empty() { Ok(files.into_values().collect()) } else { Err(Error::Files { problems }) }
}

/// Image files of a folder by their names without extension.
fn files(folder: &Path, problems: &mut Vec<Problem>) -> Result<BTreeMap<String, PathBuf>, Error> {
    let error = |reason: String| Error::Folder { path: folder.to_owned(), reason };
    let entries = std::fs::read_dir(folder).map_err(|reason| error(reason.to_string()))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|reason| error(reason.to_string()))?.path();
        if !is_image(&path) || path.is_dir() {
            continue;
        }
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) else {
            problems
                .push(Problem { path, reason: "has a name that is not valid UTF-8; rename it".to_owned() });
            continue;
        };
        // macOS leaves a hidden "._" file beside every file that it copies to some file systems.
        if name.starts_with('.') {
            continue;
        }
        if let Some(other) = files.insert(name, path.clone()) {
            problems.push(Problem {
                path,
                reason: format!("has the same name as {}; keep one of them", other.display()),
            });
        }
    }
    if files.is_empty() {
        return Err(error(format!("has no images ({})", EXTENSIONS.join(", "))));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn folders(images: &[&str], masks: &[&str]) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let fill = |folder: &str, names: &[&str]| {
            let folder = root.path().join(folder);
            fs::create_dir(&folder).unwrap();
            for name in names {
                fs::write(folder.join(name), "").unwrap();
            }
            folder
        };
        let (images, masks) = (fill("train", images), fill("train_mask", masks));
        (root, images, masks)
    }

    #[test]
    fn files_are_paired_by_name_whatever_their_extensions() {
        let (_root, images, masks) =
            folders(&["b.png", "a.jpg", "notes.txt", "._a.png"], &["a.png", "b.png"]);
        let pairs = pairs(&images, &masks).unwrap();
        let names: Vec<_> = pairs.iter().map(|pair| pair.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(pairs[0].image.ends_with("a.jpg") && pairs[0].mask.ends_with("a.png"));
        assert_eq!(super::images(&images).unwrap(), [images.join("a.jpg"), images.join("b.png")]);
    }

    #[test]
    fn files_without_a_counterpart_are_errors() {
        let (_root, images, masks) = folders(&["a.png", "b.png", "b.jpg"], &["b.png", "c.png"]);
        let Error::Files { problems } = pairs(&images, &masks).unwrap_err() else { panic!("files") };
        let text = Error::Files { problems: problems.clone() }.to_string();
        assert_eq!(problems.len(), 3, "{text}");
        assert!(super::images(&images).unwrap_err().to_string().contains("same name"));
        for part in ["a.png: has no mask", "c.png: has no image", "same name"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn missing_and_empty_folders_are_errors() {
        let (root, images, masks) = folders(&[], &["a.png"]);
        let error = pairs(&images, &masks).unwrap_err().to_string();
        assert!(error.contains("train: has no images"), "{error}");
        let error = pairs(&root.path().join("gone"), &masks).unwrap_err().to_string();
        assert!(error.contains("gone"), "{error}");
    }
}
