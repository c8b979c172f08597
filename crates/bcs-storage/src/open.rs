use std::sync::Arc;

use crate::error::Error;
use crate::gcs::{Endpoint, GcsStore};
use crate::local::LocalStore;
use crate::store::Store;
use crate::uri::{self, Uri};

/// Opens the store that a setting names: `gs://BUCKET` or `gs://BUCKET/PREFIX` in Google Cloud Storage, else a folder,
/// which is created if it does not exist. Buckets are not created, and no request is sent to them: [`Store::check`]
/// tells whether a store can be used.
///
/// The environment variable `STORAGE_EMULATOR_HOST` names an emulator to use in place of Google Cloud Storage.
///
/// # Errors
/// [`Error::InvalidUri`]; [`Error::Unavailable`] if the folder cannot be created; [`Error::PermissionDenied`] without
/// credentials of Google Cloud.
pub async fn open(uri_or_folder: &str) -> Result<Arc<dyn Store>, Error> {
    if uri::is_uri(uri_or_folder) {
        return gcs(uri_or_folder).await;
    }
    Ok(Arc::new(LocalStore::open(uri_or_folder)?))
}

/// Opens a store as [`open`] does, but creates no folder: for reading folders that may not be writable. A folder that
/// does not exist is an empty store.
///
/// # Errors
/// As [`open`].
pub async fn open_as_it_is(uri_or_folder: &str) -> Result<Arc<dyn Store>, Error> {
    if uri::is_uri(uri_or_folder) {
        return gcs(uri_or_folder).await;
    }
    Ok(Arc::new(LocalStore::as_it_is(uri_or_folder)))
}

async fn gcs(uri: &str) -> Result<Arc<dyn Store>, Error> {
    Ok(Arc::new(GcsStore::connect(&Uri::parse(uri)?, &Endpoint::from_environment()).await?))
}
