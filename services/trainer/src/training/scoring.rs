//! The validation of a run.

use std::path::PathBuf;

use bcs_data::Tile;
use bcs_inference::Segmentation;
use bcs_model::metrics::Overlap;
use bcs_tracking::Picture;

use super::checkpoint::Snapshot;
use super::run::{EXAMPLES, Run, batching};
use super::signals::{self, Signals};
use super::validate::{Scores, overlap_of, own_tiles, scores};
use crate::error::{Error, Result};
use crate::output::progress::Progress;
use crate::output::sheet::{Example, evenly_spaced};

impl Run<'_> {
    /// Scores the model, and returns some validation tiles as pictures and, if `writes`, a copy of the parameters.
    pub(super) fn validated(
        &mut self,
        epoch: usize,
        signals: &Signals,
        writes: bool,
    ) -> Result<(Scores, Vec<Picture>, Option<Snapshot>)> {
        let (scores, pictures) = self.validate(epoch, signals)?;
        let snapshot = || Snapshot::new(self.engine.network(), Some(scores.clone()), epoch);
        let model = writes.then(snapshot).transpose()?;
        Ok((scores, pictures, model))
    }

    /// Scores the model on the validation tiles, of which each process takes its share, and returns some of them as pictures.
    fn validate(&mut self, epoch: usize, signals: &Signals) -> Result<(Scores, Vec<Picture>)> {
        let tiles = &self.dataset.validation;
        let batching = batching(self.composed);
        let shown = evenly_spaced(EXAMPLES, tiles.len());
        let own = own_tiles(tiles.len(), &shown, self.world.share());
        let progress = Progress::silent_in_logs(format!("Epoch {epoch:02} validating"), own.len(), "tiles");
        let mut pictures = Vec::new();
        let visit = |index: usize, tile: &Tile, segmentation: &Segmentation| {
            if shown.contains(&index) {
                let example = Example::new(&tile.to_image(), &tile.to_mask(), &segmentation.mask);
                pictures.push(example.into_picture(tiles.name(index).to_owned()));
            }
            match signals.received() {
                Some(signal) => Err(Error::Interrupted { signal, checkpoint: PathBuf::new() }),
                None => Ok(()),
            }
        };
        let mut overlap = Overlap::new(self.map.classes().len());
        let signal =
            match overlap_of(&mut overlap, &mut self.engine, (tiles, &own), batching, &progress, visit) {
                Err(Error::Interrupted { signal, .. }) => Some(signal),
                result => result.map(|()| None)?,
            };
        let parts = [overlap.to_sums(), signals::counts(signal).to_vec()].concat();
        let sums = self.world.sum(parts, "validation")?;
        let (sums, counts) = sums.split_at(sums.len() - signals::COUNTS);
        match signals::counted(counts) {
            Some(signal) => Err(Error::Interrupted { signal, checkpoint: PathBuf::new() }),
            None => Ok((scores(&Overlap::from_sums(sums)?, &self.map, &self.metric), pictures)),
        }
    }
}
