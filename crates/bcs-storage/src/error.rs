/// Errors of a store; every variant names the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object does not exist.
    #[error("there is no object '{key}' in {store}")]
    NotFound {
        /// The store, as [`crate::Store::name`] gives it.
        store: String,
        /// The requested key.
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
    /// The key points outside the bucket or is not portable.
    #[error("'{key}' is not a valid key: {reason}")]
    InvalidKey {
        /// The key.
        key: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The store cannot be reached, is full, or denies access.
    #[error("{store} is unavailable (key '{key}'): {reason}")]
    Unavailable {
        /// The store.
        store: String,
        /// The key of the failed operation.
        key: String,
        /// Error message of the operating system or the server.
        reason: String,
    },
}
