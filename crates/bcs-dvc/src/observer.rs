/// Parts of a pull that take time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Files of the workspace are hashed.
    Check,
    /// Objects are downloaded.
    Fetch,
    /// Files are put into place.
    Place,
}

/// Follows the progress of a pull; called from several threads.
pub trait Observer: Send + Sync {
    /// A task of `total` steps begins; the task before has ended.
    fn begin(&self, task: Task, total: usize);
    /// Bytes of the task were processed.
    fn bytes(&self, bytes: u64);
    /// A step of the task was done.
    fn step(&self);
}
