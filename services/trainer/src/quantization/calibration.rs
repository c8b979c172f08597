//! Ranges of the tensors on training tiles.

use std::collections::BTreeMap;

use bcs_contracts::package::Scaling;
use bcs_inference::GraphOutputs;
use bcs_model::export::quantize::{Calibration, FloatGraph, Histogram, Scale};

use super::tiles::CalibrationTiles;
use crate::error::Result;
use crate::output::progress::Progress;

/// Ways to choose a range, which are all tried, with their names in the package.
pub(crate) const CALIBRATIONS: [(&str, Calibration); 3] = [
    ("min-max", Calibration::MinMax),
    ("percentile", Calibration::Percentile(0.9999)),
    ("least-error", Calibration::LeastError),
];

/// Distributions of the inputs of all layers.
pub(crate) struct Distributions(BTreeMap<String, Histogram>);

impl Distributions {
    /// Runs the graph on calibration tiles.
    ///
    /// # Errors
    /// [`crate::error::Error::Inference`].
    pub(crate) fn measure(graph: &FloatGraph, tiles: &CalibrationTiles, scaling: &Scaling) -> Result<Self> {
        let mut inputs: Vec<String> = graph.layers().into_iter().map(|layer| layer.input).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let mut outputs = GraphOutputs::open(&graph.with_outputs(&inputs), scaling, tiles.size)?;
        let mut histograms = vec![Histogram::default(); inputs.len()];
        let progress = Progress::new("Measuring ranges", tiles.pixels.len(), "tiles");
        for pixels in &tiles.pixels {
            outputs.run(pixels, |output, values| {
                // The first output is the logits.
                if let Some(histogram) = output.checked_sub(1).and_then(|input| histograms.get_mut(input)) {
                    histogram.add(values);
                }
            })?;
            progress.step();
        }
        Ok(Self(inputs.into_iter().zip(histograms).collect()))
    }

    /// Returns the scale of each tensor.
    pub(crate) fn scales(&self, calibration: Calibration) -> BTreeMap<String, Scale> {
        self.0.iter().map(|(tensor, histogram)| (tensor.clone(), histogram.scale(calibration))).collect()
    }
}
