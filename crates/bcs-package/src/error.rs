/// Why a package could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file is unreadable or invalid.
    #[error("{path} can't be read: {reason}")]
    File {
        /// Path of the file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder can't be written.
    #[error("{path} can't be written: {reason}")]
    Write {
        /// Path of the file or folder.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// The folder to write exists and has files in it.
    #[error("{path} exists already; choose another folder or replace this one")]
    Exists {
        /// Path of the folder.
        path: String,
    },
}
