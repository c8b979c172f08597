//! Search for the layers that stay in floating point: as few as keep the score, those first that change the output most.

use std::collections::{BTreeMap, BTreeSet};

use bcs_contracts::PackageMetadata;
use bcs_inference::{Border, Engine, Precision};
use bcs_model::export::quantize::{FloatGraph, Scale};

use super::engine;
use super::tiles::CalibrationTiles;
use crate::error::Result;
use crate::output::progress::Progress;

/// Largest number of tiles on which outputs are compared.
const COMPARED: usize = 8;

/// Logits of the float32 graph on some tiles, with which quantized graphs are compared.
pub(crate) struct Reference<'a> {
    metadata: &'a PackageMetadata,
    tiles: &'a CalibrationTiles,
    logits: Vec<Vec<f32>>,
}

/// What quantizing a layer alone does to the logits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sensitivity {
    /// Name of the layer.
    pub layer: String,
    /// Root mean square error of the logits, relative to their root mean square.
    pub error: f64,
}

impl<'a> Reference<'a> {
    /// Runs the float32 graph.
    ///
    /// # Errors
    /// [`crate::error::Error::Inference`].
    pub(crate) fn new(
        metadata: &'a PackageMetadata,
        graph: &[u8],
        tiles: &'a CalibrationTiles,
    ) -> Result<Self> {
        let logits = logits(engine(metadata, graph, Precision::Float32)?.as_mut(), tiles)?;
        Ok(Self { metadata, tiles, logits })
    }

    /// Returns the root mean square error of a graph's logits, relative to their root mean square.
    ///
    /// # Errors
    /// [`crate::error::Error::Inference`].
    pub(crate) fn error(&self, graph: &[u8]) -> Result<f64> {
        let found = logits(engine(self.metadata, graph, Precision::Int8)?.as_mut(), self.tiles)?;
        let pairs = self.logits.iter().flatten().zip(found.iter().flatten());
        let (error, total) = pairs.fold((0.0, 0.0), |(error, total), (expected, found)| {
            let difference = f64::from(expected - found);
            (error + difference * difference, total + f64::from(*expected) * f64::from(*expected))
        });
        Ok((error / total.max(f64::MIN_POSITIVE)).sqrt())
    }

    /// Quantizes each layer alone, and returns them in the order of their errors, the largest first.
    ///
    /// # Errors
    /// [`crate::error::Error::Inference`].
    pub(crate) fn sensitivities(
        &self,
        graph: &FloatGraph,
        scales: &BTreeMap<String, Scale>,
    ) -> Result<Vec<Sensitivity>> {
        let layers = graph.layers();
        let progress = Progress::new("Quantizing one by one", layers.len(), "layers");
        let mut found = Vec::with_capacity(layers.len());
        for layer in layers {
            let alone = graph.quantized(scales, &BTreeSet::from([layer.name.clone()]))?;
            found.push(Sensitivity { error: self.error(&alone)?, layer: layer.name });
            progress.step();
        }
        found.sort_by(|one, other| other.error.total_cmp(&one.error));
        Ok(found)
    }
}

fn logits(engine: &mut dyn Engine, tiles: &CalibrationTiles) -> Result<Vec<Vec<f32>>> {
    let ([height, width], classes) = (tiles.size, engine.info().classes.len());
    let run = |pixels: &Vec<u8>| {
        let mut logits = vec![0.0; classes * height * width];
        engine.run(pixels, [1, height, width], &Border::default(), &mut logits)?;
        Ok(logits)
    };
    tiles.pixels.iter().take(COMPARED).map(run).collect()
}

/// Returns the least number of layers, from 0 to `all`, whose result is accepted, if that of more layers is accepted too: doubles
/// the number until it is, and halves the interval then. `None` if no number is accepted.
///
/// # Errors
/// Those of `accepts`.
pub(crate) fn fewest(all: usize, mut accepts: impl FnMut(usize) -> Result<bool>) -> Result<Option<usize>> {
    let (mut refused, mut tried) = (None, 0);
    while !accepts(tried)? {
        if tried >= all {
            return Ok(None);
        }
        refused = Some(tried);
        tried = (2 * tried).clamp(1, all);
    }
    let mut least = tried;
    while let Some(low) = refused.filter(|low| least - low > 1) {
        let middle = low.midpoint(least);
        if accepts(middle)? {
            least = middle;
        } else {
            refused = Some(middle);
        }
    }
    Ok(Some(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_layers_are_found() {
        for all in 0..12 {
            for needed in 0..=all + 1 {
                let mut tries = 0;
                let found = fewest(all, |layers| {
                    tries += 1;
                    Ok(layers >= needed)
                });
                assert_eq!(found.unwrap(), (needed <= all).then_some(needed), "{needed} of {all}");
                assert!(tries <= 8, "{needed} of {all}: {tries}");
            }
        }
    }
}
