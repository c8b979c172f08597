//! Images in buckets, which requests name by their URI.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bcs_storage::{Store, Uri};
use bytes::Bytes;

use crate::error::Error;

/// Largest number of buckets that are kept open.
const MAX_OPEN: usize = 64;

/// Reads images from buckets, which stay open: credentials and connections are made once.
#[derive(Default)]
pub struct SourceObjects {
    open: Mutex<HashMap<String, Arc<dyn Store>>>,
}

impl SourceObjects {
    /// Reads the object `gs://BUCKET/KEY`, up to `limit` bytes.
    ///
    /// # Errors
    /// [`Error::Source`] if it is not the URI of an object, or may not be read; [`Error::NoObject`];
    /// [`Error::UploadTooLarge`]; [`Error::SourceStore`] if the bucket cannot be reached.
    pub async fn read(&self, uri: &str, limit: u64, deadline: Instant) -> Result<Bytes, Error> {
        let invalid = |reason: String| Error::Source { uri: uri.to_owned(), reason };
        let parsed = Uri::parse(uri).map_err(|error| invalid(error.to_string()))?;
        if parsed.prefix.is_empty() {
            return Err(invalid("it names a bucket, not an object".to_owned()));
        }
        let failed = |error| match error {
            bcs_storage::Error::NotFound { .. } => Error::NoObject(uri.to_owned()),
            bcs_storage::Error::PermissionDenied { .. } => invalid(
                "the server may not read it; give its service account the role Storage Object Viewer"
                    .to_owned(),
            ),
            other => Error::SourceStore(other),
        };
        let store = self.store(&parsed.bucket).await.map_err(failed)?;
        let bytes = store.until(deadline).get_range(&parsed.prefix, 0..limit + 1).await.map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(Error::UploadTooLarge { limit });
        }
        Ok(bytes)
    }

    async fn store(&self, bucket: &str) -> Result<Arc<dyn Store>, bcs_storage::Error> {
        if let Some(store) = self.locked().get(bucket) {
            return Ok(Arc::clone(store));
        }
        let store = bcs_storage::open_as_it_is(&format!("{}{bucket}", bcs_storage::uri::SCHEME)).await?;
        let mut open = self.locked();
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        open.insert(bucket.to_owned(), Arc::clone(&store));
        Ok(store)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<dyn Store>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
