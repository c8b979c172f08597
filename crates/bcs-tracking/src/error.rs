//! Errors of tracking.

/// Why something cannot be tracked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be written; the message names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A picture cannot be encoded.
    #[error("a picture cannot be encoded as PNG: {0}")]
    Picture(#[from] image::ImageError),
    /// A picture cannot be drawn.
    #[error(transparent)]
    Draw(#[from] bcs_imaging::Error),
    /// A value cannot be written as JSON.
    #[error("a value cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The configuration cannot be written as YAML.
    #[error("the configuration cannot be written as YAML: {0}")]
    Config(#[from] bcs_config::Error),
}

/// Result of the functions of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
