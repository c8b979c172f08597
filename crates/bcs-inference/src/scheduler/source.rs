use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::model::{Model, has_extension, open};
use crate::options::Options;

/// A place where a model is.
pub trait ModelSource: Send {
    /// Returns a text that changes when there is another model.
    fn fingerprint(&self) -> String;

    /// Opens the model.
    ///
    /// # Errors
    /// [`Error::Model`].
    fn open(&self) -> Result<Model, Error>;
}

/// A model at a path, or a pointer to it: a `.txt` file with the path of the model, relative to its own folder. Writing
/// another path into the pointer replaces the model in one step.
#[derive(Debug, Clone)]
pub struct ModelFile {
    /// Path of the model or the pointer.
    pub path: PathBuf,
    /// How it is opened.
    pub options: Options,
}

impl ModelFile {
    /// Returns the path of the model.
    fn target(&self) -> Result<PathBuf, Error> {
        if !has_extension(&self.path, &["txt"]) {
            return Ok(self.path.clone());
        }
        let error = |reason: &str| Error::Model(format!("{}: {reason}", self.path.display()));
        let text = fs::read_to_string(&self.path).map_err(|reason| error(&reason.to_string()))?;
        match text.trim() {
            "" => Err(error("it is empty; write the path of a model into it")),
            line if line.contains('\n') => {
                Err(error("it has several lines; write the path of one model into it"))
            }
            line => Ok(self.path.parent().unwrap_or(Path::new("")).join(line)),
        }
    }
}

impl ModelSource for ModelFile {
    /// The path, and name, size and time of modification of each file.
    fn fingerprint(&self) -> String {
        let Ok(target) = self.target() else { return String::new() };
        let mut files = vec![target.clone()];
        let entries = fs::read_dir(&target).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path()));
        files.sort_unstable();
        let mut text = String::new();
        for file in files {
            let metadata = fs::metadata(&file).ok();
            let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
            let length = metadata.filter(fs::Metadata::is_file).map(|metadata| metadata.len());
            // Writing to a string does not fail.
            let _ = writeln!(text, "{} {length:?} {modified:?}", file.display());
        }
        text
    }

    fn open(&self) -> Result<Model, Error> {
        open(&self.target()?, &self.options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_names_a_model_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for version in ["1", "2"] {
            let text = serde_json::json!({
                "version": version,
                "architecture": {"name": "Fake", "arguments": {"weights": [[0, 0, 0], [1, -1, 0]]}},
            });
            fs::write(path(&format!("{version}.json")), text.to_string()).unwrap();
        }
        let source = ModelFile { path: path("current.txt"), options: Options::on("cpu") };
        assert!(source.open().unwrap_err().to_string().contains("current.txt"));
        let mut fingerprints = vec![source.fingerprint()];
        for version in ["1", "2"] {
            fs::write(&source.path, format!("{version}.json\n")).unwrap();
            assert_eq!(source.open().unwrap().info.version, version);
            fingerprints.push(source.fingerprint());
        }
        fs::write(path("2.json"), "{}").unwrap();
        assert!(source.open().is_err());
        fingerprints.push(source.fingerprint());
        for (at, fingerprint) in fingerprints.iter().enumerate() {
            assert!(!fingerprints[..at].contains(fingerprint), "{fingerprint}");
        }
        fs::write(&source.path, "\n").unwrap();
        assert!(source.open().unwrap_err().to_string().contains("empty"));
    }
}
