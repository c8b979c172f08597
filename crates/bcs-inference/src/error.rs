/// Error of opening or running a model.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The model is missing, damaged or not supported.
    #[error("the model can't be opened: {0}")]
    Model(String),
    /// The image could not be decoded.
    #[error(transparent)]
    Image(#[from] bcs_imaging::Error),
    /// The image is smaller than the model accepts.
    #[error("the image has {width}×{height} pixels; the model needs at least {min_width}×{min_height}")]
    TooSmall {
        /// Width of the image.
        width: u32,
        /// Height of the image.
        height: u32,
        /// Least width.
        min_width: usize,
        /// Least height.
        min_height: usize,
    },
    /// An argument of the sliding window is out of range, or does not suit the model or the image.
    #[error("{argument} of the sliding window {reason}")]
    Window {
        /// The argument.
        argument: &'static str,
        /// What is wrong and which values are valid, as a predicate of the argument.
        reason: String,
    },
    /// The queue is full.
    #[error("the queue is full: {0} images are waiting; try again later")]
    QueueFull(usize),
    /// The request was cancelled.
    #[error("the request was cancelled")]
    Cancelled,
    /// The deadline of the request has passed.
    #[error("the image was not segmented in time; try again later, or send a smaller one")]
    Deadline,
    /// The inference has been shut down.
    #[error("the model is no longer running")]
    Stopped,
    /// The forward pass failed.
    #[error("the model failed: {0}")]
    Engine(String),
}

#[cfg(feature = "openvino")]
impl From<bcs_package::Error> for Error {
    fn from(error: bcs_package::Error) -> Self {
        Self::Model(error.to_string())
    }
}
