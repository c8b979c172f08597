//! Event files of TensorBoard, uploaded while a run writes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bcs_storage::PutMode;
use fs_err as fs;

use super::bucket::Bucket;
use crate::error::Result;
use crate::output::warn;

/// Time between two uploads.
const INTERVAL: Duration = Duration::from_secs(30);

/// Part of the names of event files.
const EVENTS: &str = "tfevents";

/// Uploads the event files below a folder whenever they have grown, until it is dropped, which uploads them a last time.
pub(crate) struct Events {
    /// Ends the thread when it is dropped.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Events {
    /// Starts to upload event files to a location.
    ///
    /// # Errors
    /// [`crate::error::Error::Storage`] if it cannot be used.
    pub(crate) fn upload(folder: PathBuf, target: &Path) -> Result<Self> {
        let bucket = Bucket::open(target)?;
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let mut sizes = BTreeMap::new();
            loop {
                let is_last = ended.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout);
                // A run goes on without its event files.
                if let Err(error) = upload_grown(&bucket, &folder, &folder, &mut sizes) {
                    warn(&format!("event files are not uploaded: {error}"));
                }
                if is_last {
                    return;
                }
            }
        });
        Ok(Self { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was printed.
            let _ = thread.join();
        }
    }
}

/// Uploads the event files below `folder` whose size is another than at the last time, under their paths in `root`.
fn upload_grown(
    bucket: &Bucket,
    root: &Path,
    folder: &Path,
    sizes: &mut BTreeMap<PathBuf, u64>,
) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            upload_grown(bucket, root, &path, sizes)?;
        } else if name.contains(EVENTS) {
            let bytes = fs::read(&path)?;
            let size = bytes.len() as u64;
            if sizes.get(&path) != Some(&size) {
                let key = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
                bucket.put(&key, bytes.into(), PutMode::Overwrite)?;
                sizes.insert(path, size);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_files_are_uploaded_at_the_end_and_when_they_have_grown() {
        let work = tempfile::tempdir().unwrap();
        let (folder, target) = (work.path().join("output"), work.path().join("bucket"));
        fs::create_dir_all(folder.join("tensorboard")).unwrap();
        let events = Events::upload(folder.clone(), &target).unwrap();
        fs::write(folder.join("metrics.jsonl"), "{}").unwrap();
        let file = folder.join("tensorboard/events.out.tfevents.1");
        fs::write(&file, "one").unwrap();
        drop(events);
        let uploaded = target.join("tensorboard/events.out.tfevents.1");
        assert_eq!(fs::read_to_string(&uploaded).unwrap(), "one");
        assert!(!target.join("metrics.jsonl").exists());

        let (bucket, mut sizes) = (Bucket::open(&target).unwrap(), BTreeMap::from([(file.clone(), 3)]));
        fs::remove_file(&uploaded).unwrap();
        upload_grown(&bucket, &folder, &folder, &mut sizes).unwrap();
        assert!(!uploaded.exists());
        fs::write(&file, "one two").unwrap();
        upload_grown(&bucket, &folder, &folder, &mut sizes).unwrap();
        assert_eq!(fs::read_to_string(&uploaded).unwrap(), "one two");
    }
}
