use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::job::{Job, Outputs, Piece};
use super::loaded::{LoadedModel, guard};
use super::pace::Pace;
use super::queue::{Batch, Queue};
use super::{Hooks, Options, Stats};
use crate::error::Error;

/// State of an inference that its threads share.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) hooks: Hooks,
    pub(super) pace: Pace,
    state: Mutex<State>,
    /// Notified when there may be work for a worker, and on stopping.
    work: Condvar,
    /// Notified when there are logits to blend, and on stopping.
    logits: Condvar,
    /// Notified when a thread ends.
    ended: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) current: Option<Arc<LoadedModel>>,
    /// Why the newest model was refused.
    pub(super) refused: Option<String>,
    /// Number of workers whose engine fails on a blank tile, and the reason of the last one.
    failing: usize,
    reason: String,
    queue: Queue,
    logits: VecDeque<(Batch, Arc<Outputs>)>,
    /// Number of workers without a batch.
    pub(super) idle: usize,
    running: usize,
    windows_run: u64,
    stopping: bool,
    threads: Vec<JoinHandle<()>>,
    /// Number of threads that may still produce logits.
    workers: usize,
    alive: usize,
}

impl Shared {
    pub(super) fn new(options: Options, hooks: Hooks) -> Self {
        let (work, logits, ended) = (Condvar::new(), Condvar::new(), Condvar::new());
        let workers = options.workers.get();
        let state = Mutex::new(State { workers, ..State::default() });
        let pace = Pace::new(options.workers, options.threads);
        Self { options, hooks, pace, state, work, logits, ended }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread.
    pub(super) fn spawn(shared: &Arc<Self>, name: &str, work: impl FnOnce(&Self) + Send + 'static) {
        shared.lock().alive += 1;
        // Dropped when the thread ends, also by a panic, and if it can't be started.
        let ended = Ended(Arc::clone(shared));
        match thread::Builder::new().name(name.to_owned()).spawn(move || work(&ended.0)) {
            Ok(thread) => shared.lock().threads.push(thread),
            Err(error) => tracing::error!(error = error.to_string(), name, "A thread can't be started."),
        }
    }

    /// Queues the windows of an image.
    pub(super) fn push(&self, job: &Arc<Job>) -> Result<(), Error> {
        let mut state = self.lock();
        if state.stopping {
            return Err(Error::Stopped);
        }
        if state.failing >= self.options.workers.get() {
            return Err(Error::Engine(state.reason.clone()));
        }
        if state.queue.images() >= self.options.queue.max(1) {
            return Err(Error::QueueFull(self.options.queue));
        }
        state.queue.push(Arc::clone(job));
        drop(state);
        self.work.notify_all();
        Ok(())
    }

    /// Removes an image whose windows have not all run.
    pub(super) fn remove(&self, job: &Arc<Job>) {
        self.lock().queue.remove(job);
    }

    /// Waits for a batch; `None` on stopping.
    pub(super) fn next_batch(&self) -> Option<Batch> {
        let mut state = self.lock();
        state.idle += 1;
        loop {
            if state.stopping {
                state.idle -= 1;
                return None;
            }
            let most = state.current.as_ref().map_or(usize::MAX, |current| current.parallel);
            if state.running < most {
                let idle = state.idle.min(most - state.running);
                if let Some(mut batch) = state.queue.next(idle) {
                    batch.alone = state.running == 0 && state.queue.images() == 0;
                    state.idle -= 1;
                    state.running += 1;
                    return Some(batch);
                }
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands the output for a batch on to be blended.
    pub(super) fn finish(&self, batch: Batch, outputs: Outputs) {
        let mut state = self.lock();
        state.running -= 1;
        state.windows_run += batch.windows.len() as u64;
        state.logits.push_back((batch, Arc::new(outputs)));
        drop(state);
        self.logits.notify_one();
        self.work.notify_one();
    }

    /// Ends the images of a batch that failed.
    pub(super) fn fail(&self, batch: &Batch, error: &Error) {
        for (job, _) in &batch.windows {
            job.fail(error.clone());
        }
        let mut state = self.lock();
        state.running -= 1;
        for (job, _) in &batch.windows {
            state.queue.remove(job);
        }
        drop(state);
        self.work.notify_one();
    }

    /// Waits for logits and blends them; `false` when no more will come.
    pub(super) fn blend_next(&self) -> bool {
        let mut state = self.lock();
        let (batch, outputs) = loop {
            if let Some(next) = state.logits.pop_front() {
                break next;
            }
            if state.stopping && state.workers == 0 {
                return false;
            }
            state = self.logits.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        for (position, (job, window)) in batch.windows.iter().enumerate() {
            let piece = Piece { outputs: Arc::clone(&outputs), position };
            let blended = guard(|| {
                job.blend(*window, piece);
                Ok(())
            });
            if let Err(error) = blended {
                job.fail(error);
            }
            job.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
        // An image may have waited for its windows to be blended.
        drop(self.lock());
        self.work.notify_one();
        true
    }

    /// Makes a model that has been tried the current one. Images that were queued before keep theirs.
    pub(super) fn install(&self, model: LoadedModel) {
        let mut state = self.lock();
        state.current = Some(Arc::new(model));
        state.refused = None;
        self.report(&state);
        drop(state);
        self.work.notify_all();
    }

    /// Records that the engine of a worker fails on a blank tile. If those of all workers do, waiting images fail.
    pub(super) fn worker_fails(&self, again: bool, error: &Error) {
        let mut state = self.lock();
        state.failing += usize::from(!again);
        state.reason = error.to_string();
        let jobs = if state.failing >= self.options.workers.get() { state.queue.drain() } else { Vec::new() };
        self.report(&state);
        drop(state);
        for job in jobs {
            job.fail(error.clone());
        }
    }

    /// Records that the engine of a worker works again.
    pub(super) fn worker_recovers(&self) {
        let mut state = self.lock();
        state.failing -= 1;
        self.report(&state);
    }

    /// Reports the health, in the order in which it changes.
    fn report(&self, state: &State) {
        let health = if state.failing == 0 { Ok(()) } else { Err(state.reason.clone()) };
        (self.hooks.health)(health);
    }

    /// Waits; returns at once on stopping. Returns whether to go on.
    pub(super) fn pause(&self, duration: Duration) -> bool {
        let end = Instant::now() + duration;
        let mut state = self.lock();
        while !state.stopping {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Records that a worker ends.
    pub(super) fn worker_ends(&self) {
        self.lock().workers -= 1;
        self.logits.notify_all();
    }

    pub(super) fn stats(&self) -> Stats {
        let state = self.lock();
        let State { running, windows_run, .. } = *state;
        Stats { images: state.queue.images(), windows: state.queue.windows(), running, windows_run }
    }

    /// Tells all threads to end, and fails the images that are not wholly running.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        let jobs = state.queue.drain();
        drop(state);
        for job in jobs {
            job.fail(Error::Stopped);
        }
        self.work.notify_all();
        self.logits.notify_all();
        self.ended.notify_all();
    }

    /// Waits for the threads to end, until the deadline; returns whether all have.
    pub(super) fn join(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.alive > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        for thread in threads {
            // A panic has been logged by its own hook.
            let _ = thread.join();
        }
        true
    }
}

/// Records that a thread has ended, when dropped.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().alive -= 1;
        self.0.ended.notify_all();
    }
}
