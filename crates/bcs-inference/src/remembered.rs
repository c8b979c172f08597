//! The engine that was the fastest for a model on this machine, kept in the cache folder, so that the next start does not
//! measure again.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;

use bcs_contracts::keys::METADATA_FILE;

use crate::options::Options;

/// File of the choice for a model.
pub(crate) struct Remembered(Option<PathBuf>);

impl Remembered {
    /// Creates the file's name from all that decides which engine is the fastest: the package, the device, the precision, the
    /// processor, and the version of this program. Without a cache folder, and for a model that is not a package, nothing is
    /// remembered.
    pub(crate) fn new(model: &Path, options: &Options) -> Self {
        let file = options.cache.as_ref().and_then(|cache| {
            let package = fs::read(model.join(METADATA_FILE)).ok()?;
            let cores = thread::available_parallelism().map_or(0, usize::from);
            let mut hasher = DefaultHasher::new();
            let (device, precision) = (device(options), format!("{:?}", options.precision));
            (package, device, precision, processor(), cores, env!("CARGO_PKG_VERSION")).hash(&mut hasher);
            Some(cache.join(format!("engine-{:016x}.txt", hasher.finish())))
        });
        Self(file)
    }

    /// Returns the name of the engine, if it is known.
    pub(crate) fn engine(&self) -> Option<String> {
        let name = fs::read_to_string(self.0.as_ref()?).ok()?;
        Some(name.trim().to_owned())
    }

    /// Keeps the name of an engine. If that fails, the engines are measured again at the next start.
    pub(crate) fn keep(&self, engine: &str) {
        let Some(file) = &self.0 else { return };
        let write = || -> std::io::Result<()> {
            let folder = file.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let mut new = tempfile::NamedTempFile::new_in(folder)?;
            writeln!(new, "{engine}")?;
            new.persist(file)?;
            Ok(())
        };
        if let Err(error) = write() {
            tracing::warn!(error = error.to_string(), "The choice of the engine can't be kept.");
        }
    }
}

/// Name of the device, where it is known without opening the model: `auto` may be a GPU.
#[cfg(feature = "libtorch")]
fn device(options: &Options) -> String {
    crate::libtorch::device(options).unwrap_or_default()
}

#[cfg(not(feature = "libtorch"))]
fn device(options: &Options) -> String {
    options.device.clone()
}

/// Name of the processor, where Linux tells it.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines().find(|line| line.starts_with("model name")).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Precision;

    #[test]
    fn a_choice_is_kept_for_the_same_package_and_precision() {
        let folder = tempfile::tempdir().unwrap();
        let (model, cache) = (folder.path().join("model"), folder.path().join("cache"));
        fs::create_dir(&model).unwrap();
        fs::write(model.join(METADATA_FILE), "one").unwrap();
        let options = Options { cache: Some(cache), ..Options::on("cpu") };
        let engine = |options: &Options| Remembered::new(&model, options).engine();
        assert_eq!(engine(&options), None);
        Remembered::new(&model, &options).keep("openvino");
        assert_eq!(engine(&options).as_deref(), Some("openvino"));
        assert_eq!(engine(&Options { precision: Precision::Bfloat16, ..options.clone() }), None);
        fs::write(model.join(METADATA_FILE), "two").unwrap();
        assert_eq!(engine(&options), None);
        // Without a folder, nothing is kept.
        let none = Options { cache: None, ..options };
        Remembered::new(&model, &none).keep("openvino");
        assert_eq!(engine(&none), None);
    }
}
