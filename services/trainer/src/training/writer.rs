//! What the first of the processes that train together writes.

use super::checkpoint::Checkpoints;
use super::tracking::Tracking;

/// Where a process writes; all but the first one have none.
pub(super) struct Writer<'a> {
    /// Folder of the run in the model repository.
    pub checkpoints: &'a Checkpoints,
    /// Metrics, pictures and the load of the machine.
    pub tracking: &'a mut Tracking,
}
