use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use bcs_contracts::features::Embedding;
use bcs_contracts::package::Scaling;
use openvino::InferRequest;

use super::compiler::{Compiler, Key, failed};
use super::input::Table;
use crate::engine::{Border, Engine, ModelInfo};
use crate::error::Error;
use crate::model::Weights;

/// Position of the output that holds the logits.
const LOGITS: usize = 0;
/// Number of requests that an engine keeps, as many as there may be compiled graphs.
const KEPT: usize = 8;

/// A graph, which its engines share.
pub(super) struct GraphWeights(Arc<Shared>);

struct Shared {
    compiler: Compiler,
    table: Table,
    info: Arc<ModelInfo>,
}

impl GraphWeights {
    pub(super) fn new(compiler: Compiler, scaling: &Scaling, info: Arc<ModelInfo>) -> Self {
        Self(Arc::new(Shared { compiler, table: Table::new(scaling), info }))
    }
}

impl Weights for GraphWeights {
    fn engine(&self) -> Result<Box<dyn Engine>, Error> {
        let shared = Arc::clone(&self.0);
        Ok(Box::new(OpenVinoEngine { shared, threads: NonZeroUsize::MIN, lanes: Vec::new() }))
    }
}

/// Engine of a graph.
struct OpenVinoEngine {
    shared: Arc<Shared>,
    threads: NonZeroUsize,
    /// One for each image that runs at the same time.
    lanes: Vec<Lane>,
}

/// Runs one image after the other.
#[derive(Default)]
struct Lane {
    /// Requests by what their graphs are compiled for, the last used one first.
    requests: VecDeque<(Key, InferRequest)>,
}

/// An image, and what is to be computed of it.
struct Image<'a> {
    pixels: &'a [u8],
    logits: &'a mut [f32],
    /// `None` if the graph gives none.
    embedding: Option<&'a mut Embedding>,
}

impl Lane {
    fn request(&mut self, compiler: &Compiler, key: Key) -> Result<&mut InferRequest, Error> {
        let known = self.requests.iter().position(|(known, _)| *known == key);
        let request = match known.and_then(|position| self.requests.remove(position)) {
            Some((_, request)) => request,
            None => compiler.request(key)?,
        };
        self.requests.truncate(KEPT - 1);
        self.requests.push_front((key, request));
        Ok(&mut self.requests[0].1)
    }

    /// Runs images of one size, which is that of the key without the border.
    fn run(
        &mut self,
        shared: &Shared,
        key: Key,
        border: &Border,
        images: &mut [Image<'_>],
    ) -> Result<(), Error> {
        let [rows, columns] = key.size;
        let size = [rows - border.top - border.bottom, columns - border.left - border.right];
        let request = self.request(&shared.compiler, key)?;
        let mut input = request.get_input_tensor().map_err(|error| failed(&error))?;
        for Image { pixels, logits, embedding } in images {
            let values = input.get_data_mut::<f32>().map_err(|error| failed(&error))?;
            shared.table.fill(pixels, size, border, values);
            request.infer().map_err(|error| failed(&error))?;
            copy(request, LOGITS, logits)?;
            if let (Some(index), Some(embedding)) = (shared.compiler.embedding(), embedding) {
                copy(request, index, embedding.as_mut_slice())?;
            }
        }
        Ok(())
    }
}

/// Copies an output.
fn copy(request: &InferRequest, index: usize, values: &mut [f32]) -> Result<(), Error> {
    let output = request.get_output_tensor_by_index(index).map_err(|error| failed(&error))?;
    let found = output.get_data::<f32>().map_err(|error| failed(&error))?;
    if found.len() != values.len() {
        return Err(Error::Engine("its output has another size than its input".to_owned()));
    }
    values.copy_from_slice(found);
    Ok(())
}

impl Engine for OpenVinoEngine {
    fn info(&self) -> &ModelInfo {
        &self.shared.info
    }

    fn set_threads(&mut self, threads: NonZeroUsize) {
        self.threads = threads;
    }

    /// Several images run at the same time on a thread each, which is faster than one after the other on several threads.
    fn run(
        &mut self,
        pixels: &[u8],
        shape: [usize; 3],
        border: &Border,
        logits: &mut [f32],
    ) -> Result<Vec<Embedding>, Error> {
        let [count, height, width] = shape;
        if count * height * width == 0 || pixels.len() != count * height * width * 3 || logits.is_empty() {
            return Err(Error::Engine(format!("its input does not have the shape {shape:?}")));
        }
        let size = [border.top + height + border.bottom, border.left + width + border.right];
        let outputs = logits.len().div_ceil(count);
        let embedded = if self.shared.compiler.embedding().is_some() { count } else { 0 };
        let mut embeddings = vec![Embedding::default(); embedded];
        let mut slots = embeddings.iter_mut();
        let images = pixels.chunks_exact(height * width * 3).zip(logits.chunks_mut(outputs));
        let mut images: Vec<Image<'_>> =
            images.map(|(pixels, logits)| Image { pixels, logits, embedding: slots.next() }).collect();
        let lanes = self.threads.get().min(count);
        let threads = NonZeroUsize::new(self.threads.get() / lanes).unwrap_or(NonZeroUsize::MIN);
        let (shared, key) = (&*self.shared, Key { size, threads });
        self.lanes.resize_with(lanes.max(self.lanes.len()), Lane::default);
        let [first, others @ ..] = self.lanes.as_mut_slice() else { return Ok(Vec::new()) };
        let mut shares = images.chunks_mut(count.div_ceil(lanes));
        let own = shares.next().unwrap_or_default();
        thread::scope(|scope| {
            let mut running = Vec::new();
            for (lane, images) in others.iter_mut().zip(shares) {
                running.push(scope.spawn(move || lane.run(shared, key, border, images)));
            }
            let result = first.run(shared, key, border, own);
            let panicked = |_| Err(Error::Engine("a thread has panicked".to_owned()));
            running
                .into_iter()
                .fold(result, |result, thread| result.and(thread.join().unwrap_or_else(panicked)))
        })?;
        Ok(embeddings)
    }
}
