//! A thread that owns an engine, and a bounded queue of requests to it. The engine is opened and tried on that thread,
//! so that a server listens meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread;

use image::RgbImage;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Engine, ModelInfo};
use crate::error::Error;
use crate::segmentation::Segmentation;
use crate::sliding_window::SlidingWindow;

/// Called when the health of the engine changes: `Ok` after it has answered, `Err` with the reason after it has failed.
pub type Report = Box<dyn Fn(Result<(), String>) + Send>;

/// A handle to the thread that owns the engine. Clones share the thread, which ends when the last one is dropped.
#[derive(Clone)]
pub struct Inference {
    jobs: mpsc::Sender<Job>,
    info: Arc<OnceLock<Arc<ModelInfo>>>,
}

struct Job {
    image: Arc<RgbImage>,
    reply: oneshot::Sender<Result<Segmentation, Error>>,
}

impl Inference {
    /// Starts the thread, which opens the engine, runs it on a blank tile and calls `report` with the result. At most
    /// `queue` images wait.
    pub fn start(
        open: impl FnOnce() -> Result<Box<dyn Engine>, Error> + Send + 'static,
        window: SlidingWindow,
        queue: usize,
        report: Report,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let info = Arc::new(OnceLock::new());
        let handle = Self { jobs: sender, info: Arc::clone(&info) };
        let worker = move || match guard(open) {
            Ok(engine) => {
                // This is the only place that sets it.
                let _ = info.set(Arc::new(engine.info().clone()));
                Worker { engine, window, report, healthy: false }.run(receiver);
            }
            Err(error) => {
                tracing::error!(error = error.to_string(), "The model can't be opened.");
                report(Err(error.to_string()));
            }
        };
        if let Err(error) = thread::Builder::new().name("inference".to_owned()).spawn(worker) {
            tracing::error!(error = error.to_string(), "The inference thread can't be started.");
        }
        handle
    }

    /// Returns the description of the model, or `None` until it is open.
    pub fn info(&self) -> Option<&Arc<ModelInfo>> {
        self.info.get()
    }

    /// Queues an image and returns its segmentation. Dropping the future cancels the request if it has not started.
    ///
    /// # Errors
    /// [`Error::QueueFull`] immediately; [`Error::TooSmall`]; [`Error::Engine`]; [`Error::Stopped`].
    pub async fn segment(&self, image: Arc<RgbImage>) -> Result<Segmentation, Error> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { image, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::QueueFull(self.jobs.max_capacity()),
            mpsc::error::TrySendError::Closed(_) => Error::Stopped,
        })?;
        answer.await.unwrap_or(Err(Error::Stopped))
    }

    /// Returns the number of waiting images.
    pub fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }
}

struct Worker {
    engine: Box<dyn Engine>,
    window: SlidingWindow,
    report: Report,
    healthy: bool,
}

impl Worker {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        self.check_health();
        while let Some(job) = jobs.blocking_recv() {
            if job.reply.is_closed() {
                continue;
            }
            let result = guard(|| self.segment(&job.image));
            let failed = matches!(result, Err(Error::Engine(_)));
            // Fails if the future was dropped meanwhile, which needs no answer.
            let _ = job.reply.send(result);
            if failed || !self.healthy {
                self.check_health();
            }
        }
    }

    fn segment(&mut self, image: &RgbImage) -> Result<Segmentation, Error> {
        Segmentation::from_logits(&self.window.run(self.engine.as_mut(), image)?)
    }

    /// Runs the engine on a blank tile and reports the result.
    fn check_health(&mut self) {
        let [height, width] = self.engine.info().tile;
        let blank = RgbImage::from_pixel(width as u32, height as u32, image::Rgb([255; 3]));
        match guard(|| self.segment(&blank)) {
            Ok(_) => {
                self.healthy = true;
                (self.report)(Ok(()));
            }
            Err(error) => {
                tracing::error!(error = error.to_string(), "The model fails on a blank tile.");
                self.healthy = false;
                (self.report)(Err(error.to_string()));
            }
        }
    }
}

/// Runs engine code and turns a panic into an error, so that the thread survives.
fn guard<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        Err(Error::Engine(text.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::engine::fake::Fake;

    type Reports = Arc<Mutex<Vec<Result<(), String>>>>;

    fn start(behaviour: fn() -> Result<(), Error>, queue: usize) -> (Inference, Reports) {
        let reports = Reports::default();
        let log = Arc::clone(&reports);
        let open =
            move || -> Result<Box<dyn Engine>, Error> { Ok(Box::new(Fake { behaviour, ..Fake::default() })) };
        let report = Box::new(move |state| log.lock().unwrap().push(state));
        (Inference::start(open, SlidingWindow::default(), queue, report), reports)
    }

    fn image() -> Arc<RgbImage> {
        Arc::new(RgbImage::from_pixel(40, 40, image::Rgb([200, 10, 10])))
    }

    #[tokio::test]
    async fn a_model_that_answers_is_reported_ready() {
        let (inference, reports) = start(|| Ok(()), 4);
        let segmentation = inference.segment(image()).await.unwrap();
        assert_eq!(segmentation.class_pixels, [0, 1600]);
        assert_eq!(*reports.lock().unwrap(), [Ok(())]);
        assert_eq!(inference.info().unwrap().version, "fake");
        let small = Arc::new(RgbImage::new(3, 3));
        assert!(matches!(inference.segment(small).await, Err(Error::TooSmall { .. })));
    }

    #[tokio::test]
    async fn the_thread_survives_a_panic() {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let behaviour = || {
            assert!(RUNS.fetch_add(1, Ordering::SeqCst) != 1, "out of luck");
            Ok(())
        };
        let (inference, reports) = start(behaviour, 4);
        let error = inference.segment(image()).await.unwrap_err();
        assert!(error.to_string().contains("out of luck"), "{error}");
        assert!(inference.segment(image()).await.is_ok());
        assert!(reports.lock().unwrap().last().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_model_that_fails_is_never_reported_ready() {
        let (inference, reports) = start(|| Err(Error::Engine("no memory".to_owned())), 4);
        assert!(inference.segment(image()).await.is_err());
        assert!(reports.lock().unwrap().iter().all(Result::is_err));
    }

    #[tokio::test]
    async fn a_full_queue_is_an_error() {
        let slow = || {
            std::thread::sleep(Duration::from_millis(100));
            Ok(())
        };
        let (inference, _) = start(slow, 1);
        let answers: Vec<_> = (0..8)
            .map(|_| {
                let inference = inference.clone();
                tokio::spawn(async move { inference.segment(image()).await })
            })
            .collect();
        let mut full = 0;
        for answer in answers {
            full += usize::from(matches!(answer.await.unwrap(), Err(Error::QueueFull(1))));
        }
        assert!(full >= 5, "{full} refused");
    }

    #[tokio::test]
    async fn a_model_that_fails_to_open_reports_the_reason() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let open = || -> Result<Box<dyn Engine>, Error> { Err(Error::Model("no such file".to_owned())) };
        let inference = Inference::start(
            open,
            SlidingWindow::default(),
            1,
            Box::new(move |state| sender.send(state).unwrap()),
        );
        assert!(receiver.recv().unwrap().unwrap_err().contains("no such file"));
        assert!(matches!(inference.segment(image()).await, Err(Error::Stopped)));
    }
}
