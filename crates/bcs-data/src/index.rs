//! Image and mask paired by name, never by position.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Problem};

/// File endings that are read as images.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "tif", "tiff", "webp", "bmp"];

/// An image and its mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// What they share: the file name without its ending.
    pub name: String,
    /// The image.
    pub image: PathBuf,
    /// Its mask.
    pub mask: PathBuf,
}

/// Pairs the images of a folder with the masks of another, in the order of their names.
///
/// # Errors
/// [`Error::Folder`] for one that is missing or has no image; [`Error::Files`] naming every image without a mask
/// and every mask without an image.
pub fn pairs(images: &Path, masks: &Path) -> Result<Vec<Pair>, Error> {
    let mut problems = Vec::new();
    let image_files = files(images, &mut problems)?;
    let mut mask_files = files(masks, &mut problems)?;
    let mut pairs = Vec::with_capacity(image_files.len());
    for (name, image) in image_files {
        match mask_files.remove(&name) {
            Some(mask) => pairs.push(Pair { name, image, mask }),
            None => {
                let reason = format!("has no mask of the same name in {}", masks.display());
                problems.push(Problem { path: image, reason });
            }
        }
    }
    for path in mask_files.into_values() {
        let reason = format!("is a mask without an image of the same name in {}", images.display());
        problems.push(Problem { path, reason });
    }
    if problems.is_empty() { Ok(pairs) } else { Err(Error::Files { problems }) }
}

/// The images of a folder, by file name without ending, in the order of their names.
///
/// # Errors
/// [`Error::Folder`]; [`Error::Files`] for two files of the same name.
pub fn images(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut problems = Vec::new();
    let files = files(folder, &mut problems)?;
    if problems.is_empty() { Ok(files) } else { Err(Error::Files { problems }) }
}

fn files(folder: &Path, problems: &mut Vec<Problem>) -> Result<BTreeMap<String, PathBuf>, Error> {
    let error = |reason: String| Error::Folder { path: folder.to_owned(), reason };
    let entries = std::fs::read_dir(folder).map_err(|reason| error(reason.to_string()))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|reason| error(reason.to_string()))?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        if !ENDINGS.contains(&ending.as_str()) || path.is_dir() {
            continue;
        }
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned) else {
            problems.push(Problem { path, reason: "its name is not valid UTF-8".to_owned() });
            continue;
        };
        // Hidden files are somebody else's: macOS leaves a "._" beside every file it copies.
        if name.starts_with('.') {
            continue;
        }
        if let Some(other) = files.insert(name, path.clone()) {
            problems.push(Problem { path, reason: format!("has the same name as {}", other.display()) });
        }
    }
    if files.is_empty() {
        return Err(error(format!("there is no image in it ({})", ENDINGS.join(", "))));
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
    fn pairs_are_made_by_name_whatever_the_ending() {
        let (_root, images, masks) =
            folders(&["b.png", "a.jpg", "notes.txt", "._a.png"], &["a.png", "b.png"]);
        let pairs = pairs(&images, &masks).unwrap();
        let names: Vec<_> = pairs.iter().map(|pair| pair.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(pairs[0].image.ends_with("a.jpg") && pairs[0].mask.ends_with("a.png"));
    }

    #[test]
    fn every_file_without_its_other_half_is_named() {
        let (_root, images, masks) = folders(&["a.png", "b.png", "b.jpg"], &["b.png", "c.png"]);
        let Error::Files { problems } = pairs(&images, &masks).unwrap_err() else { panic!("files") };
        let text = Error::Files { problems: problems.clone() }.to_string();
        assert_eq!(problems.len(), 3, "{text}");
        for part in ["a.png: has no mask", "c.png: is a mask without", "same name"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn missing_and_empty_folders_are_named() {
        let (root, images, masks) = folders(&[], &["a.png"]);
        let error = pairs(&images, &masks).unwrap_err().to_string();
        assert!(error.contains("train: there is no image"), "{error}");
        let error = pairs(&root.path().join("gone"), &masks).unwrap_err().to_string();
        assert!(error.contains("gone"), "{error}");
    }
}
