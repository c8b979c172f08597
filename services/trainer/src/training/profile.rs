//! Where the time of a run goes, `train_hyp.profiling`: a table of actions, as Lightning's simple profiler prints it, and a
//! trace of them in time.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bcs_data::loader::Observer;
use tch::Device;

use super::trace::{Detail, Trace};
use crate::error::Result;
use crate::output::table::table;
use crate::output::warn;

/// An epoch without validation, and one optimization step with the wait for its data. All other actions are parts of these,
/// or stand beside them.
pub(super) const EPOCH: &str = "epoch";
pub(super) const STEP: &str = "step";
/// The part of a step in which there is no batch yet.
pub(super) const WAIT: &str = "wait for data";
pub(super) const VALIDATE: &str = "validate";
pub(super) const CHECKPOINT: &str = "checkpoint";
/// The all-reduce of a bucket of gradients, while backward goes on.
pub(super) const REDUCE: &str = "all-reduce";

/// Measures actions of a run. Clones measure for the same run, from any thread.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    /// `None` if nothing is measured.
    recording: Option<Arc<Mutex<Recording>>>,
    device: Device,
}

#[derive(Debug)]
struct Recording {
    start: Instant,
    /// Time per action, in the order of first occurrence.
    actions: Vec<Action>,
    trace: Option<Trace>,
}

#[derive(Debug, Clone)]
struct Action {
    name: &'static str,
    by: Worker,
    calls: usize,
    total: Duration,
}

/// Who does an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worker {
    /// The thread that trains.
    Main,
    /// A thread of the loader, beside the training.
    Loader,
    /// A thread of the process group, beside the training.
    Group,
}

impl Worker {
    fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Loader => "loader",
            Self::Group => "group",
        }
    }
}

impl Profile {
    /// Creates a profile that measures nothing unless `enabled`. The end of an action on a GPU is that of its kernels.
    pub(super) fn new(enabled: bool, device: Device) -> Self {
        let recording = Recording { start: Instant::now(), actions: Vec::new(), trace: None };
        Self { recording: enabled.then(|| Arc::new(Mutex::new(recording))), device }
    }

    /// Starts the clock, and writes a trace to a file from now on.
    ///
    /// # Errors
    /// [`crate::error::Error::Io`].
    pub(super) fn trace_to(&self, path: &Path) -> Result<()> {
        let Some(mut recording) = self.recording() else { return Ok(()) };
        recording.trace = Some(Trace::create(path)?);
        recording.start = Instant::now();
        Ok(())
    }

    /// Runs `work` and measures it.
    pub(super) fn time<T>(&self, action: &'static str, work: impl FnOnce() -> T) -> T {
        if self.recording.is_none() {
            return work();
        }
        let start = Instant::now();
        let result = work();
        self.since(action, start);
        result
    }

    /// Measures what began at `start` and ends now.
    pub(super) fn since(&self, action: &'static str, start: Instant) {
        if let (Some(_), Device::Cuda(index)) = (&self.recording, self.device) {
            tch::Cuda::synchronize(index as i64);
        }
        if let Some(mut recording) = self.recording() {
            recording.add(action, Worker::Main, start, Instant::now());
        }
    }

    /// Measures what the threads of the process group have done beside the training.
    pub(super) fn beside(&self, action: &'static str, start: Instant, end: Instant) {
        if let Some(mut recording) = self.recording() {
            recording.add(action, Worker::Group, start, end);
        }
    }

    /// Ends the trace, and returns a table of all actions and its path. `None` if nothing was measured. A trace that cannot be
    /// written is a warning.
    pub(super) fn finish(&self) -> Option<String> {
        let mut recording = self.recording()?;
        let mut report = recording.report();
        match recording.trace.take().map(Trace::finish) {
            Some(Ok(trace)) => report.push_str(&format!("\ntrace       {trace}")),
            Some(Err(error)) => warn(&format!("the trace is incomplete: {error}")),
            None => {}
        }
        Some(report)
    }

    fn recording(&self) -> Option<MutexGuard<'_, Recording>> {
        let recording = self.recording.as_ref()?;
        Some(recording.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Profile {
    fn observe(&self, action: &'static str, start: Instant, end: Instant) {
        if let Some(mut recording) = self.recording() {
            recording.add(action, Worker::Loader, start, end);
        }
    }
}

impl Recording {
    fn add(&mut self, name: &'static str, by: Worker, start: Instant, end: Instant) {
        let total = end - start;
        match self.actions.iter_mut().find(|action| action.name == name) {
            Some(action) => {
                action.calls += 1;
                action.total += total;
            }
            None => self.actions.push(Action { name, by, calls: 1, total }),
        }
        let detail = match name {
            EPOCH | VALIDATE | CHECKPOINT => Detail::Always,
            _ => Detail::Bounded,
        };
        if let Some(trace) = &mut self.trace {
            // The process group does not tell its threads apart.
            let thread = (by == Worker::Group).then_some("process group");
            trace.add((name, thread), detail, start, end);
        }
    }

    /// Formats a table of the actions, the longest first, those of other threads last.
    fn report(&self) -> String {
        let run = self.start.elapsed().as_secs_f64();
        let mut actions: Vec<&Action> =
            self.actions.iter().filter(|action| ![EPOCH, STEP].contains(&action.name)).collect();
        actions.sort_by_key(|action| (action.by, std::cmp::Reverse(action.total)));
        let row = |action: &&Action| {
            let total = action.total.as_secs_f64();
            vec![
                action.name.to_owned(),
                action.by.name().to_owned(),
                action.calls.to_string(),
                format!("{:.2}", total * 1e3 / action.calls as f64),
                format!("{total:.2}"),
                if action.by == Worker::Main { format!("{:.1}", 100.0 * total / run) } else { String::new() },
            ]
        };
        let rows: Vec<_> = actions.iter().map(row).collect();
        let table = table(&["action", "thread", "calls", "mean ms", "total s", "% of run"], &rows);
        format!("{table}\n\ndata wait   {:.1} % of the time of training steps", 100.0 * self.wait_share())
    }

    /// Share of the steps in which they waited for data.
    fn wait_share(&self) -> f64 {
        let total = |name| {
            let action = self.actions.iter().find(|action| action.name == name);
            action.map_or(0.0, |action| action.total.as_secs_f64())
        };
        total(WAIT) / f64::max(total(STEP), f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(actions: &[(&'static str, Worker, u64)]) -> Recording {
        let start = Instant::now();
        let mut recording = Recording { start, actions: Vec::new(), trace: None };
        for (name, by, milliseconds) in actions {
            recording.add(name, *by, start, start + Duration::from_millis(*milliseconds));
        }
        recording
    }

    #[test]
    fn the_table_adds_up_calls_and_leaves_out_what_contains_others() {
        let actions = [
            ("load", Worker::Loader, 900),
            (REDUCE, Worker::Group, 8),
            (WAIT, Worker::Main, 2),
            ("forward", Worker::Main, 30),
            ("forward", Worker::Main, 50),
            (STEP, Worker::Main, 100),
        ];
        let report = recording(&actions).report();
        let lines: Vec<Vec<&str>> = report.lines().map(|line| line.split_whitespace().collect()).collect();
        let at = |name: &str| lines.iter().position(|line| line.first() == Some(&name)).unwrap();
        assert_eq!(lines[at("forward")][..5], ["forward", "main", "2", "40.00", "0.08"]);
        assert_eq!(lines[at("load")], ["load", "loader", "1", "900.00", "0.90"]);
        assert_eq!(lines[at(REDUCE)], [REDUCE, "group", "1", "8.00", "0.01"]);
        assert!(at("forward") < at("wait") && at("wait") < at("load"), "{report}");
        assert!(!lines.iter().any(|line| line.first() == Some(&STEP)), "{report}");
        assert!(report.ends_with("data wait   2.0 % of the time of training steps"), "{report}");
    }

    #[test]
    fn without_profiling_nothing_is_measured() {
        let profile = Profile::new(false, Device::Cpu);
        assert_eq!(profile.time("forward", || 7), 7);
        assert_eq!(profile.finish(), None);
    }

    #[test]
    fn a_trace_that_cannot_be_written_does_not_end_the_run() {
        let profile = Profile::new(true, Device::Cpu);
        // A disk without space.
        profile.trace_to(Path::new("/dev/full")).unwrap();
        profile.time("forward", || ());
        let report = profile.finish().unwrap();
        assert!(report.contains("forward") && !report.contains("trace  "), "{report}");
    }
}
