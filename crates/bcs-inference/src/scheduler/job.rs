use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use bcs_contracts::features::Embedding;
use bcs_imaging::Raster;
use bcs_imaging::windows::Window;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Answer, LoadedModel, Options, Request};
use crate::embedding::MeanEmbedding;
use crate::error::Error;
use crate::plan::{Frame, Plan, Source};
use crate::segmentation::Rows;
use crate::sliding_window::SlidingWindow;
use crate::strips::Strips;
use crate::view::View;

/// Where an answer is sent.
type Reply = oneshot::Sender<Result<Answer, Error>>;
/// Where an answer is received.
type Receiver = oneshot::Receiver<Result<Answer, Error>>;

/// An image on its way: its windows are cut in order, run in any order, and blended in order.
pub(super) struct Job {
    pub(super) model: Arc<LoadedModel>,
    /// Maximum number of windows in a batch, by their number of pixels.
    pub(super) batch: usize,
    /// Number of windows that run, or wait to be blended.
    pub(super) in_flight: AtomicUsize,
    /// What is cut of each window; only windows with the same frame fit into one batch.
    pub(super) frame: Frame,
    window: SlidingWindow,
    plan: Plan,
    windows: Vec<Window>,
    /// Taken out for the answer.
    image: RwLock<Option<Raster>>,
    /// Released with the job.
    _held: Arc<dyn Any + Send + Sync>,
    token: CancellationToken,
    deadline: Option<Instant>,
    abandoned: AtomicBool,
    created: Instant,
    started: OnceLock<Instant>,
    output: Mutex<Output>,
    reply: Mutex<Option<Reply>>,
}

/// The segmentation while windows arrive.
#[derive(Default)]
struct Output {
    /// `None` before the first window, so that an image that waits takes no memory here.
    blending: Option<(Strips, Rows)>,
    embedding: MeanEmbedding,
    /// Number of windows that are blended.
    blended: usize,
    /// Windows that ran before their predecessors.
    early: BTreeMap<usize, Piece>,
}

/// Output for a batch of windows.
pub(super) struct Outputs {
    pub(super) logits: Vec<f32>,
    /// Empty if the model gives none.
    pub(super) embeddings: Vec<Embedding>,
}

/// Output for a window: a part of that of its batch.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) outputs: Arc<Outputs>,
    /// Position of the window in its batch.
    pub(super) position: usize,
}

impl Job {
    /// Creates a job. The answer is sent to the receiver.
    pub(super) fn new(
        model: &Arc<LoadedModel>,
        request: Request,
        options: &Options,
    ) -> Result<(Self, Receiver), Error> {
        let Request { image, token, deadline, held } = request;
        let (info, window) = (&model.model().info, options.window);
        window.check(info)?;
        window.check_image(info, image.size())?;
        let plan = window.plan(info, image.size());
        let area = |size: [usize; 2]| size[0] * size[1];
        let budget = window.batch.max(1) * area(window.roi.unwrap_or(info.tile));
        let batch = (budget / area(plan.roi)).max(1);
        let (reply, receiver) = oneshot::channel();
        let job = Self {
            model: Arc::clone(model),
            batch,
            in_flight: AtomicUsize::new(0),
            frame: plan.frame(window.padding),
            window,
            plan,
            windows: plan.windows(),
            image: RwLock::new(Some(image)),
            _held: held,
            token,
            deadline,
            abandoned: AtomicBool::new(false),
            created: Instant::now(),
            started: OnceLock::new(),
            output: Mutex::default(),
            reply: Mutex::new(Some(reply)),
        };
        Ok((job, receiver))
    }

    /// Returns the number of windows.
    pub(super) fn windows(&self) -> usize {
        self.windows.len()
    }

    /// Whether windows of both jobs fit into one batch.
    pub(super) fn fits(&self, other: &Self) -> bool {
        self.frame == other.frame && Arc::ptr_eq(&self.model, &other.model)
    }

    /// Marks that nobody waits for the answer.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Whether the rest of the work is useless, and why.
    pub(super) fn cancelled(&self) -> Option<Error> {
        if self.abandoned.load(Ordering::Relaxed) || self.token.is_cancelled() {
            return Some(Error::Cancelled);
        }
        self.deadline.filter(|deadline| *deadline <= Instant::now()).map(|_| Error::Deadline)
    }

    /// Writes the pixels of a window. If they cannot be decoded, the job ends.
    pub(super) fn cut(&self, window: usize, pixels: &mut [u8]) {
        self.started.get_or_init(Instant::now);
        let image = self.image.read().unwrap_or_else(PoisonError::into_inner);
        let Some(image) = &*image else { return };
        let window = self.windows[window];
        match image.rows(self.plan.covered(0, window.y)) {
            Ok(rows) => {
                let (images, plans) = (std::slice::from_ref(rows.image()), std::slice::from_ref(&self.plan));
                let (view, padding, top) = (View::IDENTITY, self.window.padding, rows.top());
                self.frame.cut_one(&Source { images, plans, view, padding, top }, 0, window, pixels);
            }
            Err(error) => self.fail(error.into()),
        }
    }

    /// Ends the job with an error, unless it has ended.
    pub(super) fn fail(&self, error: Error) {
        self.abandon();
        self.send(Err(error));
    }

    /// Blends a window, and those after it that ran before it. Answers after the last one.
    pub(super) fn blend(&self, window: usize, piece: Piece) {
        if self.abandoned.load(Ordering::Relaxed) {
            return;
        }
        let mut output = self.output();
        output.early.insert(window, piece);
        loop {
            let next = output.blended;
            let Some(Piece { outputs, position }) = output.early.remove(&next) else { return };
            let (classes, roi) = (self.model.model().info.classes.len(), self.plan.roi);
            let blending = output.blending.get_or_insert_with(|| {
                (Strips::new(classes, self.plan, &self.window), Rows::new(classes, self.plan.size))
            });
            let (strips, rows) = blending;
            let length = classes * roi[0] * roi[1];
            let logits = &outputs.logits[position * length..][..length];
            strips.add(self.windows[next], logits, |y, row| rows.add(y, row));
            output.embedding.add(outputs.embeddings.get(position));
            output.blended += 1;
            if output.blended == self.windows() {
                self.answer(output.blending.take(), output.embedding);
                return;
            }
        }
    }

    fn answer(&self, blending: Option<(Strips, Rows)>, embedding: MeanEmbedding) {
        let Some((mut strips, mut rows)) = blending else { return };
        strips.finish(|y, row| rows.add(y, row));
        let image = self.image.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(image) = image else { return };
        let started = self.started.get().copied().unwrap_or(self.created);
        self.send(rows.finish(embedding.finish()).map(|segmentation| Answer {
            segmentation,
            image,
            model: Arc::clone(self.model.model()),
            waited: started - self.created,
            ran: started.elapsed(),
        }));
    }

    fn send(&self, result: Result<Answer, Error>) {
        let reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reply) = reply {
            // Fails if the future was dropped meanwhile, which needs no answer.
            let _ = reply.send(result);
        }
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
