use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bcs_storage::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::runtime::Runtime;

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::object::ObjectId;
use crate::observer::Observer;
use crate::remote::Source;

/// Number of bytes that are read in one request.
const PART: u64 = 8 << 20;

/// Longest time of a request, with its repetitions.
const TIME: Duration = Duration::from_secs(300);

/// Time between two looks at an object that another process downloads.
const WAIT: Duration = Duration::from_millis(200);

/// An object to download.
pub(crate) struct Download {
    /// The object.
    pub(crate) object: ObjectId,
    /// Where it is, or why it is nowhere.
    pub(crate) source: Result<Source, String>,
    /// Path of a file that has it, for messages.
    pub(crate) path: PathBuf,
}

/// Why an object was not downloaded.
enum Failure {
    /// It is missing or damaged: others may be downloaded still.
    Object(String),
    /// The remote or the disk cannot be used.
    Fatal(Error),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Fatal(error.into())
    }
}

/// Downloads objects to the cache, `jobs` at a time, and returns the number of bytes.
///
/// # Errors
/// [`Error::Objects`] with all that are missing or damaged, after the others were downloaded; [`Error::Storage`] and
/// [`Error::Io`] at once.
pub(crate) fn fetch(
    runtime: &Runtime,
    cache: &Cache,
    downloads: Vec<Download>,
    jobs: usize,
    observer: &Arc<dyn Observer>,
) -> Result<u64> {
    let tasks = downloads.into_iter().map(|item| {
        let (cache, observer) = (cache.clone(), Arc::clone(observer));
        runtime.spawn(async move {
            let bytes = download(&cache, &item, &*observer).await;
            observer.step();
            bytes
        })
    });
    runtime.block_on(async {
        // Tasks are spawned when the stream comes to them, so that `jobs` run at a time.
        let mut results = stream::iter(tasks).buffer_unordered(jobs);
        let (mut bytes, mut problems) = (0, Vec::new());
        while let Some(result) = results.next().await {
            match result.map_err(std::io::Error::other)? {
                Ok(downloaded) => bytes += downloaded,
                Err(Failure::Object(problem)) => problems.push(problem),
                Err(Failure::Fatal(error)) => return Err(error),
            }
        }
        problems.sort();
        if problems.is_empty() { Ok(bytes) } else { Err(Error::Objects(problems)) }
    })
}

async fn download(cache: &Cache, download: &Download, observer: &dyn Observer) -> Result<u64, Failure> {
    let Download { object, source, path } = download;
    let source = source
        .as_ref()
        .map_err(|reason| Failure::Object(format!("{} (object {object}): {reason}", path.display())))?;
    let mut unfinished = loop {
        match cache.begin(object)? {
            // Another process has finished it meanwhile.
            Some(unfinished) if cache.has(object) => {
                unfinished.discard()?;
                return Ok(0);
            }
            Some(unfinished) => break unfinished,
            None => tokio::time::sleep(WAIT).await,
        }
    };
    let mut downloaded = 0;
    loop {
        let resumed = unfinished.length() > 0;
        loop {
            let part =
                source.read(unfinished.length()).await.map_err(|error| source.failure(error, download))?;
            unfinished.append(&part)?;
            downloaded += part.len() as u64;
            observer.bytes(part.len() as u64);
            if (part.len() as u64) < PART {
                break;
            }
        }
        match cache.finish(unfinished, object)? {
            Ok(()) => return Ok(downloaded),
            // What an interrupted pull had left may be the cause.
            Err(_) if resumed => match cache.begin(object)? {
                Some(again) => unfinished = again,
                None => return Ok(downloaded),
            },
            Err(found) => {
                return Err(Failure::Object(format!(
                    "{} in {} is damaged: its md5 is {found}, and that of {} is {}; push it again with dvc push",
                    source.key,
                    source.store.name(),
                    path.display(),
                    object.md5(),
                )));
            }
        }
    }
}

impl Source {
    /// Reads the next part.
    async fn read(&self, start: u64) -> Result<Bytes, bcs_storage::Error> {
        let store = self.store.until(Instant::now() + TIME);
        let range = start..start + PART;
        match self.generation {
            Some(generation) => store.get_range_of(&self.key, generation, range).await,
            None => store.get_range(&self.key, range).await,
        }
    }

    fn failure(&self, error: bcs_storage::Error, download: &Download) -> Failure {
        match error {
            bcs_storage::Error::NotFound { .. } => Failure::Object(format!(
                "{} is not in {} (for {}); run dvc push where the data is",
                self.key,
                self.store.name(),
                download.path.display()
            )),
            error => error.into(),
        }
    }
}
