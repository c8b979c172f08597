//! Images that `--input` names: a file, a folder, an object, or all objects under a prefix.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bcs_imaging::{EXTENSIONS, is_image};
use bcs_service::Failure;
use bcs_storage::{Store, Uri, uri};
use bytes::Bytes;

/// An image to segment.
pub(super) struct Input {
    /// Name of its outputs: the path below the folder or prefix, without the extension.
    pub name: String,
    location: Location,
}

enum Location {
    File(PathBuf),
    Object(Arc<dyn Store>, String),
}

impl Input {
    /// Path or URI, for messages.
    pub(super) fn path(&self) -> String {
        match &self.location {
            Location::File(path) => path.display().to_string(),
            Location::Object(store, key) => format!("{}/{key}", store.name()),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// The reason, as a sentence without the path.
    pub(super) async fn read(&self) -> Result<Bytes, String> {
        match &self.location {
            Location::File(path) => {
                fs::read(path).map(Bytes::from).map_err(|error| format!("cannot read the file: {error}"))
            }
            Location::Object(store, key) => store.get(key).await.map_err(|error| error.to_string()),
        }
    }
}

/// Returns the image, or all images in the folder or under the prefix, sorted by name.
///
/// # Errors
/// [`Failure::Usage`] if there is no image, if the outputs of two images would have the same name, or if `output` is where
/// the images are.
pub(super) async fn find(input: &str, output: &str) -> Result<Vec<Input>, Failure> {
    let images = if uri::is_uri(input) {
        if input.trim_end_matches('/') == output.trim_end_matches('/') {
            return Err(same_place(output));
        }
        objects(input).await?
    } else {
        files(Path::new(input), Path::new(output))?
    };
    if images.is_empty() {
        return Err(Failure::usage(format!(
            "no image ({}) in {input}; correct --input",
            EXTENSIONS.join(", ")
        )));
    }
    check_names(&images)?;
    Ok(images)
}

fn same_place(output: &str) -> Failure {
    Failure::usage(format!(
        "--output is the folder of the images ({output}), so the next run would segment the overlays; choose another folder"
    ))
}

fn files(input: &Path, output: &Path) -> Result<Vec<Input>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("cannot read {}: {error}; correct --input", input.display()))
    };
    let file = |path: PathBuf| {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Input { name, location: Location::File(path) }
    };
    if !fs::metadata(input).map_err(unreadable)?.is_dir() {
        return Ok(vec![file(input.to_owned())]);
    }
    if let (Ok(from), Ok(to)) = (input.canonicalize(), output.canonicalize())
        && from == to
    {
        return Err(same_place(&to.display().to_string()));
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(input).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() && is_image(&path) {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths.into_iter().map(file).collect())
}

async fn objects(input: &str) -> Result<Vec<Input>, Failure> {
    let Uri { bucket, prefix } = Uri::parse(input).map_err(Failure::usage)?;
    let failed = |error: bcs_storage::Error| Failure::failed(format!("{error}; correct --input"));
    let store = bcs_storage::open_as_it_is(&format!("{}{bucket}", uri::SCHEME)).await.map_err(failed)?;
    let keys = store.list(&prefix).await.map_err(failed)?;
    let object = |key: &str, name: &str| Input {
        name: name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned(),
        location: Location::Object(Arc::clone(&store), key.to_owned()),
    };
    if keys.contains(&prefix) {
        let name = prefix.rsplit('/').next().unwrap_or(&prefix);
        return Ok(vec![object(&prefix, name)]);
    }
    let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let images = keys.iter().filter(|key| is_image(Path::new(key)));
    Ok(images.filter_map(|key| Some(object(key, key.strip_prefix(&folder)?))).collect())
}

fn check_names(images: &[Input]) -> Result<(), Failure> {
    let mut names = BTreeMap::new();
    for image in images {
        if let Some(other) = names.insert(&image.name, image.path()) {
            return Err(Failure::usage(format!(
                "the outputs of {} and {other} would have the same name; rename one of the images",
                image.path()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn names(input: &Path, output: &Path) -> Result<Vec<String>, String> {
        let found = find(input.to_str().unwrap(), output.to_str().unwrap()).await;
        found
            .map(|found| found.into_iter().map(|image| image.name).collect())
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn images_of_a_folder_are_sorted_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let output = path("out");
        assert!(names(folder.path(), &output).await.unwrap_err().contains("no image"));
        for name in ["b.PNG", "a.jpg", "notes.txt"] {
            fs::write(path(name), "").unwrap();
        }
        assert_eq!(names(folder.path(), &output).await.unwrap(), ["a", "b"]);
        assert!(names(folder.path(), folder.path()).await.is_err());
        fs::write(path("a.tif"), "").unwrap();
        assert!(names(folder.path(), &output).await.unwrap_err().contains("a.tif"));
        assert_eq!(names(&path("notes.txt"), &output).await.unwrap(), ["notes"]);
        assert!(names(&path("missing"), &output).await.is_err());
        assert!(find("gs://bucket/a/", "gs://bucket/a").await.is_err());
    }
}
