//! An engine that stops between two batches.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bcs_contracts::features::Embedding;
use bcs_inference::{Border, Engine, Error, ModelInfo};
use bcs_service::admission::Ticket;

/// An engine whose batches fail once the request is not to be continued.
pub struct Cancellable {
    engine: Box<dyn Engine>,
    ticket: Arc<Ticket>,
}

impl Cancellable {
    /// Wraps an engine.
    pub fn new(engine: Box<dyn Engine>, ticket: Arc<Ticket>) -> Self {
        Self { engine, ticket }
    }
}

impl Engine for Cancellable {
    fn info(&self) -> &ModelInfo {
        self.engine.info()
    }

    fn set_threads(&mut self, threads: NonZeroUsize) {
        self.engine.set_threads(threads);
    }

    fn run(
        &mut self,
        pixels: &[u8],
        shape: [usize; 3],
        border: &Border,
        logits: &mut [f32],
    ) -> Result<Vec<Embedding>, Error> {
        self.ticket.check().map_err(|_| Error::Cancelled)?;
        self.engine.run(pixels, shape, border, logits)
    }
}
