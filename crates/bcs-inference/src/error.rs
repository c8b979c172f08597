/// Why an image was not segmented.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The model can't be opened.
    #[error("the model can't be opened: {0}")]
    Model(String),
    /// The image is smaller than the model can take.
    #[error("the image is {width}×{height} pixels; the model takes {min_width}×{min_height} and more")]
    TooSmall {
        /// Of the image.
        width: u32,
        /// Of the image.
        height: u32,
        /// Of the smallest image.
        min_width: usize,
        /// Of the smallest image.
        min_height: usize,
    },
    /// As many images wait as may.
    #[error("the queue is full: {0} images wait already; try again")]
    QueueFull(usize),
    /// The thread that owns the model has ended.
    #[error("the model is not running any more")]
    Stopped,
    /// The engine failed.
    #[error("the model failed: {0}")]
    Engine(String),
}
