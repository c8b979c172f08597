//! All outputs of a graph, for calibration.

use std::num::NonZeroUsize;
use std::thread;

use bcs_contracts::package::Scaling;
use openvino::{InferRequest, InferenceError};

use super::compiler::{self, Compiler, Key, failed};
use super::input::Table;
use crate::engine::Border;
use crate::error::Error;
use crate::options::Options;

/// A graph of which all outputs are computed, in float32.
pub struct GraphOutputs {
    request: InferRequest,
    table: Table,
    outputs: usize,
    channels: usize,
    size: [usize; 2],
}

impl GraphOutputs {
    /// Compiles the graph of an ONNX file for images of this height and width.
    ///
    /// # Errors
    /// [`Error::Model`]; [`Error::Engine`] if the graph does not accept such images.
    pub fn open(graph: &[u8], scaling: &Scaling, size: [usize; 2]) -> Result<Self, Error> {
        let core = compiler::start(&Options::on("cpu")).map_err(Error::Model)?;
        let compiler = Compiler::new(core, graph).map_err(Error::Model)?;
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let request = compiler.request(Key { size, threads })?;
        let (outputs, channels) = (compiler.outputs(), compiler.channels());
        Ok(Self { request, table: Table::new(scaling), outputs, channels, size })
    }

    /// Computes the outputs for an RGB image. `visit` gets the position of each output and its values.
    ///
    /// # Errors
    /// [`Error::Engine`], also for an image of another size.
    pub fn run(&mut self, pixels: &[u8], mut visit: impl FnMut(usize, &[f32])) -> Result<(), Error> {
        let [height, width] = self.size;
        if pixels.len() != height * width * 3 {
            return Err(Error::Engine(format!("its input is not an image of {width}×{height} pixels")));
        }
        let mut values = vec![0.0; self.channels * height * width];
        self.table.fill(pixels, self.size, &Border::default(), &mut values);
        self.infer(&values, &mut visit).map_err(|error| failed(&error))
    }

    fn infer(&mut self, values: &[f32], visit: &mut impl FnMut(usize, &[f32])) -> Result<(), InferenceError> {
        self.request.get_input_tensor()?.get_data_mut::<f32>()?.copy_from_slice(values);
        self.request.infer()?;
        for output in 0..self.outputs {
            visit(output, self.request.get_output_tensor_by_index(output)?.get_data::<f32>()?);
        }
        Ok(())
    }
}
