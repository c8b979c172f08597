//! Inference for many clients at once. Every image is cut into windows; the windows of all images wait in one queue, which
//! serves the images in turn, so that a large image does not delay a small one. Workers run batches of windows, each with
//! an engine of its own; other threads blend their logits. A cancelled image leaves between two batches.
//!
//! # Layout
//! - [`job`]: an image on its way
//! - [`loaded`]: a model with its engines
//! - [`loader`]: opens the model, and replaces it when another one appears
//! - [`pace`]: how many threads a batch gets
//! - [`queue`]: which windows run next
//! - [`shared`]: what the threads have in common
//! - [`source`]: where the model is
//! - [`worker`]: runs batches, and recovers from failures

mod job;
mod loaded;
mod loader;
mod pace;
mod queue;
mod shared;
mod source;
#[cfg(test)]
mod tests;
mod worker;

use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bcs_imaging::Raster;
use tokio_util::sync::CancellationToken;

pub use self::loaded::LoadedModel;
pub use self::source::{ModelFile, ModelSource};

use self::job::Job;
use self::shared::Shared;
use crate::error::Error;
use crate::model::Model;
use crate::segmentation::Segmentation;
use crate::sliding_window::SlidingWindow;

/// How images are scheduled.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Sliding window, without test-time augmentation. Its batch is the largest number of windows of full size that run
    /// together; of smaller windows as many run together as have no more pixels.
    pub window: SlidingWindow,
    /// Number of batches that run at the same time, each on a thread and with an engine of its own.
    pub workers: NonZeroUsize,
    /// Number of threads of each of them. A batch that runs alone gets the threads of all, if that is faster.
    pub threads: NonZeroUsize,
    /// Maximum number of images with windows that wait.
    pub queue: usize,
    /// Time between two looks for another model at the same place; `None` to keep the first one.
    pub reload: Option<Duration>,
}

impl Default for Options {
    /// A worker with one thread for each core that this process may use.
    fn default() -> Self {
        Self {
            window: SlidingWindow::default(),
            workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            threads: NonZeroUsize::MIN,
            queue: 32,
            reload: None,
        }
    }
}

/// Called by the threads of an [`Inference`], which they must not call back.
pub struct Hooks {
    /// Called when the health of the model changes: `Ok` once it answers, `Err` with the reason when it fails.
    pub health: Box<dyn Fn(Result<(), String>) + Send + Sync>,
    /// Called for every batch with its number of windows.
    pub batch: Box<dyn Fn(usize) + Send + Sync>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { health: Box::new(|_| {}), batch: Box::new(|_| {}) }
    }
}

/// An image to segment.
#[derive(Debug)]
pub struct Request {
    /// The image.
    pub image: Raster,
    /// Cancels the request.
    pub token: CancellationToken,
    /// Time by which it must be done.
    pub deadline: Option<Instant>,
    /// Dropped when the image is no longer in use here, also after a cancelled request: the permit of its memory.
    pub held: Arc<dyn Any + Send + Sync>,
}

/// A segmented image.
#[derive(Debug)]
pub struct Answer {
    /// The image.
    pub image: Raster,
    /// The segmentation.
    pub segmentation: Segmentation,
    /// The model that made it.
    pub model: Arc<Model>,
    /// Time until its first window ran.
    pub waited: Duration,
    /// Time from then on.
    pub ran: Duration,
}

/// Work that has not been done yet, and totals of that which has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Number of images whose windows do not all run or have run.
    pub images: usize,
    /// Number of windows waiting for a worker.
    pub windows: usize,
    /// Number of batches running.
    pub running: usize,
    /// Number of windows that have run.
    pub windows_run: u64,
}

/// A handle to the threads that run a model. Clones share the threads, which end after [`shutdown`](Self::shutdown) or
/// when the last clone is dropped.
#[derive(Clone)]
pub struct Inference {
    shared: Arc<Shared>,
    _stop: Arc<StopOnDrop>,
}

struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Inference {
    /// Starts the threads. One of them opens the model, tries each engine on a blank tile, and reports the result.
    pub fn start(source: impl ModelSource + 'static, options: Options, hooks: Hooks) -> Self {
        let shared = Arc::new(Shared::new(options, hooks));
        for index in 0..options.workers.get() {
            Shared::spawn(&shared, &format!("inference-{index}"), worker::run);
            Shared::spawn(&shared, &format!("blending-{index}"), worker::blend);
        }
        Shared::spawn(&shared, "model-loader", move |shared| loader::run(shared, &source));
        let stop = Arc::new(StopOnDrop(Arc::clone(&shared)));
        Self { shared, _stop: stop }
    }

    /// Returns the model that new requests get, or `None` until one is open.
    pub fn current(&self) -> Option<Arc<LoadedModel>> {
        self.shared.lock().current.clone()
    }

    /// Returns why the newest model at the place of the current one was refused; `None` if it was not.
    pub fn refused(&self) -> Option<String> {
        self.shared.lock().refused.clone()
    }

    /// Segments an image with a model that [`current`](Self::current) returned; it may have been replaced meanwhile.
    /// Dropping the future cancels the request, as its token and deadline do.
    ///
    /// # Errors
    /// [`Error::TooSmall`]; [`Error::Window`]; [`Error::Image`]; [`Error::QueueFull`]; [`Error::Cancelled`]; [`Error::Deadline`]; [`Error::Engine`] if the
    /// model fails; [`Error::Stopped`] after a shutdown.
    pub async fn segment(&self, model: &Arc<LoadedModel>, request: Request) -> Result<Answer, Error> {
        let (token, deadline) = (request.token.clone(), request.deadline);
        let (job, answer) = Job::new(model, request, &self.shared.options)?;
        let job = Arc::new(job);
        self.shared.push(&job)?;
        let _abandon = Abandon { shared: &self.shared, job: &job };
        let expired = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Err(Error::Stopped)),
            () = token.cancelled() => Err(Error::Cancelled),
            () = expired => Err(Error::Deadline),
        }
    }

    /// Returns what is waiting and running.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Stops: images that are not wholly running get [`Error::Stopped`], and threads end after their batch. Returns
    /// whether all have ended by the deadline; a process must not exit before, because libraries that run networks crash
    /// if their global state is destroyed while they compute.
    pub fn shutdown(&self, deadline: Instant) -> bool {
        self.shared.stop();
        self.shared.join(deadline)
    }
}

/// Cancels a job when its future is dropped; does nothing if it has been answered.
struct Abandon<'a> {
    shared: &'a Shared,
    job: &'a Arc<Job>,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.job.abandon();
        self.shared.remove(self.job);
    }
}
