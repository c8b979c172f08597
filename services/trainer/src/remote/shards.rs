//! Shards of tiles in a folder or bucket.

use std::path::Path;
use std::sync::Arc;

use bcs_data::shards::Index;
use bcs_data::shards::index::INDEX_FILE;
use bcs_data::shards::stream::Source;

use super::bucket::Bucket;
use crate::error::{Error, Result};

/// Shards in a folder or bucket.
pub(crate) struct Shards(Bucket);

impl Shards {
    /// Opens a location and reads its index.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no index; [`Error::Data`] if it is damaged; [`Error::Storage`].
    pub(crate) fn open(location: &Path) -> Result<(Arc<dyn Source>, Arc<Index>)> {
        let shards = Self(Bucket::open_as_it_is(location)?);
        let bytes = shards.0.get(INDEX_FILE).map_err(|error| match error {
            Error::Storage(bcs_storage::Error::NotFound { .. }) => Error::Usage(format!(
                "{}: there is no {INDEX_FILE}; correct data.train_shards, or make shards with bcs-trainer pack",
                location.display()
            )),
            error => error,
        })?;
        let index = Index::parse(&bytes, &shards.0.name())?;
        Ok((Arc::new(shards), Arc::new(index)))
    }
}

impl std::fmt::Debug for Shards {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Shards").field(&self.0.name()).finish()
    }
}

impl Source for Shards {
    fn location(&self) -> String {
        self.0.name()
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        Ok(self.0.get(name).map_err(|error| error.to_string())?.into())
    }
}
