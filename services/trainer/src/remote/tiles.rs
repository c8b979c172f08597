//! Tiles of a bucket, downloaded to the cache before they are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bcs_storage::{Entry, Store, Uri};
use fs_err as fs;
use futures_util::{StreamExt, stream};
use tempfile::Builder;

use super::bucket::Bucket;
use super::{cache, is_uri};
use crate::error::{Error, Result};
use crate::output::progress::Progress;

/// Number of simultaneous downloads.
const JOBS: usize = 16;

/// Limit of the times that stand for generations, in microseconds: the year 2112.
const LATEST: u64 = 1 << 52;

/// Returns the folder with the tiles of a location: the location itself, or the folder of the cache that the objects of a
/// `gs://` URI are downloaded to. Objects whose size and generation have not changed are not downloaded again; files whose
/// objects are gone are removed.
///
/// # Errors
/// [`Error::Storage`], also for content that does not have the checksum of its object; [`Error::Usage`] if there are no
/// objects.
pub(crate) fn fetch(location: &Path) -> Result<PathBuf> {
    if !is_uri(location) {
        return Ok(location.to_owned());
    }
    let Uri { bucket, prefix } = Uri::parse(&location.to_string_lossy())?;
    let folder = cache()?.join("tiles").join(bucket).join(prefix);
    fs::create_dir_all(&folder)?;
    // Of several processes, one downloads.
    let lock = fs::File::create(folder.with_extension("lock"))?;
    lock.file().lock()?;
    synchronize(&Bucket::open(location)?, &folder, location)?;
    Ok(folder)
}

fn synchronize(bucket: &Bucket, folder: &Path, location: &Path) -> Result<()> {
    let objects: BTreeMap<String, Entry> = bucket
        .list("")?
        .into_iter()
        .filter(|entry| !entry.key.contains('/'))
        .map(|entry| (entry.key.clone(), entry))
        .collect();
    if objects.is_empty() {
        return Err(Error::Usage(format!(
            "{}: there are no objects; correct the location",
            location.display()
        )));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && !objects.contains_key(&*entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    let changed: Vec<Entry> = objects.into_values().filter(|entry| !is_current(folder, entry)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    println!("{}: downloading {} objects to {}", location.display(), changed.len(), folder.display());
    let progress = Arc::new(Progress::new("Downloading tiles", changed.len(), "tiles"));
    let downloads = changed.into_iter().map(|entry| {
        let (store, folder, progress) = (bucket.store(), folder.to_owned(), Arc::clone(&progress));
        bucket.runtime().spawn(async move {
            let result = download(&*store, &folder, &entry).await;
            progress.step();
            result
        })
    });
    bucket.runtime().block_on(async {
        let mut results = stream::iter(downloads).buffer_unordered(JOBS);
        while let Some(result) = results.next().await {
            result.map_err(std::io::Error::other)??;
        }
        Ok(())
    })
}

/// Whether a file has the content of an object: its size, and the time that stands for its generation.
fn is_current(folder: &Path, entry: &Entry) -> bool {
    let modified = |metadata: std::fs::Metadata| {
        metadata.modified().is_ok_and(|time| metadata.len() == entry.size && time == time_of(entry))
    };
    fs::metadata(folder.join(&entry.key)).is_ok_and(modified)
}

/// Time of modification that stands for the generation of an object, which is a number of microseconds in Google's store.
fn time_of(entry: &Entry) -> SystemTime {
    // Folders have larger numbers than file systems can keep.
    UNIX_EPOCH + Duration::from_micros(entry.generation.0.unsigned_abs() % LATEST)
}

async fn download(store: &dyn Store, folder: &Path, entry: &Entry) -> Result<()> {
    let object = store.read(&entry.key).await?;
    let mut file = Builder::new().prefix(".unfinished-").tempfile_in(folder)?;
    std::io::Write::write_all(&mut file, &object.bytes)?;
    let newest = Entry { generation: object.generation, ..entry.clone() };
    file.as_file().set_modified(time_of(&newest))?;
    file.persist(folder.join(&entry.key)).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use bcs_storage::PutMode;

    use super::*;

    #[test]
    fn only_what_has_changed_is_downloaded() {
        let work = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(&work.path().join("bucket")).unwrap();
        let folder = work.path().join("tiles");
        fs::create_dir(&folder).unwrap();
        let put =
            |key: &str, content: &'static str| bucket.put(key, content.into(), PutMode::Overwrite).unwrap();
        let location = Path::new("gs://bucket/train");
        let error = synchronize(&bucket, &folder, location).unwrap_err().to_string();
        assert!(error.contains("gs://bucket/train: there are no objects"), "{error}");

        ["a.png", "b.png", "below/c.png"].iter().for_each(|key| put(key, "1"));
        fs::write(folder.join("gone.png"), "0").unwrap();
        synchronize(&bucket, &folder, location).unwrap();
        let files = || {
            let mut files: Vec<(String, String)> = fs::read_dir(&folder)
                .unwrap()
                .map(|entry| entry.unwrap())
                .map(|entry| {
                    (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
                })
                .collect();
            files.sort();
            files
        };
        let pair = |name: &str, content: &str| (name.to_owned(), content.to_owned());
        assert_eq!(files(), [pair("a.png", "1"), pair("b.png", "1")]);

        // What keeps size and time is not read again.
        let path = folder.join("a.png");
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "x").unwrap();
        fs::File::options().write(true).open(&path).unwrap().file().set_modified(time).unwrap();
        put("b.png", "2");
        synchronize(&bucket, &folder, location).unwrap();
        assert_eq!(files(), [pair("a.png", "x"), pair("b.png", "2")]);
    }
}
