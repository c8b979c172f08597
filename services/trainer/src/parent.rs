//! Processes that end with the one that has started them.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::error::{Error, Result};

/// Lets the system send `signal` to this process when `parent`, which has started it, ends.
///
/// # Errors
/// [`Error::Usage`] if it has ended already; [`Error::Io`].
pub(crate) fn end_with(parent: u32, signal: Signal) -> Result<()> {
    set_parent_process_death_signal(Some(signal)).map_err(std::io::Error::from)?;
    let is_there = getppid().map(Pid::as_raw_pid).and_then(|pid| u32::try_from(pid).ok()) == Some(parent);
    if is_there {
        Ok(())
    } else {
        Err(Error::Usage("the process that has started this one has ended".to_owned()))
    }
}
