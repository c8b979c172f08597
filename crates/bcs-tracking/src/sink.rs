//! The trait of all sinks.

use crate::entry::Entry;
use crate::error::Result;

/// How a run has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has finished.
    Finished,
    /// A signal has ended it; it can go on.
    Interrupted,
    /// It has failed, with this message.
    Failed(String),
}

/// Where a run is tracked.
pub trait Sink: Send {
    /// Name of the sink in warnings.
    fn name(&self) -> &'static str;

    /// Writes an entry. Sinks ignore entries that they have no form for.
    ///
    /// # Errors
    /// [`crate::Error`]; the sink is then not used any more.
    fn write(&mut self, entry: &Entry) -> Result<()>;

    /// Makes all entries visible to readers.
    ///
    /// # Errors
    /// [`crate::Error`]; the sink is then not used any more.
    fn flush(&mut self) -> Result<()>;

    /// Ends the run.
    ///
    /// # Errors
    /// [`crate::Error`].
    fn finish(&mut self, outcome: &Outcome) -> Result<()>;
}
