//! A thread that owns an engine, and a bounded queue to it. The engine is opened and tried on that thread, so a
//! server can listen meanwhile; what it can do is told by the one who does it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread;

use image::RgbImage;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Engine, ModelInfo};
use crate::error::Error;
use crate::segmentation::Segmentation;
use crate::sliding_window::SlidingWindow;

/// Told whenever what the engine can do has changed: it has answered, or it has failed and why.
pub type Report = Box<dyn Fn(Result<(), String>) + Send>;

/// A handle to the thread that owns the engine; clones share it. The thread ends with the last of them.
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
    /// Starts the thread. `open` runs on it; then a blank tile is tried, and `report` told how that went. At most
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
                // Set once, here: nobody else has it yet.
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

    /// What is known about the model; `None` until it is open.
    pub fn info(&self) -> Option<&Arc<ModelInfo>> {
        self.info.get()
    }

    /// Segments an image when its turn comes. Whoever drops the future has left, and is passed over.
    ///
    /// # Errors
    /// [`Error::QueueFull`] at once; [`Error::TooSmall`]; [`Error::Engine`]; [`Error::Stopped`].
    pub async fn segment(&self, image: Arc<RgbImage>) -> Result<Segmentation, Error> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(Job { image, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::QueueFull(self.jobs.max_capacity()),
            mpsc::error::TrySendError::Closed(_) => Error::Stopped,
        })?;
        answer.await.unwrap_or(Err(Error::Stopped))
    }

    /// Images that wait.
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
        self.try_out();
        while let Some(job) = jobs.blocking_recv() {
            if job.reply.is_closed() {
                continue;
            }
            let result = guard(|| self.segment(&job.image));
            let failed = matches!(result, Err(Error::Engine(_)));
            // The client may have left meanwhile; its answer is nobody's then.
            let _ = job.reply.send(result);
            if failed || !self.healthy {
                self.try_out();
            }
        }
    }

    fn segment(&mut self, image: &RgbImage) -> Result<Segmentation, Error> {
        Segmentation::from_logits(&self.window.run(self.engine.as_mut(), image)?)
    }

    /// Runs a blank tile, and reports where that changes what is known.
    fn try_out(&mut self) {
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

/// Runs engine code; a panic in it becomes an error, and the thread lives on.
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
    async fn an_image_is_segmented_and_the_model_reported_ready() {
        let (inference, reports) = start(|| Ok(()), 4);
        let segmentation = inference.segment(image()).await.unwrap();
        assert_eq!(segmentation.class_pixels, [0, 1600]);
        assert_eq!(*reports.lock().unwrap(), [Ok(())]);
        assert_eq!(inference.info().unwrap().version, "fake");
        let small = Arc::new(RgbImage::new(3, 3));
        assert!(matches!(inference.segment(small).await, Err(Error::TooSmall { .. })));
    }

    #[tokio::test]
    async fn a_panic_is_reported_and_the_next_image_is_served() {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let behaviour = || {
            assert!(RUNS.fetch_add(1, Ordering::SeqCst) != 1, "a bad day");
            Ok(())
        };
        let (inference, reports) = start(behaviour, 4);
        let error = inference.segment(image()).await.unwrap_err();
        assert!(error.to_string().contains("a bad day"), "{error}");
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
    async fn a_full_queue_refuses_at_once() {
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
    async fn a_model_that_cannot_be_opened_says_why() {
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
