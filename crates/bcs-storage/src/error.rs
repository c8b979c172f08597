/// Why a store did not do what it was asked; every variant names the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object.
    #[error("there is no object '{key}' in {store}")]
    NotFound {
        /// The store, as [`crate::Store::name`] says it.
        store: String,
        /// The key asked for.
        key: String,
    },
    /// A create-only write found an object.
    #[error("the object '{key}' exists already in {store}")]
    AlreadyExists {
        /// The store.
        store: String,
        /// The key to be written.
        key: String,
    },
    /// The key leaves the bucket or is not portable.
    #[error("'{key}' is not a key: {reason}")]
    InvalidKey {
        /// The key.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The store can't be reached, is full, or may not be written.
    #[error("{store} can't be used ('{key}'): {reason}")]
    Unavailable {
        /// The store.
        store: String,
        /// The key that was worked on.
        key: String,
        /// What the system said.
        reason: String,
    },
}
