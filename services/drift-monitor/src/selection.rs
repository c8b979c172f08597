//! Which predictions a run compares.

use serde::Serialize;

use crate::window::Window;

/// Which predictions a run compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// Those of a time window.
    Window(Window),
    /// Those of the last hours, which are this window now.
    Hours(u32, Window),
    /// The newest, this many.
    Last(usize),
    /// Those that the last report of this kind did not have.
    SinceLast,
}

impl Serialize for Selection {
    /// What a repeated request has in common: its window if that is fixed, else how it is found.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Window(window) => window.serialize(serializer),
            Self::Hours(hours, _) => ("hours", hours).serialize(serializer),
            Self::Last(count) => ("last", count).serialize(serializer),
            Self::SinceLast => "since_last".serialize(serializer),
        }
    }
}
