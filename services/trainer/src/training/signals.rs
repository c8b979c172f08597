//! Signals that end a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::Result;

/// Number of [`counts`].
pub(super) const COUNTS: usize = 2;

/// Returns how often SIGTERM and SIGINT have arrived, so that processes can sum it.
pub(super) fn counts(signal: Option<u8>) -> [f64; COUNTS] {
    [SIGTERM, SIGINT].map(|known| f64::from(signal.map(i32::from) == Some(known)))
}

/// Returns the number of a signal that has arrived anywhere, from a sum of [`counts`].
pub(super) fn counted(counts: &[f64]) -> Option<u8> {
    let arrived = [SIGTERM, SIGINT].into_iter().zip(counts).find(|(_, count)| **count > 0.0);
    arrived.and_then(|(signal, _)| u8::try_from(signal).ok())
}

/// SIGTERM and SIGINT, noted so that the run can write a checkpoint. The second one ends the process at once.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    received: Arc<AtomicUsize>,
}

impl Signals {
    /// Begins to note signals.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`] if the system refuses.
    pub(crate) fn install() -> Result<Self> {
        let (seen, received) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        for signal in [SIGTERM, SIGINT] {
            // Runs before the flag is set, so only the second signal finds it set.
            flag::register_conditional_default(signal, Arc::clone(&seen))?;
            flag::register(signal, Arc::clone(&seen))?;
            flag::register_usize(signal, Arc::clone(&received), signal.unsigned_abs() as usize)?;
        }
        Ok(Self { received })
    }

    /// Returns the number of the signal that has arrived.
    pub(crate) fn received(&self) -> Option<u8> {
        match self.received.load(Ordering::Relaxed) {
            0 => None,
            signal => u8::try_from(signal).ok(),
        }
    }
}
