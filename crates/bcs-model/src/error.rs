use tch::TchError;

/// Why a network could not be built, loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No network has this name.
    #[error("there is no network '{name}'; there are {known}")]
    UnknownNetwork {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// An argument is missing, unknown or impossible.
    #[error("{network}: {reason}")]
    Argument {
        /// The network, loss or block.
        network: String,
        /// What is wrong with which argument.
        reason: String,
    },
    /// The parameters of a file are not those of the network.
    #[error("the weights do not fit the network: {0}")]
    Weights(String),
    /// Parameters are NaN or infinite.
    #[error("the weights are not finite: {0}")]
    NotFinite(String),
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
    /// The device does not exist here.
    #[error("device '{name}' can't be used: {reason}")]
    Device {
        /// The name asked for.
        name: String,
        /// Why.
        reason: String,
    },
    /// libtorch failed.
    #[error("libtorch: {0}")]
    Torch(String),
}

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        Self::Torch(first_line(&error.to_string()))
    }
}

/// libtorch puts a C++ stack trace behind the first line of what it says.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

pub(crate) fn argument(network: &str, reason: impl Into<String>) -> Error {
    Error::Argument { network: network.to_owned(), reason: reason.into() }
}
