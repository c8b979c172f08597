use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::{Border, Engine};
use crate::error::Error;
use crate::model::Model;

/// Number of batches that run at the same time on a device other than the CPU: one computes, the other is copied.
const DEVICE_BATCHES: usize = 2;

/// A model that has been tried, with its idle engines.
pub struct LoadedModel {
    model: Arc<Model>,
    engines: Mutex<Vec<Box<dyn Engine>>>,
    threads: NonZeroUsize,
    /// Number of batches that may run at the same time.
    pub(super) parallel: usize,
}

impl LoadedModel {
    /// Creates an engine for each worker and tries it.
    pub(super) fn new(model: Model, workers: NonZeroUsize, threads: NonZeroUsize) -> Result<Self, Error> {
        let parallel = match model.info.device.as_str() {
            "cpu" => workers.get(),
            _ => workers.get().min(DEVICE_BATCHES),
        };
        let loaded = Self { model: Arc::new(model), engines: Mutex::default(), threads, parallel };
        let mut engines = Vec::new();
        for _ in 0..parallel {
            engines.push(loaded.tried_engine()?);
        }
        *loaded.engines.lock().unwrap_or_else(PoisonError::into_inner) = engines;
        Ok(loaded)
    }

    /// Returns the model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Takes an idle engine, or creates one.
    pub(super) fn take(&self) -> Result<Box<dyn Engine>, Error> {
        let idle = self.engines.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.engine(), Ok)
    }

    /// Returns an engine after use.
    pub(super) fn give(&self, engine: Box<dyn Engine>) {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner).push(engine);
    }

    /// Creates an engine and runs it on a blank tile.
    pub(super) fn tried_engine(&self) -> Result<Box<dyn Engine>, Error> {
        let mut engine = self.engine()?;
        let [height, width] = self.model.info.tile;
        let pixels = vec![255; height * width * 3];
        let mut logits = vec![0.0; self.model.info.classes.len() * height * width];
        guard(|| engine.run(&pixels, [1, height, width], &Border::default(), &mut logits))?;
        if logits.iter().any(|value| !value.is_finite()) {
            return Err(Error::Engine("its output for a blank tile holds NaN or infinity".to_owned()));
        }
        Ok(engine)
    }

    fn engine(&self) -> Result<Box<dyn Engine>, Error> {
        let mut engine = guard(|| self.model.engine())?;
        engine.set_threads(self.threads);
        Ok(engine)
    }
}

/// Runs engine code and turns a panic into an error, so that the thread survives.
pub(super) fn guard<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        Err(Error::Engine(text.to_owned()))
    })
}
