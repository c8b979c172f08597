use std::sync::Arc;
use std::time::{Duration, Instant};

use super::LoadedModel;
use super::job::Outputs;
use super::loaded::guard;
use super::queue::Batch;
use super::shared::Shared;
use crate::error::Error;

/// Pause after the first failed trial of an engine.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between two trials.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs batches until stopping.
pub(super) fn run(shared: &Shared) {
    while let Some(batch) = shared.next_batch() {
        let model = Arc::clone(&batch.model);
        match forward(shared, &batch) {
            Ok(outputs) => {
                (shared.hooks.batch)(batch.windows.len());
                shared.finish(batch, outputs);
            }
            Err(error) => {
                tracing::warn!(error = error.to_string(), "The model failed on a batch.");
                shared.fail(&batch, &error);
                drop(batch);
                recover(shared, model);
            }
        }
    }
    shared.worker_ends();
}

/// Blends logits until stopping.
pub(super) fn blend(shared: &Shared) {
    while shared.blend_next() {}
}

/// Runs an engine on a batch. An engine that fails is dropped.
fn forward(shared: &Shared, batch: &Batch) -> Result<Outputs, Error> {
    // All have the same frame.
    let Some((job, _)) = batch.windows.first() else {
        return Ok(Outputs { logits: Vec::new(), embeddings: Vec::new() });
    };
    let frame = job.frame;
    let [rows, columns] = frame.roi;
    let count = batch.windows.len();
    let mut pixels = vec![0; count * frame.bytes()];
    for ((job, window), pixels) in batch.windows.iter().zip(pixels.chunks_exact_mut(frame.bytes())) {
        job.cut(*window, pixels);
    }
    let mut engine = batch.model.take()?;
    let classes = batch.model.model().info.classes.len();
    let mut logits = vec![0.0; count * classes * rows * columns];
    let start = Instant::now();
    let threads = shared.pace.threads(batch.alone, start);
    engine.set_threads(threads);
    let border = frame.border(shared.options.window.padding);
    let embeddings = guard(|| engine.run(&pixels, frame.shape(count), &border, &mut logits))?;
    if batch.alone {
        shared.pace.record(threads, count * rows * columns, start.elapsed());
    }
    batch.model.give(engine);
    Ok(Outputs { logits, embeddings })
}

/// Tries a new engine on a blank tile until it works, with growing pauses. Meanwhile other workers go on.
fn recover(shared: &Shared, mut model: Arc<LoadedModel>) {
    let mut pause = FIRST_PAUSE;
    let mut failing = false;
    loop {
        match model.tried_engine() {
            Ok(engine) => {
                model.give(engine);
                break;
            }
            Err(error) => {
                tracing::error!(error = error.to_string(), "The model fails on a blank tile.");
                shared.worker_fails(failing, &error);
                failing = true;
            }
        }
        if !shared.pause(pause) {
            break;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        if let Some(current) = shared.lock().current.clone() {
            model = current;
        }
    }
    if failing {
        shared.worker_recovers();
    }
}
