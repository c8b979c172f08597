use tch::TchError;

/// Why a network or loss could not be built, loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No network has this name.
    #[error("there is no network '{name}'; the networks are {known}")]
    UnknownNetwork {
        /// The name asked for.
        name: String,
        /// Known names, separated by commas.
        known: String,
    },
    /// An argument is missing, unknown or out of range.
    #[error("{name} {reason}")]
    Argument {
        /// Path of the argument, as `UNet.strides`; `model_hyp.strides` where it came from a configuration.
        name: String,
        /// What is wrong and which values are valid, as a predicate of the name.
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
    /// A network can't be written in another runtime's format.
    #[error("the network can't be exported: {0}")]
    Export(String),
    /// The folder to write exists and has files in it.
    #[error("{path} exists already; choose another folder or replace this one")]
    Exists {
        /// Path of the folder.
        path: String,
    },
    /// The device does not exist on this machine.
    #[error("device '{name}' can't be used: {reason}")]
    Device {
        /// The name asked for.
        name: String,
        /// Why, and which names are valid.
        reason: String,
    },
    /// libtorch failed.
    #[error("libtorch: {0}")]
    Torch(String),
    /// A normalization layer got a single value per channel, from which no variance can be computed.
    #[error("{layer} needs more than one value per channel, but its input has the shape {shape:?}")]
    SingleValue {
        /// The layer.
        layer: &'static str,
        /// Shape of the layer's input.
        shape: Vec<i64>,
    },
    /// Pooling or strided convolutions got an image of which they leave no pixel.
    #[error("downsampling needs sides of at least {window}, but its input has the shape {shape:?}")]
    EmptyOutput {
        /// Side in pixels of which one is left.
        window: i64,
        /// Shape of the layer's input.
        shape: Vec<i64>,
    },
}

impl Error {
    /// Puts the owner before the name of an argument: `strides` within `UNet` becomes `UNet.strides`.
    pub(crate) fn within(self, owner: &str) -> Self {
        match self {
            Self::Argument { name, reason } => Self::Argument { name: format!("{owner}.{name}"), reason },
            other => other,
        }
    }
}

impl From<bcs_package::Error> for Error {
    fn from(error: bcs_package::Error) -> Self {
        match error {
            bcs_package::Error::File { path, reason } => Self::File { path, reason },
            bcs_package::Error::Write { path, reason } => Self::Write { path, reason },
            bcs_package::Error::Exists { path } => Self::Exists { path },
        }
    }
}

impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        Self::Torch(first_line(&error.to_string()))
    }
}

/// Returns the first line of a libtorch message; the rest is a C++ stack trace.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

pub(crate) fn argument(name: &str, reason: impl Into<String>) -> Error {
    Error::Argument { name: name.to_owned(), reason: reason.into() }
}
