//! Runs the trials of a sweep, as many at a time as cores and memory allow.

use std::collections::VecDeque;
use std::process::ExitStatus;
use std::time::Duration;

use super::capacity::Capacity;
use super::child::{Child, Share};
use super::display::Display;
use super::folder::Folder;
use super::median;
use super::metrics::Metrics;
use super::record::{Record, TrialState};
use crate::error::{Error, Result};
use crate::training::RunFile;
use crate::training::signals::Signals;

/// Time between two looks at the running trials.
const INTERVAL: Duration = Duration::from_millis(50);

/// Number of trials that must fail alike, and none differently, for the sweep to end.
const ALIKE: usize = 3;

/// Runs the trials of a sweep.
pub(super) struct Runner<'a> {
    folder: &'a Folder,
    record: &'a mut Record,
    capacity: Capacity,
    /// GPUs by their names in `CUDA_VISIBLE_DEVICES`; empty to leave the choice to the trials.
    gpus: Vec<String>,
    children: Vec<Child>,
    queue: VecDeque<usize>,
    /// Objectives of the completed trials, per epoch.
    completed: Vec<Vec<f64>>,
    display: Display,
}

impl<'a> Runner<'a> {
    /// Queues the trials that are neither completed nor stopped.
    ///
    /// # Errors
    /// [`Error::Usage`] if the metrics of a completed trial have no such objective.
    pub(super) fn new(
        folder: &'a Folder,
        record: &'a mut Record,
        capacity: Capacity,
        gpus: Vec<String>,
    ) -> Result<Self> {
        let (mut queue, mut completed) = (VecDeque::new(), Vec::new());
        for trial in &record.trials {
            if trial.state == TrialState::Completed {
                let folder = folder.trial(trial);
                completed.push(Metrics::read(&folder, &record.settings.objective)?.curve);
            }
            if !trial.state.is_final() {
                queue.push_back(trial.number);
            }
        }
        let display = Display::new(record);
        Ok(Self { folder, record, capacity, gpus, children: Vec::new(), queue, completed, display })
    }

    /// Runs until no trial is left, or a signal ends them.
    ///
    /// # Errors
    /// [`Error::SweepInterrupted`]; [`Error::Io`] if the state of the sweep cannot be written.
    pub(super) fn run(mut self) -> Result<()> {
        let signals = Signals::install()?;
        let mut failures = Vec::new();
        while !(self.queue.is_empty() && self.children.is_empty()) {
            if signals.received().is_some() {
                self.queue.clear();
                self.children.iter_mut().for_each(Child::end);
            }
            self.look(&mut failures)?;
            if self.fails_alike(&failures) {
                self.display.line("the first trials have failed alike, so that the others are not started");
                self.queue.clear();
            }
            self.start()?;
            self.display.update(&self.children, self.record);
            std::thread::sleep(INTERVAL);
        }
        match signals.received() {
            None => Ok(()),
            Some(signal) => Err(Error::SweepInterrupted { signal, folder: self.folder.path.clone() }),
        }
    }

    /// Starts as many queued trials as may run.
    fn start(&mut self) -> Result<()> {
        while let Some(number) = self.queue.front().copied() {
            let peak = self.peak_mb();
            if !self.capacity.admits(self.children.len(), peak) {
                break;
            }
            self.queue.pop_front();
            let share = self.share(number, peak);
            let trial = &mut self.record.trials[number];
            (trial.state, trial.error, trial.threads) = (TrialState::Running, None, Some(share.threads));
            self.record.write(&self.folder.path)?;
            let objective = &self.record.settings.objective;
            let child =
                Child::start(number, &self.folder.trial(&self.record.trials[number]), objective, share)?;
            self.display.started(&self.record.trials[number]);
            self.children.push(child);
        }
        Ok(())
    }

    fn share(&self, number: usize, peak_mb: Option<u64>) -> Share {
        let threads = self.record.trials[number].threads.unwrap_or_else(|| self.capacity.threads(peak_mb));
        let users = |gpu: &&String| {
            self.children.iter().filter(|child| child.share.gpu.as_ref() == Some(gpu)).count()
        };
        Share { threads, gpu: self.gpus.iter().min_by_key(users).cloned() }
    }

    /// Largest memory that a trial has taken in a whole epoch, in megabytes.
    fn peak_mb(&self) -> Option<u64> {
        let measured = self.children.iter().filter(|child| child.metrics.has_new());
        let ended = self.record.trials.iter().filter(|trial| trial.epochs > 0);
        let ended = ended.filter_map(|trial| trial.peak_memory_mb);
        measured.filter_map(|child| child.peak_mb).chain(ended).max()
    }

    /// Takes note of new epochs and of trials that have ended.
    fn look(&mut self, failures: &mut Vec<String>) -> Result<()> {
        let mut at = 0;
        while at < self.children.len() {
            let child = &mut self.children[at];
            let ended = child.poll()?;
            if child.metrics.update()? {
                self.learn(at)?;
            }
            match ended {
                None => at += 1,
                Some(status) => {
                    let child = self.children.remove(at);
                    self.finish(&child, status, failures)?;
                }
            }
        }
        Ok(())
    }

    /// Takes note of a new epoch of a running trial, and stops the trial if the median rule says so.
    fn learn(&mut self, at: usize) -> Result<()> {
        let (child, settings) = (&mut self.children[at], &self.record.settings);
        let curve = &child.metrics.curve;
        let trial = &mut self.record.trials[child.number];
        trial.learn(curve, settings);
        trial.peak_memory_mb = trial.peak_memory_mb.max(child.peak_mb);
        let goes_on = curve.len() < trial.max_epochs && !child.ending;
        if goes_on && median::stops(curve, &self.completed, settings.direction, settings.median_stopping) {
            trial.state = TrialState::Stopped;
            child.end();
        }
        self.record.write(&self.folder.path)
    }

    /// Takes note of the end of a trial.
    fn finish(&mut self, child: &Child, status: ExitStatus, failures: &mut Vec<String>) -> Result<()> {
        let run_file = RunFile::read(&self.folder.trial(&self.record.trials[child.number]));
        let trial = &mut self.record.trials[child.number];
        trial.learn(&child.metrics.curve, &self.record.settings);
        trial.seconds += child.elapsed().as_secs_f64();
        trial.peak_memory_mb = trial.peak_memory_mb.max(child.peak_mb);
        if let Some(file) = run_file {
            (trial.run, trial.package) = (Some(file.run), file.package);
        }
        if status.success() {
            trial.state = TrialState::Completed;
            self.completed.push(child.metrics.curve.clone());
        } else if trial.state != TrialState::Stopped {
            trial.state = if child.ending { TrialState::Interrupted } else { TrialState::Failed };
        }
        if trial.state == TrialState::Failed {
            let error = child.error(status);
            failures.push(error.clone());
            trial.error = Some(error);
        }
        self.record.write(&self.folder.path)?;
        self.display.ended(&self.record.trials[child.number], self.record);
        Ok(())
    }

    /// Whether all trials until now have failed for the same reason.
    fn fails_alike(&self, failures: &[String]) -> bool {
        let none_ended = self.record.trials.iter().all(|trial| !trial.state.is_final());
        none_ended
            && !self.queue.is_empty()
            && failures.len() >= ALIKE
            && failures.iter().all(|failure| *failure == failures[0])
    }
}

impl Drop for Runner<'_> {
    fn drop(&mut self) {
        // All at once, as each is waited for when it is dropped.
        self.children.iter_mut().for_each(Child::end);
    }
}
