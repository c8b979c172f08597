//! How many trials run at a time.

use super::memory;
use super::settings::{Amount, Settings};

/// How many trials run at a time, and with how many threads each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity {
    /// Largest number of trials at a time.
    pub jobs: usize,
    /// Number of CPU cores.
    pub cores: usize,
    /// Memory that the trials share, in megabytes; `None` for no limit.
    pub memory_mb: Option<u64>,
}

impl Capacity {
    /// Capacity of this machine for a number of trials. `gpus` is the number of GPUs that they train on, 0 for the CPU.
    pub(super) fn new(settings: &Settings, trials: usize, gpus: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = match settings.n_jobs {
            Amount::Given(jobs) => usize::try_from(jobs).unwrap_or(usize::MAX),
            Amount::Chosen(_) if gpus > 0 => gpus,
            Amount::Chosen(_) => cores,
        };
        let memory_mb = match settings.memory_mb {
            None => None,
            Some(Amount::Given(megabytes)) => Some(megabytes),
            Some(Amount::Chosen(_)) => memory::available_mb(),
        };
        Self { jobs: jobs.min(trials).max(1), cores, memory_mb }
    }

    /// Number of trials at a time if one takes at most `peak_mb` megabytes.
    pub(super) fn jobs_within(&self, peak_mb: Option<u64>) -> usize {
        match (self.memory_mb, peak_mb) {
            (Some(memory), Some(peak)) => {
                let fit = memory / peak.max(1);
                self.jobs.min(usize::try_from(fit).unwrap_or(usize::MAX)).max(1)
            }
            _ => self.jobs,
        }
    }

    /// Number of threads of a trial if one takes at most `peak_mb` megabytes.
    pub(super) fn threads(&self, peak_mb: Option<u64>) -> usize {
        (self.cores / self.jobs_within(peak_mb)).max(1)
    }

    /// Whether another trial may start. `peak_mb` is the largest memory that a trial has taken in a whole epoch; before it is
    /// known, a single trial runs.
    pub(super) fn admits(&self, running: usize, peak_mb: Option<u64>) -> bool {
        if running == 0 {
            return true;
        }
        let is_known = self.memory_mb.is_none() || peak_mb.is_some();
        is_known && running < self.jobs_within(peak_mb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_share_memory_and_cores() {
        let capacity = Capacity { jobs: 8, cores: 16, memory_mb: Some(4000) };
        assert_eq!(capacity.jobs_within(Some(900)), 4);
        assert_eq!(capacity.threads(Some(900)), 4);
        assert_eq!(capacity.jobs_within(Some(100)), 8);
        assert_eq!(capacity.threads(Some(100)), 2);
        assert_eq!(capacity.jobs_within(Some(9000)), 1, "one trial always runs");
        assert!(capacity.admits(3, Some(900)) && !capacity.admits(4, Some(900)));
    }

    #[test]
    fn the_first_trial_is_measured_alone() {
        let capacity = Capacity { jobs: 8, cores: 4, memory_mb: Some(4000) };
        assert!(capacity.admits(0, None) && !capacity.admits(1, None));
        assert_eq!(capacity.threads(None), 1);
        let unlimited = Capacity { memory_mb: None, ..capacity };
        assert!(unlimited.admits(7, None) && !unlimited.admits(8, None));
    }
}
