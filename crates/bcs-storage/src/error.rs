/// Errors of a store; every variant of an operation names the store and the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object does not exist.
    #[error("there is no object '{key}' in {store}")]
    NotFound {
        /// The store, as [`crate::Store::name`] gives it.
        store: String,
        /// The requested key; empty for the bucket itself.
        key: String,
    },
    /// A write with [`crate::PutMode::Create`] found an existing object.
    #[error("the object '{key}' already exists in {store}")]
    AlreadyExists {
        /// The store.
        store: String,
        /// The key to be written.
        key: String,
    },
    /// A write with [`crate::PutMode::IfGeneration`] found another generation, or no object.
    #[error("the object '{key}' in {store} has changed since it was read; read it again")]
    Changed {
        /// The store.
        store: String,
        /// The key to be written.
        key: String,
    },
    /// The key points outside the bucket or is not portable.
    #[error("'{key}' is not a valid key: {reason}")]
    InvalidKey {
        /// The key.
        key: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The name of a bucket or a `gs://` URI is malformed.
    #[error(
        "'{uri}' is not a valid Cloud Storage URI: {reason}; write it as gs://BUCKET or gs://BUCKET/PREFIX"
    )]
    InvalidUri {
        /// The URI.
        uri: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The credentials do not allow the operation, or there are none.
    #[error("access to '{key}' in {store} is denied: {reason}")]
    PermissionDenied {
        /// The store.
        store: String,
        /// The key of the failed operation.
        key: String,
        /// Message of the operating system, the server or the credentials.
        reason: String,
    },
    /// The store cannot be reached, is overloaded or full, or did not answer in time. Trying again later may succeed.
    #[error("{store} is unavailable (key '{key}'): {reason}")]
    Unavailable {
        /// The store.
        store: String,
        /// The key of the failed operation.
        key: String,
        /// Message of the operating system or the server.
        reason: String,
    },
    /// The store refuses the operation, and will do so again.
    #[error("{store} rejected the operation on '{key}': {reason}")]
    Rejected {
        /// The store.
        store: String,
        /// The key of the failed operation.
        key: String,
        /// Message of the server.
        reason: String,
    },
}

impl Error {
    /// Whether the same operation may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
